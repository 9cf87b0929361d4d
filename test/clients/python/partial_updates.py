"""Partial updates: fields alone, arrays, undeclared keys, keys that are new; over shards and after a flush."""

from case import connect, equal, refused, seen, vectors
from pymilvus import DataType, FieldOp

client = connect()
name = "partial_updates"
schema = client.create_schema(enable_dynamic_field=True)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
schema.add_field("title", DataType.VARCHAR, max_length=50)
schema.add_field("size", DataType.INT32, nullable=True)
schema.add_field("meta", DataType.JSON, nullable=True)
schema.add_field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=5, max_length=10, nullable=True)
index_params = client.prepare_index_params()
index_params.add_index("vector", metric_type="COSINE")
client.create_collection(
    name, schema=schema, index_params=index_params, num_shards=2, consistency_level="Strong"
)
rows = vectors(200, 8)
model = {}


def write(ids):
    data = [
        {
            "id": row,
            "vector": rows[row].tolist(),
            "title": f"title {row}",
            "size": row if row % 3 else None,
            "meta": {"a": row},
            "tags": [f"t{row % 5}"] if row % 4 else None,
            "colour": f"c{row}",
            "deep": {"x": 1, "y": row},
        }
        for row in ids
    ]
    client.insert(name, data)
    for row in data:
        model[row["id"]] = dict(row)


def check(what):
    answer = client.query(name, filter="id >= 0", output_fields=["*"])
    equal(len(answer), len(model), f"rows {what}")
    for row in answer:
        expected = dict(model[row["id"]])
        equal([round(value, 6) for value in row.pop("vector")], [round(value, 6) for value in expected.pop("vector")], what)
        equal(dict(row), expected, f"row {row['id']} {what}")


def update(changes, **options):
    result = client.upsert(name, changes, partial_update=True, **options)
    equal(result["upsert_count"], len(changes), "updated")


write(range(100))
client.flush(name)
write(range(100, 200))
check("as written")

update([{"id": row, "size": -row} for row in (3, 50, 103, 199)])
for row in (3, 50, 103, 199):
    model[row]["size"] = -row
check("one field")

update([{"id": row, "vector": rows[0].tolist()} for row in (4, 104)])
for row in (4, 104):
    model[row]["vector"] = rows[0].tolist()
check("a vector alone")
hits = client.search(name, data=[rows[0].tolist()], limit=3)[0]
equal(sorted(hit["id"] for hit in hits), [0, 4, 104], "the vectors are searched")

update([{"id": 5, "size": None, "meta": {"b": [1, 2]}}, {"id": 105, "size": 7, "meta": None}])
model[5].update(size=None, meta={"b": [1, 2]})
model[105].update(size=7, meta=None)
check("to null and from null")

update([{"id": 6, "colour": "changed", "more": [1]}, {"id": 106, "deep": {"z": 1}}])
model[6].update(colour="changed", more=[1])
model[106].update(deep={"z": 1})
check("undeclared keys are merged one level deep")

update([{"id": 7, "tags": ["x", "y"]}, {"id": 8, "tags": ["z"]}], field_ops={"tags": FieldOp.array_append()})
model[7]["tags"] = [*model[7]["tags"], "x", "y"]
model[8]["tags"] = ["z"]
update([{"id": 7, "tags": ["x", "nothing"]}], field_ops={"tags": "array_remove"})
model[7]["tags"] = [tag for tag in model[7]["tags"] if tag != "x"]
check("arrays")
refused(
    lambda: update([{"id": 7, "tags": ["1", "2", "3", "4"]}], field_ops={"tags": FieldOp.array_append()}),
    "array length 6 exceeds max_capacity 5",
)

refused(lambda: update([{"id": 1000, "size": 1}]), "has no corresponding fieldData")
update([{"id": 1000, "vector": rows[9].tolist(), "title": "new"}])
model[1000] = {"id": 1000, "vector": rows[9].tolist(), "title": "new", "size": None, "meta": None, "tags": None}
check("a row that was not there")

client.flush(name)
check("after a flush")
seen(rows=len(model))
client.drop_collection(name)
