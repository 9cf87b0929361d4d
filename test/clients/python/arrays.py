"""Arrays of every element type: equal from growing rows and from files, nulls, limits and their texts."""

import math

from case import connect, equal, near, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "arrays"
ELEMENTS = {
    "bool": (DataType.BOOL, {}, [True, False, True]),
    "int8": (DataType.INT8, {}, [-128, 127, 0]),
    "int16": (DataType.INT16, {}, [-32768, 32767, 0]),
    "int32": (DataType.INT32, {}, [-(2**31), 2**31 - 1, 0]),
    "int64": (DataType.INT64, {}, [-(2**63), 2**63 - 1, 2**53 + 1, 0]),
    "float": (DataType.FLOAT, {}, [1.5, -0.25, 0.0]),
    "double": (DataType.DOUBLE, {}, [math.pi, -1e300, 5e-324, 0.0]),
    "varchar": (DataType.VARCHAR, {"max_length": 40}, ["", "plain", "ü\n\"\\ 漢字🪁", "x" * 40]),
}
schema = client.create_schema(enable_dynamic_field=True)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
for kind, (element_type, params, _) in ELEMENTS.items():
    for suffix, nullable in (("plain", False), ("null", True)):
        schema.add_field(
            f"{kind}_{suffix}", DataType.ARRAY, element_type=element_type, max_capacity=10, nullable=nullable, **params
        )
index_params = client.prepare_index_params()
index_params.add_index("vector", index_type="HNSW", metric_type="COSINE")
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")
described = {field["name"]: field for field in client.describe_collection(name)["fields"]}
equal(described["varchar_null"]["element_type"], DataType.VARCHAR, "element type")
equal(described["varchar_null"]["params"], {"max_capacity": 10, "max_length": 40}, "parameters")

count = 24
rows = vectors(count, 8)
data = []
for row in range(count):
    entity = {"id": row, "vector": rows[row].tolist()}
    for kind, (_, _, values) in ELEMENTS.items():
        value = [values[(row + at) % len(values)] for at in range(row % 5)]
        entity[f"{kind}_plain"] = value
        entity[f"{kind}_null"] = None if row % 3 == 0 else value
    data.append(entity)
client.insert(name, data[: count // 2])
client.flush(name)
client.insert(name, data[count // 2 :])


def check(where):
    answer = client.query(name, filter="id >= 0", output_fields=["*"])
    equal(sorted(row["id"] for row in answer), list(range(count)), f"rows {where}")
    for row in answer:
        for field, wanted in data[row["id"]].items():
            if field == "vector":
                continue
            got = row[field] if row[field] is None or not field.startswith(tuple(ELEMENTS)) else list(row[field])
            equal(got, wanted, f"row {row['id']} {where}, {field}")
        near(row["vector"], rows[row["id"]], f"vector {where}", 0)


check("half growing, half in files")
hit = client.search(name, data=[rows[5].tolist()], limit=1, output_fields=["int64_plain", "varchar_null"])[0][0]
equal((hit["id"], list(hit["entity"]["int64_plain"])), (5, data[5]["int64_plain"]), "arrays with a hit")
client.flush(name)
check("all in files")
client.release_collection(name)
client.load_collection(name)
check("loaded again")



def rows_where(expression, test, **params):
    answer = client.query(name, filter=expression, output_fields=["id"], **params)
    equal(sorted(row["id"] for row in answer), [row["id"] for row in data if test(row)], expression)


rows_where("array_contains(int64_plain, 0)", lambda row: 0 in row["int64_plain"])
rows_where("ARRAY_CONTAINS_ALL(varchar_plain, ['', 'plain'])", lambda row: {"", "plain"} <= set(row["varchar_plain"]))
rows_where(
    "json_contains_any(int8_null, {some})",
    lambda row: row["int8_null"] is not None and bool({127, 5} & set(row["int8_null"])),
    filter_params={"some": [127, 5]},
)
rows_where("not array_contains(int8_null, 127)", lambda row: row["int8_null"] is not None and 127 not in row["int8_null"])
rows_where("array_length(double_plain) >= 3", lambda row: len(row["double_plain"]) >= 3)
rows_where("varchar_null is null", lambda row: row["varchar_null"] is None)
rows_where("varchar_plain[1] like 'pl%'", lambda row: row["varchar_plain"][1:2] == ["plain"])
rows_where("int16_plain[0] + 1 == 1", lambda row: row["int16_plain"][:1] == [0])
rows_where("bool_plain[0] == true and float_plain[1] < 0", lambda row: row["bool_plain"][:1] == [True] and row["float_plain"][1:2] == [-0.25])
rows_where("int32_plain[3] in [2147483647]", lambda row: row["int32_plain"][3:4] == [2**31 - 1])
rows_where("(id & 3) == 1", lambda row: row["id"] & 3 == 1)
equal(0 < len(client.query(name, filter="id >= 0 and random_sample(0.5)", output_fields=["id"])) < count, True, "sample")
refused(lambda: client.query(name, filter="int64_plain == [1]"), "can not comparisons array fields directly", 1100)
refused(lambda: client.query(name, filter="array_contains(int64_plain, 'a')"), "can't compare between array element type")

changed = {**data[4], "int64_plain": [7], "varchar_null": []}
client.upsert(name, [changed])
data[4] = changed
check("after an upsert")
client.add_collection_field(
    name, "later", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=3, max_length=5, nullable=True
)
client.insert(name, [{**data[0], "id": count, "later": ["a", "b"]}])
later = client.query(name, filter="id in [1, 24]", output_fields=["later"])
equal({row["id"]: row["later"] and list(row["later"]) for row in later}, {1: None, 24: ["a", "b"]}, "an added field")
client.delete(name, ids=[count])

too_many = refused(
    lambda: client.insert(name, [{**data[0], "int64_plain": [1] * 11}]),
    "the length (11) of 0th array exceeds max capacity (10)",
    1100,
)
too_long = refused(
    lambda: client.insert(name, [{**data[0], "varchar_plain": ["a", "y" * 41]}]),
    'length of Array array field "varchar_plain" exceeds max length',
    1100,
)
refused(lambda: client.insert(name, [{**data[0], "int8_plain": [1, 300]}]), "the 1th element (300) out of range: [-128, 127]")
refused(lambda: client.insert(name, [{**data[0], "double_plain": [math.nan]}]), "is not a number or infinity")


def wrong(text, **params):
    bad = client.create_schema()
    bad.add_field("id", DataType.INT64, is_primary=True)
    bad.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
    bad.add_field("list", DataType.ARRAY, **params)
    return refused(lambda: client.create_collection("wrong_arrays", schema=bad), text)


wrong("the maximum capacity specified for a Array should be in (0, 4096]", element_type=DataType.INT64, max_capacity=4097)
wrong("type param(max_length) should be specified", element_type=DataType.VARCHAR, max_capacity=4)
wrong("element type JSON is not supported", element_type=DataType.JSON, max_capacity=4)
client.drop_collection(name)
seen(rows=count, too_many=too_many, too_long=too_long)
