"""Hybrid searches, groups, orders, aggregates and searches by ids against scans of numpy, from files and from memory."""

from collections import Counter, defaultdict

import numpy as np
from case import best, connect, equal, near, refused, seen, vectors
from pymilvus import AnnSearchRequest, DataType, Function, FunctionType, RRFRanker, WeightedRanker

client = connect()
name = "reading"
COUNT = 400
words, pictures = vectors(COUNT, 16, 1), vectors(COUNT, 8, 2)
colors = [["red", "green", "blue", "ochre"][row * 7 % 4] for row in range(COUNT)]
sizes = [row * 31 % 17 for row in range(COUNT)]

schema = client.create_schema(enable_dynamic_field=True)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("words", DataType.FLOAT_VECTOR, dim=16)
schema.add_field("picture", DataType.FLOAT_VECTOR, dim=8)
schema.add_field("color", DataType.VARCHAR, max_length=10)
schema.add_field("size", DataType.INT32)
index = client.prepare_index_params()
index.add_index("words", index_type="HNSW", metric_type="COSINE", M=8, efConstruction=64)
index.add_index("picture", index_type="FLAT", metric_type="L2")
client.create_collection(name, schema=schema, index_params=index, num_shards=2, consistency_level="Strong")
rows = [
    {"id": row, "words": words[row], "picture": pictures[row], "color": colors[row], "size": sizes[row], "note": row % 5}
    for row in range(COUNT)
]
client.insert(name, rows[:250])
client.flush(name)
client.insert(name, rows[250:])

question, sketch = vectors(1, 16, 3)[0], vectors(1, 8, 4)[0]
DEPTH, LIMIT = 30, 10
parts = [
    AnnSearchRequest([question], "words", {"ef": 64}, DEPTH),
    AnnSearchRequest([sketch], "picture", {}, DEPTH),
]
lists = [best(words, question, DEPTH), best(pictures, sketch, DEPTH, "L2")]


def fused(add):
    sums = defaultdict(float)
    for part, found in enumerate(lists):
        for rank, row in enumerate(found, 1):
            sums[row] += add(part, rank, row)
    return sorted(sums, key=lambda row: (-round(sums[row], 6), row))[:LIMIT], sums


def check(hits, add, what):
    order, sums = fused(add)
    near([hit["distance"] for hit in hits], [sums[row] for row in order], what)
    equal([hit["id"] for hit in hits], order, what)
    equal([hit["entity"]["color"] for hit in hits], [colors[row] for row in order], what)


def hybrid(ranker, **more):
    return client.hybrid_search(name, parts, ranker, limit=LIMIT, output_fields=["color"], **more)[0]


check(hybrid(RRFRanker()), lambda _part, rank, _row: 1 / (60 + rank), "reciprocal ranks")
check(hybrid(RRFRanker(7)), lambda _part, rank, _row: 1 / (7 + rank), "reciprocal ranks, k 7")
scores = [words @ question, ((pictures - sketch) ** 2).sum(axis=1)]
normal = [(1 + scores[0]) / 2, 1 - 2 * np.arctan(scores[1]) / np.pi]
check(hybrid(WeightedRanker(0.3, 0.7, norm_score=True)), lambda part, _rank, row: [0.3, 0.7][part] * normal[part][row], "weights")
mixed = [scores[0], normal[1]]
check(hybrid(WeightedRanker(0.3, 0.7, norm_score=False)), lambda part, _rank, row: [0.3, 0.7][part] * mixed[part][row], "mixed")
function = Function(name="f", function_type=FunctionType.RERANK, input_field_names=[], params={"reranker": "rrf", "k": 7})
check(hybrid(function), lambda _part, rank, _row: 1 / (7 + rank), "a function that ranks")
refused(lambda: hybrid(RRFRanker(0)), "The rank params k should be in range (0, 16384)", 1100)
refused(lambda: hybrid(WeightedRanker(0.5, 0.2, 0.3)), "the length of weights param mismatch with ann search requests", 1100)

order = best(words, question, COUNT)
wanted = defaultdict(list)
for row in order:
    if len(wanted[colors[row]]) < 3:
        wanted[colors[row]].append(row)
grouped = client.search(
    name, [question], anns_field="words", limit=4, group_by_field="color", group_size=3, strict_group_size=True,
    output_fields=["color"],
)[0]
equal([hit["id"] for hit in grouped], [row for rows_of in wanted.values() for row in rows_of], "groups")
equal([hit["entity"]["color"] for hit in grouped], [color for color, rows_of in wanted.items() for _ in rows_of], "groups")

by_ids = client.search(name, ids=[7, 300], anns_field="words", limit=5)
equal([[hit["id"] for hit in hits] for hits in by_ids], [best(words, words[row], 5) for row in (7, 300)], "ids")
refused(lambda: client.search(name, ids=[7, 1000], anns_field="words", limit=5), "missing IDs = [1000]", 1100)

page = client.query(
    name, filter="size > 3", output_fields=["size", "note"], limit=20, offset=5, order_by_fields=["size:desc", "id:asc"]
)
expected = sorted((row for row in range(COUNT) if sizes[row] > 3), key=lambda row: (-sizes[row], row))[5:25]
equal([row["id"] for row in page], expected, "an ordered query")
equal([row["note"] for row in page], [row % 5 for row in expected], "an ordered query")

total = client.query(name, output_fields=["count(*)", "sum(size)", "avg(size)", "max(color)"])
equal(dict(total[0]), {
    "count(*)": COUNT, "sum(size)": sum(sizes), "avg(size)": sum(sizes) / COUNT, "max(color)": max(colors)
}, "aggregates")
groups = client.query(name, filter="size > 3", output_fields=["color", "count(*)", "min(size)"], group_by_fields=["color"])
counts = Counter(colors[row] for row in range(COUNT) if sizes[row] > 3)
equal({row["color"]: row["count(*)"] for row in groups}, dict(counts), "groups of a query")
client.drop_collection(name)
seen(hybrid=LIMIT, grouped=len(grouped), ids=len(by_ids), ordered=len(page), groups=len(groups))
