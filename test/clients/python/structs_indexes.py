"""Indexes over sub-fields of structs: elements through a graph, filters through scalar indexes, over two shards, against a scan."""

import numpy
from case import connect, equal, seen, vectors
from pymilvus import DataType

client = connect()
name = "structs_indexes"
count, dimension = 3_000, 8
pool = vectors(count, dimension, seed=11)
schema = client.create_schema()
schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=20)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
fields = client.create_struct_field_schema()
fields.add_field("number", DataType.INT64)
fields.add_field("word", DataType.VARCHAR, max_length=10)
fields.add_field("dense", DataType.FLOAT_VECTOR, dim=dimension)
schema.add_field("s", DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=fields, max_capacity=5)
client.create_collection(name, schema=schema, consistency_level="Strong", num_shards=2)


def element(at):
    return {"number": at, "word": f"w{at % 7}", "dense": pool[at * 3 % count].tolist()}


data = [
    {"key": f"k{row:05}", "vector": pool[row].tolist(), "s": [element(row + at) for at in range(row % 4)]}
    for row in range(count)
]
client.insert(name, data)
client.flush(name)
index_params = client.prepare_index_params()
index_params.add_index("vector", index_type="FLAT", metric_type="COSINE")
index_params.add_index("s[dense]", index_type="HNSW", metric_type="COSINE", params={"M": 12, "efConstruction": 100})
index_params.add_index("s[number]", index_type="INVERTED")
index_params.add_index("s[word]", index_type="BITMAP")
client.create_index(name, index_params)  # waits until they are built
for field in ("s[dense]", "s[number]", "s[word]"):
    told = client.describe_index(name, field)
    equal((told["state"], told["indexed_rows"], told["pending_index_rows"]), ("Finished", count, 0), field)
client.load_collection(name)

FILTERS = {
    "array_contains(s[number], 77)": lambda parts: any(one["number"] == 77 for one in parts),
    "array_contains_any(s[word], ['w1', 'w2']) and array_length(s[number]) == 1": lambda parts: (
        len(parts) == 1 and parts[0]["word"] in ("w1", "w2")
    ),
    "match_any(s, $[number] == 78 and $[word] == 'w1')": lambda parts: any(
        one["number"] == 78 and one["word"] == "w1" for one in parts
    ),
    "not match_any(s, $[word] == 'w1') and array_contains(s[number], 79)": lambda parts: (
        all(one["word"] != "w1" for one in parts) and any(one["number"] == 79 for one in parts)
    ),
}
for expression, passes in FILTERS.items():
    found = sorted(row["key"] for row in client.query(name, filter=expression, output_fields=["key"]))
    equal(found, [row["key"] for row in data if passes(row["s"])], expression)

recalls = {}
for expression, passes in {
    "": lambda row, one: True,
    "element_filter(s, $[word] in ['w3', 'w4', 'w5'])": lambda row, one: one["word"] in ("w3", "w4", "w5"),
    "key < 'k01500'": lambda row, one: row["key"] < "k01500",
}.items():
    same = 0
    for turn in range(20):
        query = pool[turn * 31] + 0.2 * pool[turn * 7 + 3]
        hits = client.search(
            name, data=[query.tolist()], anns_field="s[dense]", limit=10, filter=expression, search_params={"params": {"ef": 100}}
        )[0]
        got = {(hit["key"], hit["offset"]) for hit in hits}
        equal(len(got), 10, "each element once")
        scored = sorted(
            (-(numpy.asarray(one["dense"]) @ query), row["key"], at)
            for row in data
            for at, one in enumerate(row["s"])
            if passes(row, one)
        )
        same += len(got & {(key, at) for _, key, at in scored[:10]})
    recalls[expression] = same / 200
    # An element's vector comes in several rows, so equal scores at the border may be told apart by rounding.
    if recalls[expression] < 0.9:
        raise AssertionError(f"{expression!r} found {recalls[expression]} of what a scan finds")
client.drop_collection(name)
seen(recalls=recalls)
