"""Seed 004, quick start: rows 4.3 to 4.5. A schema with the usual names, COSINE by default; search with and without a filter."""

from case import best, connect, equal, near, seen, vectors
from pymilvus import CollectionSchema, DataType, FieldSchema

client = connect()
schema = CollectionSchema(
    [
        FieldSchema(name="id", dtype=DataType.INT64, is_primary=True),
        FieldSchema(name="vector", dtype=DataType.FLOAT_VECTOR, dim=128),
        FieldSchema(name="category", dtype=DataType.VARCHAR, max_length=64),
    ]
)
# The seed passes the schema in second place, where pymilvus has the dimension: it must be named.
client.create_collection("my_collection", schema=schema, consistency_level="Strong")
index_params = client.prepare_index_params()
index_params.add_index("vector", index_type="AUTOINDEX")
client.create_index("my_collection", index_params)
equal(client.describe_index("my_collection", "vector")["metric_type"], "COSINE", "default metric")
client.load_collection("my_collection")

rows = vectors(40, 128) * 3
categories = ["tech" if row % 3 == 0 else "art" for row in range(40)]
entities = [{"id": row, "vector": rows[row].tolist(), "category": categories[row]} for row in range(40)]
equal(client.insert("my_collection", entities)["insert_count"], 40, "inserted")

query = vectors(1, 128, seed=9)[0]
hits = client.search("my_collection", data=[query.tolist()], limit=5, output_fields=["id"])[0]
ids = [hit["id"] for hit in hits]
equal(ids, best(rows, query, 5), "ids")
equal([hit["entity"] for hit in hits], [{"id": row} for row in ids], "entity")
near([hit["distance"] for hit in hits], rows[ids] @ query / 3, "cosines")

tech = [row for row in range(40) if categories[row] == "tech"]
filtered = client.search(
    "my_collection", data=[query.tolist()], limit=5, output_fields=["id"], filter='category == "tech"'
)[0]
tech_ids = [hit["id"] for hit in filtered]
equal(tech_ids, [tech[index] for index in best(rows[tech], query, 5)], "filtered ids")

# The words of the seed that are no parameters of pymilvus: what the client itself makes of them.
words = {}
attempts = {
    "query_vectors=, top_k=": lambda: client.search("my_collection", query_vectors=[query.tolist()], top_k=5),
    "expr= on a search": lambda: client.search("my_collection", data=[query.tolist()], limit=5, expr="id > 1"),
    "entities=": lambda: client.insert(collection_name="my_collection", entities=entities),
    "get_collection": lambda: client.get_collection("my_collection"),
    "schema in second place": lambda: client.create_collection("my_other_collection", schema),
}
for word, attempt in attempts.items():
    try:
        attempt()
        raise AssertionError(f"{word} works now: docs/seeds.md says that it does not")
    except (TypeError, AttributeError, ValueError) as error:
        words[word] = f"{type(error).__name__}: {error}".splitlines()[0][:160]
    except Exception as error:
        if isinstance(error, AssertionError):
            raise
        words[word] = f"{type(error).__name__}: {error}".splitlines()[0][:160]
client.drop_collection("my_collection")
seen(ids=ids, tech=tech_ids, words=words)
