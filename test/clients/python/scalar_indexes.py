"""Indexes of fields that are no vectors: each type is made, described, built, and finds what a scan finds."""

import time

from case import connect, equal, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "scalar_indexes"
schema = client.create_schema(enable_dynamic_field=True)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
schema.add_field("flag", DataType.BOOL)
schema.add_field("size", DataType.INT16)
schema.add_field("weight", DataType.DOUBLE, nullable=True)
schema.add_field("colour", DataType.VARCHAR, max_length=20, nullable=True)
schema.add_field("story", DataType.VARCHAR, max_length=100)
schema.add_field("tags", DataType.ARRAY, element_type=DataType.INT64, max_capacity=8)
schema.add_field("doc", DataType.JSON)
schema.add_field("facts", DataType.JSON)
count = 4000
words = ["kite", "falcon", "owl", "heron", "stork"]
data = [
    {
        "id": row,
        "flag": row % 97 == 0,
        "size": row % 300 - 150,
        "weight": None if row % 7 == 0 else (row * 31 % 1000) / 8,
        "colour": None if row % 11 == 0 else f"c{row % 50}",
        "story": f"{words[row % 5]} {words[row // 5 % 5]} {row}",
        "tags": [row % 40, row % 60],
        "doc": {"a": {"b": row % 90 if row % 2 else f"x{row % 70}"}},
        "loose": row % 500,
        "price": f"{row % 80}.5" if row % 2 else row % 80,
        "facts": {"kind": f"k{row % 60}", "at": {"x": row % 700 / 4, "list": [row % 45, "all"]}},
    }
    for row in range(count)
]
rows = vectors(count, 4)
INDEXES = {
    "flag": {"index_type": "BITMAP"},
    "size": {"index_type": "STL_SORT"},
    "weight": {"index_type": "INVERTED"},
    "colour": {"index_type": "Trie"},
    "story": {"index_type": "NGRAM", "params": {"min_gram": 2, "max_gram": 3}},
    "tags": {"index_type": "INVERTED"},
}
PLACES = {
    "doc_b": {"index_type": "INVERTED", "params": {"json_path": 'doc["a"]["b"]', "json_cast_type": "double"}},
    "doc_text": {"index_type": "INVERTED", "params": {"json_path": 'doc["a"]["c"]', "json_cast_type": "varchar"}},
}
index_params = client.prepare_index_params()
index_params.add_index("vector", index_type="FLAT", metric_type="L2")
for field, options in INDEXES.items():
    index_params.add_index(field, index_name=f"on_{field}", **options)
index_params.add_index("facts", index_name="all_facts", index_type="AUTOINDEX")
index_params.add_index(
    "price",
    index_name="prices",
    index_type="AUTOINDEX",
    params={"json_path": "price", "json_cast_type": "double", "json_cast_function": "STRING_TO_DOUBLE"},
)
for index_name, options in PLACES.items():
    index_params.add_index("doc", index_name=index_name, **options)
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")
client.insert(name, [{**row, "vector": vector.tolist()} for row, vector in zip(data, rows)])
client.flush(name)
names = client.list_indexes(name)
equal(sorted(names), sorted(["vector", "all_facts", "prices", *PLACES, *(f"on_{field}" for field in INDEXES)]), "indexes")
while any(client.describe_index(name, index)["pending_index_rows"] for index in names):
    time.sleep(0.05)
for index in names:
    described = client.describe_index(name, index)
    equal((described["state"], described["indexed_rows"]), ("Finished", count), index)

FILTERS = {
    "flag == true": lambda row: row["flag"],
    "size == 17": lambda row: row["size"] == 17,
    "size > 145 or size in [-150, 3]": lambda row: row["size"] > 145 or row["size"] in (-150, 3),
    "not (size >= -148)": lambda row: row["size"] < -148,
    "weight < 1.5": lambda row: row["weight"] is not None and row["weight"] < 1.5,
    "weight is null and size > 140": lambda row: row["weight"] is None and row["size"] > 140,
    'colour == "c7"': lambda row: row["colour"] == "c7",
    'colour like "c4%" and size == -8': lambda row: (row["colour"] or "").startswith("c4") and row["size"] == -8,
    'story like "%owl stork%"': lambda row: "owl stork" in row["story"],
    'story like "%77"': lambda row: row["story"].endswith("77"),
    "array_contains(tags, 39)": lambda row: 39 in row["tags"],
    "array_contains_all(tags, [3, 43])": lambda row: {3, 43} <= set(row["tags"]),
    "array_contains_any(tags, [55, 56])": lambda row: bool({55, 56} & set(row["tags"])),
    'doc["a"]["b"] == 21': lambda row: row["doc"]["a"]["b"] == 21,
    'doc["a"]["b"] == "x22"': lambda row: row["doc"]["a"]["b"] == "x22",
    "price == 7.5 or price == 8": lambda row: float(row["price"]) in (7.5, 8),
    'price == "7.5"': lambda row: row["price"] == "7.5",
    'facts["kind"] == "k17"': lambda row: row["facts"]["kind"] == "k17",
    'facts["at"]["x"] > 173': lambda row: row["facts"]["at"]["x"] > 173,
    'json_contains(facts["at"]["list"], 44)': lambda row: row["facts"]["at"]["list"][0] == 44,
    "loose == 3 and size < 100": lambda row: row["loose"] == 3 and row["size"] < 100,
}
found = {}
for text, passes in FILTERS.items():
    expected = [row["id"] for row in data if passes(row)]
    answer = client.query(name, filter=text, output_fields=["id"])
    equal([row["id"] for row in answer], expected, text)
    hits = client.search(name, data=[rows[0].tolist()], limit=5, filter=text)[0]
    order = sorted(expected, key=lambda row: (float(((rows[row] - rows[0]) ** 2).sum()), row))[:5]
    equal([hit["id"] for hit in hits], order, f"nearest of {text}")
    found[text] = len(expected)
assert all(found.values()), found

client.drop_index(name, "on_size")
equal(len(client.query(name, filter="size == 17")), found["size == 17"], "without its index")
more = client.prepare_index_params()
more.add_index("doc", index_name="other", index_type="INVERTED", params={"json_path": 'doc["a"]["b"]'})
refused(lambda: client.create_index(name, more), "json index must specify cast type")
client.release_collection(name)
client.load_collection(name)
equal(len(client.query(name, filter='story like "%owl stork%"')), found['story like "%owl stork%"'], "loaded again")
seen(**{"filters": len(found), "indexes": len(names)})
client.drop_collection(name)
