"""Seed 003, quick start: rows 3.7 to 3.10."""

from case import best, connect, equal, near, seen, vectors

client = connect(token="username:password")
client.create_collection("demo_collection", dimension=768, metric_type="IP", consistency_level="Strong")
told = client.describe_collection("demo_collection")
equal([field["name"] for field in told["fields"]], ["id", "vector"], "fields")
equal(told["fields"][1]["params"], {"dim": 768}, "parameters of the vector")
equal(told["enable_dynamic_field"], True, "dynamic field")
equal(told["consistency_level_name"], "Strong", "consistency level")
index = client.describe_index("demo_collection", "vector")
equal((index["index_type"], index["metric_type"]), ("AUTOINDEX", "IP"), "index")

rows = vectors(30, 768)
texts = [f"text number {row}" for row in range(30)]
data = [{"id": row, "vector": rows[row].tolist(), "text": texts[row]} for row in range(30)]
result = client.insert("demo_collection", data)
equal(result["insert_count"], 30, "inserted")
equal(list(result["ids"]), list(range(30)), "ids of the insert")

query = vectors(1, 768, seed=2)[0]
hits = client.search("demo_collection", data=[query.tolist()], limit=10, output_fields=["text"])
equal(len(hits), 1, "result lists")
ids = [hit["id"] for hit in hits[0]]
equal(ids, best(rows, query, 10, "IP"), "ids")
equal([hit["entity"] for hit in hits[0]], [{"text": texts[row]} for row in ids], "undeclared key")
near([hit["distance"] for hit in hits[0]], rows[ids] @ query, "inner products")
client.drop_collection("demo_collection")
equal(client.has_collection("demo_collection"), False, "dropped")
seen(ids=ids, first=hits[0][0]["entity"])
