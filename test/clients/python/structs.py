"""Arrays of structs: every type of sub-field, nulls, growing and from files, outputs, and the texts of what is refused."""

import numpy
from case import connect, equal, near, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "structs"
SCALARS = {
    "flag": (DataType.BOOL, {}, lambda at: at % 2 == 0),
    "tiny": (DataType.INT8, {}, lambda at: at % 250 - 125),
    "short": (DataType.INT16, {}, lambda at: at * 7),
    "whole": (DataType.INT32, {}, lambda at: at * 1_000),
    "long": (DataType.INT64, {}, lambda at: 2**53 + at),
    "float": (DataType.FLOAT, {}, lambda at: at / 4),
    "double": (DataType.DOUBLE, {}, lambda at: at / 3),
    "text": (DataType.VARCHAR, {"max_length": 20}, lambda at: f"ü{at}"),
}
floats = vectors(400, 8)


def half(at):
    return floats[at % 400].astype(numpy.float16)


VECTORS = {
    "dense": (DataType.FLOAT_VECTOR, lambda at: floats[at % 400].tolist()),
    "half": (DataType.FLOAT16_VECTOR, half),
    "bits": (DataType.BINARY_VECTOR, lambda at: bytes([at % 256])),
    "bytes": (DataType.INT8_VECTOR, lambda at: numpy.full(8, at % 100, dtype=numpy.int8)),
}
schema = client.create_schema(enable_dynamic_field=True)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
for struct, nullable in (("parts", False), ("maybe", True)):
    fields = client.create_struct_field_schema()
    for sub, (kind, params, _) in SCALARS.items():
        fields.add_field(sub, kind, **params)
    for sub, (kind, _) in VECTORS.items():
        fields.add_field(sub, kind, dim=8)
    schema.add_field(
        struct,
        DataType.ARRAY,
        element_type=DataType.STRUCT,
        struct_schema=fields,
        max_capacity=6,
        nullable=nullable,
        description=f"{struct} of it",
    )
index_params = client.prepare_index_params()
index_params.add_index("vector", index_type="HNSW", metric_type="COSINE")
for struct in ("parts", "maybe"):
    index_params.add_index(f"{struct}[dense]", index_type="HNSW", metric_type="MAX_SIM_COSINE")
    index_params.add_index(f"{struct}[half]", index_type="HNSW", metric_type="MAX_SIM")
    index_params.add_index(f"{struct}[bits]", index_type="BIN_IVF_FLAT", metric_type="MAX_SIM_HAMMING")
    index_params.add_index(f"{struct}[bytes]", index_type="HNSW", metric_type="MAX_SIM_L2")
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")

described = client.describe_collection(name)
equal([field["name"] for field in described["fields"]], ["id", "vector", "parts", "maybe"], "fields")
structs = {field["name"]: field for field in described["fields"] if field["type"] == DataType.ARRAY}
equal(structs["maybe"].get("nullable"), True, "nullable struct")
equal(structs["parts"]["description"], "parts of it", "description")
equal(structs["parts"]["element_type"], DataType.STRUCT, "a struct")
equal(structs["parts"]["params"], {"max_capacity": 6}, "capacity")
declared = structs["parts"]["struct_fields"]
equal([field["name"] for field in declared], [*SCALARS, *VECTORS], "sub-fields")
equal([field["type"] for field in declared], [of[0] for of in (SCALARS | VECTORS).values()], "their types")
equal(declared[list(SCALARS).index("text")]["params"], {"max_length": 20}, "parameters of a sub-field")
ids = [structs["parts"]["field_id"], *(field["field_id"] for field in declared)]
equal(ids, list(range(103, 103 + len(ids))), "ids of a struct and its sub-fields")
equal(client.describe_index(name, "parts[dense]")["metric_type"], "MAX_SIM_COSINE", "metric of the index")

count = 24


def element(at):
    made = {sub: of(at) for sub, (_, _, of) in SCALARS.items()}
    made.update({sub: of(at) for sub, (_, of) in VECTORS.items()})
    return made


def entity(row, shift=0):
    return {
        "id": row,
        "vector": floats[row].tolist(),
        "parts": [element(row * 10 + at + shift) for at in range(row % 7)],
        "maybe": None if row % 3 == 0 else [element(row * 10 + at + shift) for at in range(row % 4)],
        "extra": row,
    }


def plain(value):
    """Bytes of vectors, whatever the client makes of them."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], bytes):
        return value[0]
    return numpy.asarray(value).tobytes() if isinstance(value, (list, numpy.ndarray)) else value


def same(got, wanted, what):
    if wanted is None:
        return equal(got, None, what)
    equal(len(got), len(wanted), f"length of {what}")
    for at, (one, other) in enumerate(zip(got, wanted)):
        equal(sorted(one), sorted(other), f"keys of {what}")
        for sub, value in other.items():
            if sub in ("float", "double", "dense"):
                near(numpy.asarray(one[sub]), numpy.asarray(value), f"{what}[{at}][{sub}]")
            else:
                equal(plain(one[sub]), plain(value), f"{what}[{at}][{sub}]")


data = [entity(row) for row in range(count)]
client.insert(name, data[: count // 2])
client.flush(name)
client.insert(name, data[count // 2 :])


def check(where, wanted):
    answer = client.query(name, filter="id >= 0", output_fields=["*"])
    equal(sorted(row["id"] for row in answer), sorted(wanted), f"rows {where}")
    for row in answer:
        for struct in ("parts", "maybe"):
            same(row[struct], wanted[row["id"]][struct], f"{struct} of row {row['id']} {where}")


wanted = {row["id"]: row for row in data}
check("growing and flushed", wanted)

some = client.query(name, filter="id == 13", output_fields=["parts[text]", "maybe"])
equal([sorted(one) for one in some[0]["parts"]], [["text"]] * 6, "one sub-field")
equal([one["text"] for one in some[0]["parts"]], [f"ü{130 + at}" for at in range(6)], "its values")
equal(len(some[0]["maybe"]), 1, "a whole struct")
hits = client.search(name, data=[floats[5].tolist()], anns_field="vector", limit=1, output_fields=["parts", "maybe[long]"])
equal(hits[0][0]["id"], 5, "nearest")
same(hits[0][0]["entity"]["parts"], data[5]["parts"], "struct of a hit")

def holds(of):
    return lambda row: row["maybe"] is not None and of(row["maybe"])


FILTERS = {
    'array_contains(parts[text], "ü131")': lambda row: any(part["text"] == "ü131" for part in row["parts"]),
    "array_contains_any(parts[tiny], [-95, -84])": lambda row: any(part["tiny"] in (-95, -84) for part in row["parts"]),
    "array_length(parts[whole]) == 5": lambda row: len(row["parts"]) == 5,
    "parts[0][short] >= 700": lambda row: len(row["parts"]) > 0 and row["parts"][0]["short"] >= 700,
    "10.5 < parts[1][float] <= 50": lambda row: len(row["parts"]) > 1 and 10.5 < row["parts"][1]["float"] <= 50,
    'parts[2][text] like "ü1%"': lambda row: len(row["parts"]) > 2 and row["parts"][2]["text"].startswith("ü1"),
    "parts[0][long] in [9007199254741012, 9007199254741042]": lambda row: (
        len(row["parts"]) > 0 and row["parts"][0]["long"] in (2**53 + 20, 2**53 + 50)
    ),
    "maybe[text] is null": lambda row: row["maybe"] is None,
    "maybe[text] is not null and not (array_length(maybe[flag]) > 1)": holds(lambda maybe: len(maybe) <= 1),
    "maybe[0][flag] == false": holds(lambda maybe: len(maybe) > 0 and not maybe[0]["flag"]),
}
for expression, passes in FILTERS.items():
    found = sorted(row["id"] for row in client.query(name, filter=expression, output_fields=["id"]))
    equal(found, [row["id"] for row in data if passes(row)], expression)
refused(lambda: client.query(name, filter="array_length(parts[none]) > 1"), "struct field not found: parts[none]")

client.upsert(name, [entity(row, 40) for row in (2, 13)])
wanted[2], wanted[13] = entity(2, 40), entity(13, 40)
client.delete(name, ids=[4, 20])
del wanted[4], wanted[20]
check("changed", wanted)
client.upsert(name, [{"id": 5, "parts": entity(5, 7)["parts"]}], partial_update=True)
wanted[5] = {**wanted[5], "parts": entity(5, 7)["parts"]}
client.upsert(name, [{"id": 6, "extra": 1}], partial_update=True)
check("partly changed", wanted)
client.flush(name)
check("flushed again", wanted)
client.compact(name)
client.release_collection(name)
client.load_collection(name)
check("loaded again", wanted)


later = client.create_struct_field_schema()
later.add_field("word", DataType.VARCHAR, max_length=10)
later.add_field("point", DataType.FLOAT_VECTOR, dim=4)
client.add_collection_struct_field(name, field_name="later", struct_schema=later, max_capacity=3)
client.upsert(name, [{"id": 7, "later": [{"word": "new", "point": [1.0, 2.0, 3.0, 4.0]}]}], partial_update=True)
added = {row["id"]: row["later"] for row in client.query(name, filter="id in [7, 8]", output_fields=["later"])}
equal(added[8], None, "a row from before")
equal((added[7][0]["word"], list(added[7][0]["point"])), ("new", [1.0, 2.0, 3.0, 4.0]), "a row with the later struct")
equal([row["id"] for row in client.query(name, filter='match_any(later, $[word] == "new")')], [7], "a filter on it")
point = client.prepare_index_params()
point.add_index("later[point]", index_type="HNSW", metric_type="L2")
client.create_index(name, point)
hits = client.search(name, data=[[1.0, 2.0, 3.0, 5.0]], anns_field="later[point]", limit=5)
equal([(hit["id"], hit["offset"], hit["distance"]) for hit in hits[0]], [(7, 0, 1.0)], "its elements")
refused(lambda: client.drop_collection_field(name, "later[word]"), "cannot drop sub-field of struct array field: later.word", 1100)
client.drop_collection_field(name, "later")
equal("later" in client.query(name, filter="id == 7", output_fields=["*"])[0], False, "dropped")


def creating(change, declared=None):
    """Creating a collection with a struct that `change` makes."""
    made = client.create_schema()
    made.add_field("id", DataType.INT64, is_primary=True)
    made.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
    fields = client.create_struct_field_schema()
    change(fields)
    made.add_field("s", DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=fields, max_capacity=declared or 6)
    client.create_collection("refused", schema=made)


refused(
    lambda: creating(lambda fields: fields.add_field("a", DataType.INT64), declared=5_000),
    "the maximum capacity specified for a Array should be in (0, 4096]",
    1100,
)
refused(
    lambda: creating(lambda fields: fields.add_field("a", DataType.VARCHAR)),
    "type param(max_length) should be specified for the field(a) of collection refused",
    1100,
)
refused(
    lambda: creating(lambda fields: fields.add_field("no good", DataType.INT64)),
    "Field name can only contain numbers, letters, and underscores.",
    1701,
)
long = [element(at) for at in range(7)]
refused(
    lambda: client.insert(name, [{**entity(1), "parts": long}]),
    "the length (7) of 0th array exceeds max capacity (6)",
    1100,
)
client.drop_collection(name)
seen(structs=list(structs), rows=len(wanted))
