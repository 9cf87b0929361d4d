"""Seed 004, the ORM: row 4.7. VARCHAR 1024, a vector of 1024, IVF_FLAT with IP and nlist 1024."""

from case import ADDRESS, best, equal, near, seen, vectors
from pymilvus import Collection, CollectionSchema, DataType, FieldSchema, connections, utility

connections.connect("default", host=ADDRESS.split(":")[0], port=ADDRESS.split(":")[1])
fields = [
    FieldSchema(name="id", dtype=DataType.INT64, is_primary=True, auto_id=False),
    FieldSchema(name="content", dtype=DataType.VARCHAR, max_length=1024),
    FieldSchema(name="embedding", dtype=DataType.FLOAT_VECTOR, dim=1024),
]
schema = CollectionSchema(fields, "video_push")
collection = Collection(name="video_push", schema=schema, consistency_level="Strong")
equal(collection.description, "video_push", "description")
equal(utility.has_collection("video_push"), True, "has_collection")

collection.create_index(
    field_name="embedding",
    index_params={"metric_type": "IP", "index_type": "IVF_FLAT", "params": {"nlist": 1024}},
)
index = collection.index().to_dict()
equal(index["field"], "embedding", "field of the index")
equal(
    index["index_param"],
    {"metric_type": "IP", "index_type": "IVF_FLAT", "params": {"nlist": 1024}},
    "parameters of the index are told back",
)
collection.load()
equal(str(utility.load_state("video_push")), "Loaded", "load state")

rows = vectors(50, 1024)
contents = ["ü" * 512, "", "a\nb\t\"c\"", "漢字🪁", *(f"content {row}" for row in range(4, 50))]
result = collection.insert([list(range(50)), contents, rows.tolist()])
equal(result.insert_count, 50, "inserted")
collection.flush()
equal(collection.num_entities, 50, "num_entities after a flush")

query = vectors(1, 1024, seed=3)[0]
hits = collection.search(
    data=[query.tolist()],
    anns_field="embedding",
    param={"metric_type": "IP", "params": {"nprobe": 1024}},
    limit=7,
    output_fields=["content"],
)[0]
ids = list(hits.ids)
equal(ids, best(rows, query, 7, "IP"), "ids")
near(list(hits.distances), rows[ids] @ query, "inner products")
equal([hit.entity.get("content") for hit in hits], [contents[row] for row in ids], "content")

first = collection.query(expr="id < 4", output_fields=["content", "embedding"])
equal([row["content"] for row in first], contents[:4], "text that is not plain comes back byte for byte")
near([row["embedding"] for row in first], rows[:4], "vectors come back", 0)
collection.release()
equal(str(utility.load_state("video_push")), "NotLoad", "load state")
collection.drop()
equal(utility.has_collection("video_push"), False, "dropped")
seen(ids=ids, index=index["index_param"])
