"""Seed 003, schema design: rows 3.69 and 3.70. Automatic keys, a vector of 768, VARCHAR, INT64, JSON; filters against a scan of the rows."""

from case import ADDRESS, best, equal, near, seen, vectors
from pymilvus import Collection, CollectionSchema, DataType, FieldSchema, connections

connections.connect("default", host=ADDRESS.split(":")[0], port=ADDRESS.split(":")[1])
schema = CollectionSchema(
    [
        FieldSchema(name="id", dtype=DataType.INT64, is_primary=True, auto_id=True),
        FieldSchema(name="vector", dtype=DataType.FLOAT_VECTOR, dim=768),
        FieldSchema(name="category", dtype=DataType.VARCHAR, max_length=50),
        FieldSchema(name="timestamp", dtype=DataType.INT64),
        FieldSchema(name="metadata", dtype=DataType.JSON),
    ]
)
collection = Collection("schema_003", schema, consistency_level="Strong")
told = collection.describe()
equal([field["name"] for field in told["fields"]], ["id", "vector", "category", "timestamp", "metadata"], "fields")
equal(told["fields"][0]["auto_id"], True, "automatic keys")
equal(told["fields"][2]["params"], {"max_length": 50}, "parameters of VARCHAR")

count = 60
rows = vectors(count, 768)
categories = [["tech", "science", "art", "science fiction"][row % 4] for row in range(count)]
timestamps = [1_640_995_200 + (row - 20) * 3_600 for row in range(count)]
metadata = [{"author": {"name": f"a{row % 7}"}, "tags": [row, "x"], "score": row / 4, "none": None} for row in range(count)]
result = collection.insert([rows.tolist(), categories, timestamps, metadata])
keys = list(result.primary_keys)
equal(len(set(keys)), count, "automatic keys differ")
row_of = {key: row for row, key in enumerate(keys)}

collection.create_index("vector", {"index_type": "IVF_FLAT", "metric_type": "L2", "params": {"nlist": 128}})
collection.load()

expression = "category in ['tech', 'science'] and timestamp > 1640995200"
expected = [row for row in range(count) if categories[row] in ("tech", "science") and timestamps[row] > 1640995200]
answer = collection.query(expr=expression, output_fields=["category", "timestamp", "metadata"])
equal(sorted(row_of[row["id"]] for row in answer), expected, "query by filter")
for row in answer:
    index = row_of[row["id"]]
    equal(row["metadata"], metadata[index], "JSON of the row")
    equal((row["category"], row["timestamp"]), (categories[index], timestamps[index]), "scalars of the row")

batch = vectors(4, 768, seed=5)
results = collection.search(
    data=batch.tolist(),
    anns_field="vector",
    param={"metric_type": "L2", "params": {"nprobe": 128}},
    limit=10,
    expr=expression,
    output_fields=["id", "category"],
)
equal(len(results), 4, "one list of hits a query")
for query, hits in zip(batch, results):
    nearest = [expected[index] for index in best(rows[expected], query, 10, "L2")]
    equal([row_of[hit.id] for hit in hits], nearest, "filtered search")
    equal([hit.entity.get("category") for hit in hits], [categories[row] for row in nearest], "output field")
    near([hit.distance for hit in hits], ((rows[nearest] - query) ** 2).sum(axis=1), "squared distances", 1e-4)

# The document puts `expr` into the search parameters: nobody looks for it there.
inside = {"metric_type": "L2", "params": {"nprobe": 128}, "expr": "timestamp < 0"}
hits = collection.search(data=batch[:1].tolist(), anns_field="vector", param=inside, limit=10)[0]
equal([row_of[hit.id] for hit in hits], best(rows, batch[0], 10, "L2"), "expr inside param filters nothing")

paths = collection.query(expr='metadata["author"]["name"] == "a3" and metadata["score"] >= 5', output_fields=["id"])
equal(
    sorted(row_of[row["id"]] for row in paths),
    [row for row in range(count) if row % 7 == 3 and row / 4 >= 5],
    "path into JSON",
)
collection.drop()
seen(rows=count, filtered=len(expected), queries=len(results))
