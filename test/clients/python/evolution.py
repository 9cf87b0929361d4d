"""How a collection changes: fields that come later, fields that go, keys that are not declared, a time to live, truncation, properties."""

import time

from case import connect, equal, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "evolution"
client.drop_collection(name)
schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
schema.add_field("name", DataType.VARCHAR, max_length=5)
index = client.prepare_index_params()
index.add_index("vector", index_type="FLAT", metric_type="COSINE")
client.create_collection(name, schema=schema, index_params=index, consistency_level="Strong")
stale = connect()
stale.describe_collection(name)
rows = vectors(20, 8)


def put(ids, by=client, **more):
    by.insert(name, [{"id": row, "vector": rows[row % 20].tolist(), "name": f"n{row}", **more} for row in ids])


def found(filter, *fields, limit=1_000):
    answer = client.query(name, filter=filter, output_fields=["id", *fields], limit=limit)
    return [tuple(row[field] for field in ("id", *fields)) for row in answer]


def count():
    return client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"]


# Fields that come later: rows from before have the default, or null.
put(range(0, 4), by=stale)
client.flush(name)
put(range(4, 6))
client.add_collection_field(name, field_name="year", data_type=DataType.INT64, nullable=True)
client.add_collection_field(
    name, field_name="colour", data_type=DataType.VARCHAR, max_length=10, nullable=True, default_value="blue"
)
put(range(6, 8), year=1999, colour="red")
old = [(row, None, "blue") for row in range(6)]
new = [(row, 1999, "red") for row in range(6, 8)]
equal(found("id >= 0", "year", "colour"), old + new, "rows from before and after")
equal(found("year is null"), [(row,) for row in range(6)], "null")
equal(found('colour == "red"'), [(6,), (7,)], "a filter on a new field")
# A client that knows the schema of before is told, looks again, and goes on by itself.
put([8], by=stale)
equal(found("id == 8", "year", "colour"), [(8, None, "blue")], "a stale client")
refused(
    lambda: client.add_collection_field(name, field_name="hard", data_type=DataType.INT64, nullable=False),
    "added field must be nullable",
    1100,
)
refused(
    lambda: client.add_collection_field(name, field_name="year", data_type=DataType.INT64, nullable=True),
    "duplicated field name year",
    1100,
)

# Fields that go: their names are free, their values come back under none.
def ids_of(described):
    return {field["name"]: field["field_id"] for field in described["fields"]}


before = ids_of(client.describe_collection(name))
refused(lambda: client.drop_collection_field(name, field_name="id"), "cannot drop primary key field: id", 1100)
refused(lambda: client.drop_collection_field(name, field_name="vector"), "cannot drop the last vector field: vector", 1100)
refused(lambda: client.drop_collection_field(name, field_name="nothing"), "field not found: nothing", 1100)
refused(lambda: client.drop_function_field(name, "bm25"), "function not found: bm25", 1100)
client.create_index(name, index_params=client.prepare_index_params("colour", index_type="INVERTED"))
equal(sorted(client.list_indexes(name)), ["colour", "vector"], "indexes")
client.drop_collection_field(name, field_name="colour")
client.drop_collection_field(name, field_id=before["year"])
equal(list(ids_of(client.describe_collection(name))), ["id", "vector", "name"], "fields that are left")
equal(client.list_indexes(name), ["vector"], "the index went with its field")
refused(lambda: found("id >= 0", "year"), "field year not exist", 1100)
refused(lambda: found("year > 3"), "field year not exist", 1100)
client.add_collection_field(name, field_name="colour", data_type=DataType.INT64, nullable=True)
client.add_collection_field(name, field_name="year", data_type=DataType.VARCHAR, max_length=9, nullable=True)
equal(ids_of(client.describe_collection(name))["colour"] > max(before.values()), True, "an id of its own")
put([10], colour=3, year="now")
equal(
    found("id >= 0", "colour", "year"), [(row, None, None) for row in range(9)] + [(10, 3, "now")], "fields of old names"
)
client.release_collection(name)
client.load_collection(name)
equal(found("year is not null", "year"), [(10, "now")], "loaded again")
client.delete(name, ids=[10])

# Keys that are not declared.
client.alter_collection_properties(name, {"dynamicfield.enabled": "true"})
put([9], by=connect(), extra={"deep": 1})
equal(found('extra["deep"] == 1'), [(9,)], "a key that is not declared")
equal(client.describe_collection(name)["enable_dynamic_field"], True, "dynamic field")

# Properties of fields and indexes.
client.alter_collection_field(name, "name", {"max_length": 3})
refused(lambda: put([10_000]), "exceeds max length", 1100)
client.alter_collection_field(name, "name", {"max_length": 20})
put([10_000])
refused(
    lambda: client.alter_index_properties(name, "vector", {"mmap.enabled": True}), "can't alter index on loaded", 104
)
client.release_collection(name)
client.alter_index_properties(name, "vector", {"mmap.enabled": True})
equal(client.describe_index(name, "vector")["mmap.enabled"], "True", "property of an index")
client.drop_index_properties(name, "vector", ["mmap.enabled"])
equal("mmap.enabled" in client.describe_index(name, "vector"), False, "property is gone")
client.load_collection(name)

# A time to live.
client.alter_collection_properties(name, {"collection.ttl.seconds": 100_000})
equal(count(), 11, "young rows")
refused(lambda: client.alter_collection_properties(name, {"collection.ttl.seconds": -2}), "out of range", 1100)
client.alter_collection_properties(name, {"collection.ttl.seconds": 1})
while count() > 0:
    time.sleep(0.05)
equal(client.search(name, [rows[0].tolist()], limit=5)[0], [], "they are not found")
client.drop_collection_properties(name, ["collection.ttl.seconds"])
equal(count(), 11, "nothing was thrown away yet")

# Truncation.
client.truncate_collection(name)
equal(count(), 0, "truncated")
equal(client.get_collection_stats(name)["row_count"], 0, "row count")
equal(client.search(name, [rows[0].tolist()], limit=5)[0], [], "nothing is found")
put(range(3))
equal(found("id >= 0", "colour"), [(row, None) for row in range(3)], "rows after it")
client.drop_collection(name)

# How many elements an array may have, and how long its texts may be.
schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
schema.add_field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=2, max_length=3)
client.create_collection(name, schema=schema, index_params=index, consistency_level="Strong")
long = {"id": 1, "vector": rows[1].tolist(), "tags": ["abcd", "b", "c"]}
refused(lambda: client.insert(name, [long]), "exceeds max", 1100)
client.alter_collection_field(name, "tags", {"max_capacity": 3, "max_length": 4})
client.insert(name, [long])
equal(found("array_length(tags) == 3", "tags"), [(1, ["abcd", "b", "c"])], "a longer array")
equal(client.describe_collection(name)["fields"][2]["params"]["max_capacity"], 3, "the capacity is told")
refused(
    lambda: client.alter_collection_field(name, "tags", {"max_capacity": 5_000}),
    "the maximum capacity specified for a Array should be in (0, 4096]",
    1100,
)
refused(
    lambda: client.alter_collection_field(name, "id", {"max_capacity": 5}),
    "can not modify the maxcapacity for non-array types",
    1100,
)
client.drop_collection(name)

# An array of structs goes as a whole.
schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
parts = client.create_struct_field_schema()
parts.add_field("text", DataType.VARCHAR, max_length=9)
parts.add_field("dense", DataType.FLOAT_VECTOR, dim=8)
schema.add_field("parts", DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=parts, max_capacity=3)
index.add_index("parts[dense]", index_type="HNSW", metric_type="MAX_SIM")
client.create_collection(name, schema=schema, index_params=index, consistency_level="Strong")
part = {"text": "a", "dense": rows[0].tolist()}
client.insert(name, [{"id": row, "vector": rows[row].tolist(), "parts": [part]} for row in range(4)])
refused(
    lambda: client.drop_collection_field(name, field_name="parts[text]"),
    "cannot drop sub-field of struct array field: parts.text",
    1100,
)
refused(
    lambda: client.add_collection_field(name, field_name="parts", data_type=DataType.INT64, nullable=True),
    "duplicated field name parts",
    1100,
)
client.drop_collection_field(name, field_name="parts")
equal(list(ids_of(client.describe_collection(name))), ["id", "vector"], "no structs")
equal(client.list_indexes(name), ["vector"], "nor their indexes")
client.insert(name, [{"id": 4, "vector": rows[4].tolist()}])
equal([set(row) for row in client.query(name, filter="id >= 0")], [{"id", "vector"}] * 5, "rows without them")
client.add_collection_field(name, field_name="parts", data_type=DataType.INT64, nullable=True)
equal(found("id == 1", "parts"), [(1, None)], "a field of their name")
client.drop_collection(name)
seen(fields=2, rows=3)
