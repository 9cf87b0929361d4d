"""Every type that is stored (row 3.3): what goes in comes out equal, with nulls and defaults, from growing rows and from files."""

import math

import numpy as np
from case import connect, equal, near, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "value_types"
SCALARS = {
    "bool": (DataType.BOOL, {}, [True, False]),
    "int8": (DataType.INT8, {}, [-128, 127, 0]),
    "int16": (DataType.INT16, {}, [-32768, 32767, 0]),
    "int32": (DataType.INT32, {}, [-(2**31), 2**31 - 1, 0]),
    "int64": (DataType.INT64, {}, [-(2**63), 2**63 - 1, 2**53 + 1, 0]),
    "float": (DataType.FLOAT, {}, [1.5, -0.25, 3.0e38, 0.0]),
    "double": (DataType.DOUBLE, {}, [math.pi, -1e300, 5e-324, 0.0]),
    "varchar": (DataType.VARCHAR, {"max_length": 40}, ["", "plain", "ü\n\"\\ 漢字🪁", "x" * 40]),
    "json": (
        DataType.JSON,
        {},
        [{}, {"a": [1, 2.5, None, "x", {"b": True}]}, [1, 2], 7, True, {"big": 2**53 + 1, "ключ": "значение"}],
    ),
}
DEFAULTS = {"bool": True, "int8": -5, "int16": 300, "int32": -70000, "int64": 2**40 + 1, "float": 0.5, "double": 2.25, "varchar": "def"}
# pymilvus sends a plain int as 64 bits and a plain float as a double, which Milvus does not take for smaller fields; numpy's types fit.
SIZED = {"int8": np.int8, "int16": np.int16, "int32": np.int32, "float": np.float32}



def sized(kind):
    return SIZED.get(kind, type(DEFAULTS[kind]))(DEFAULTS[kind])


schema = client.create_schema(enable_dynamic_field=True)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
schema.add_field("other", DataType.FLOAT_VECTOR, dim=3)
for kind, (data_type, params, _) in SCALARS.items():
    schema.add_field(f"{kind}_plain", data_type, **params)
    schema.add_field(f"{kind}_null", data_type, nullable=True, **params)
    if kind in DEFAULTS:
        schema.add_field(f"{kind}_default", data_type, default_value=sized(kind), **params)
        schema.add_field(f"{kind}_both", data_type, nullable=True, default_value=sized(kind), **params)
index_params = client.prepare_index_params()
index_params.add_index("vector", index_type="HNSW", metric_type="COSINE", params={"M": 16, "efConstruction": 200})
index_params.add_index("other", index_type="FLAT", metric_type="L2")
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")

count = 24
rows, others = vectors(count, 8), vectors(count, 3, seed=6)
data, expected = [], []
for row in range(count):
    entity = {"id": row, "vector": rows[row].tolist(), "other": others[row].tolist()}
    wanted = {"id": row}
    for kind, (_, _, values) in SCALARS.items():
        value = values[row % len(values)]
        entity[f"{kind}_plain"] = wanted[f"{kind}_plain"] = value
        is_null = row % 3 == 0
        entity[f"{kind}_null"] = wanted[f"{kind}_null"] = None if is_null else value
        if kind in DEFAULTS:
            entity[f"{kind}_default"] = None if is_null else value
            entity[f"{kind}_both"] = None if is_null else value
            wanted[f"{kind}_default"] = wanted[f"{kind}_both"] = DEFAULTS[kind] if is_null else value
    entity["extra"] = wanted["extra"] = {"row": row, "list": [row, str(row)]}
    data.append(entity)
    expected.append(wanted)
client.insert(name, data[: count // 2])
client.flush(name)
client.insert(name, data[count // 2 :])


def same(seen_value, wanted_value, kind):
    if kind == "float" and wanted_value is not None:
        return math.isclose(seen_value, wanted_value, rel_tol=1e-6)
    return seen_value == wanted_value and type(seen_value) is type(wanted_value)


def check(where):
    answer = client.query(name, filter="id >= 0", output_fields=["*"])
    equal(sorted(row["id"] for row in answer), list(range(count)), f"rows {where}")
    for row in answer:
        wanted = expected[row["id"]]
        for field, value in wanted.items():
            if field not in row or not same(row[field], value, field.split("_")[0]):
                raise AssertionError(f"row {row['id']} {where}, {field}: expected {value!r}, saw {row.get(field)!r}")
        equal(set(row) - set(wanted), {"vector", "other"}, f"no further keys {where}")
        near(row["vector"], rows[row["id"]], f"vector {where}", 0)
        near(row["other"], others[row["id"]], f"second vector {where}", 0)


check("half growing, half in files")
bare = {key: value for key, value in data[0].items() if key.endswith("_plain") or key in ("vector", "other")}
client.insert(name, [{"id": count, **bare}])
left_out = client.get(name, ids=[count])[0]
for kind in SCALARS:
    equal(left_out[f"{kind}_null"], None, f"{kind} left out")
    if kind in DEFAULTS:
        equal((left_out[f"{kind}_default"], left_out[f"{kind}_both"]), (DEFAULTS[kind],) * 2, f"{kind} left out")
client.delete(name, ids=[count])
hits = client.search(name, data=[others[5].tolist()], anns_field="other", limit=3, output_fields=["*"])[0]
equal(hits[0]["id"], 5, "search of the second vector field")
equal(hits[0]["entity"]["json_null"], expected[5]["json_null"], "all fields with a hit")
client.flush(name)
check("all in files")
client.release_collection(name)
client.load_collection(name)
check("loaded again")

nulls = client.query(name, filter="varchar_null is null", output_fields=["id"])
equal(sorted(row["id"] for row in nulls), list(range(0, count, 3)), "is null")
equal(len(client.query(name, filter="int64_null is not null", output_fields=["id"])), count - count // 3, "is not null")
big = client.query(name, filter="int64_plain == 9223372036854775807", output_fields=["int64_plain"])
equal({row["int64_plain"] for row in big}, {2**63 - 1}, "the largest int64 in a filter")



def plain_default():
    wrong = client.create_schema()
    wrong.add_field("id", DataType.INT64, is_primary=True)
    wrong.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
    wrong.add_field("level", DataType.INT8, default_value=3)
    client.create_collection("plain_default", schema=wrong)


refused(plain_default, "type (Int8) of field (level) is not equal to the type(DataType_Int64) of default_value", 1100)
refused(lambda: client.insert(name, [{**data[0], "varchar_plain": "y" * 41}]), "exceeds max length")
too_small = refused(lambda: client.insert(name, [{**data[0], "int8_plain": 128}]), "out of range")
client.drop_collection(name)

keyed = client.create_schema()
keyed.add_field("key", DataType.VARCHAR, is_primary=True, max_length=16)
keyed.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
key_index = client.prepare_index_params()
key_index.add_index("vector", metric_type="L2")
client.create_collection("text_keys", schema=keyed, index_params=key_index, consistency_level="Strong")
keys = ["a", "B", "ü", "漢", "a b", "it's", 'quo"te', "back\\slash"]
key_rows = vectors(len(keys), 4)
result = client.insert("text_keys", [{"key": key, "vector": row.tolist()} for key, row in zip(keys, key_rows)])
equal(list(result["ids"]), keys, "ids of the insert are text")
# pymilvus puts keys between quotes as they are: those that have quotes or backslashes need a filter of the user's.
plain = keys[:5]
got = client.get("text_keys", ids=plain)
equal(sorted(row["key"] for row in got), sorted(plain), "get by text keys")
for key in keys:
    found = client.query("text_keys", filter="key == {key}", filter_params={"key": key})
    equal([row["key"] for row in found], [key], "query by a text key")
quoted = client.query("text_keys", filter='key in ["it\'s", "quo\\"te", "back\\\\slash"]', output_fields=["key"])
equal(len(quoted), 3, "escaped text keys")
hit = client.search("text_keys", data=[key_rows[3].tolist()], limit=1)[0][0]
equal((hit["id"] if "id" in hit else hit["key"]), "漢", "id of a hit is text")
equal(client.delete("text_keys", ids=["a", "ü", "a b"])["delete_count"], 3, "deleted by text keys")
equal(len(client.query("text_keys", filter="", limit=100)), len(keys) - 3, "left")
client.drop_collection("text_keys")
seen(fields=len(schema.fields), rows=count, too_small=too_small)
