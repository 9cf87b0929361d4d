"""Searches of arrays of vectors against brute force: lists by every metric, elements, and filters over the elements of a row."""

import numpy
from case import connect, equal, near, refused, seen, vectors
from pymilvus import DataType
from pymilvus.client.embedding_list import EmbeddingList

client = connect()
name = "structs_search"
METRICS = {"cosine": "MAX_SIM_COSINE", "ip": "MAX_SIM_IP", "l2": "MAX_SIM_L2", "plain": "COSINE"}
count, dimension = 300, 8
pool = vectors(count * 4, dimension, seed=7)

schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
fields = client.create_struct_field_schema()
fields.add_field("number", DataType.INT64)
fields.add_field("word", DataType.VARCHAR, max_length=10)
fields.add_field("bits", DataType.BINARY_VECTOR, dim=16)
for sub in METRICS:
    fields.add_field(sub, DataType.FLOAT_VECTOR, dim=dimension)
schema.add_field("parts", DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=fields, max_capacity=5)
index_params = client.prepare_index_params()
for sub, metric in METRICS.items():
    index_params.add_index(f"parts[{sub}]", index_type="HNSW", metric_type=metric)
index_params.add_index("parts[bits]", index_type="AUTOINDEX", metric_type="MAX_SIM_HAMMING")
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")


def part(at):
    vector = pool[at % len(pool)]
    made = {sub: (vector * (1 + at % 3)).tolist() for sub in METRICS}
    return {"number": at % 17, "word": f"w{at % 5}", "bits": bytes([at % 256, at // 256]), **made}


data = [{"id": row, "parts": [part(row * 4 + at) for at in range(row % 5)]} for row in range(count)]
client.insert(name, data[: count // 2])
client.flush(name)
client.insert(name, data[count // 2 :])
client.delete(name, ids=[9, 200])
rows = [row for row in data if row["id"] not in (9, 200)]


def similarity(metric, query, vector):
    query, vector = numpy.asarray(query, numpy.float64), numpy.asarray(vector, numpy.float64)
    if metric.endswith("L2"):
        return -((query - vector) ** 2).sum()
    dot = query @ vector
    return dot if metric.endswith("IP") else dot / numpy.linalg.norm(query) / numpy.linalg.norm(vector)


def best_lists(sub, queries, passes=lambda row: True):
    scored = []
    for row in rows:
        if not row["parts"] or not passes(row):
            continue
        score = sum(max(similarity(METRICS[sub], query, one[sub]) for one in row["parts"]) for query in queries)
        scored.append((-score, row["id"]))
    return [(row, -score) for score, row in sorted(scored)[:10]]


def same(hits, wanted, metric, what):
    equal([hit["id"] for hit in hits], [row for row, _ in wanted], f"hits of {what}")
    sign = -1 if metric.endswith("L2") else 1
    near([hit["distance"] for hit in hits], [sign * score for _, score in wanted], f"scores of {what}", 1e-4)


lists = [pool[5:8] * 2, pool[100:101], pool[40:60]]
for sub in ("cosine", "ip", "l2"):
    asked = [EmbeddingList(list(one)) for one in lists]
    found = client.search(name, data=asked, anns_field=f"parts[{sub}]", limit=10, output_fields=["parts[number]"])
    for hits, queries in zip(found, lists):
        same(hits, best_lists(sub, queries), METRICS[sub], sub)
    equal([one["number"] for one in found[0][0]["entity"]["parts"]], [one["number"] for one in data[found[0][0]["id"]]["parts"]], "output")

hamming = client.search(name, data=[EmbeddingList([bytes([20, 0]), bytes([21, 0])])], anns_field="parts[bits]", limit=3)
bits = {
    row["id"]: sum(
        min(sum(bin(a ^ b).count("1") for a, b in zip(query, one["bits"])) for one in row["parts"])
        for query in (bytes([20, 0]), bytes([21, 0]))
    )
    for row in rows
    if row["parts"]
}
wanted = sorted(bits.items(), key=lambda one: (one[1], one[0]))[:3]
equal([(hit["id"], hit["distance"]) for hit in hamming[0]], [(row, float(score)) for row, score in wanted], "bits")


def best_elements(query, passes=lambda row, one: True, limit=10):
    scored = [
        (-similarity("COSINE", query, one["plain"]), row["id"], at)
        for row in rows
        for at, one in enumerate(row["parts"])
        if passes(row, one)
    ]
    return [(row, at, -score) for score, row, at in sorted(scored)[:limit]]


def elements(query, passes=lambda row, one: True, limit=10, **more):
    hits = client.search(name, data=[query.tolist()], anns_field="parts[plain]", limit=limit, **more)[0]
    wanted = best_elements(query, passes, limit)
    equal([(hit["id"], hit["offset"]) for hit in hits], [(row, at) for row, at, _ in wanted], f"elements {more}")
    near([hit["distance"] for hit in hits], [score for _, _, score in wanted], "scores of elements", 1e-4)


for query in (pool[5], pool[701], -pool[3]):
    elements(query)
    elements(query, limit=100)
    elements(query, lambda row, one: row["id"] < 60, filter="id < 60")
    elements(query, lambda row, one: one["number"] > 12, filter="element_filter(parts, $[number] > 12)")
    elements(
        query,
        lambda row, one: row["id"] >= 100 and one["number"] in (1, 2, 3) and one["word"] == "w2",
        filter='id >= 100 and element_filter(parts, $[number] in [1, 2, 3] and $[word] == "w2")',
    )

# Groups of rows, each with its best elements; and a ring.
for size in (1, 2):
    groups = {}
    for row, at, score in best_elements(pool[701], lambda row, one: one["number"] > 3, len(pool)):
        groups.setdefault(row, []).append((row, at))
    wanted = [one for members in list(groups.values())[:8] for one in members[:size]]
    found = client.search(
        name,
        data=[pool[701].tolist()],
        anns_field="parts[plain]",
        limit=8,
        group_by_field="id",
        group_size=size,
        filter="element_filter(parts, $[number] > 3)",
    )
    equal([(hit["id"], hit["offset"]) for hit in found[0]], wanted, f"groups of {size}")
ring = client.search(
    name, data=[pool[701].tolist()], anns_field="parts[plain]", limit=500, search_params={"params": {"radius": 0.5, "range_filter": 0.9}}
)
wanted = [(row, at) for row, at, score in best_elements(pool[701], limit=len(pool)) if 0.5 < score <= 0.9]
equal([(hit["id"], hit["offset"]) for hit in ring[0]], wanted, "a ring")

MATCHES = {
    "match_any(parts, $[number] == 3)": lambda parts: any(one["number"] == 3 for one in parts),
    'MATCH_ALL(parts, $[number] < 9 || $[word] like "w1%")': lambda parts: all(
        one["number"] < 9 or one["word"].startswith("w1") for one in parts
    ),
    "match_least(parts, $[number] % 2 == 0, threshold=2)": lambda parts: sum(one["number"] % 2 == 0 for one in parts) >= 2,
    "match_most(parts, 3 < $[number] <= 9, threshold=1)": lambda parts: sum(3 < one["number"] <= 9 for one in parts) <= 1,
    'match_exact(parts, $[word] in ["w0", "w4"], threshold=1)': lambda parts: (
        sum(one["word"] in ("w0", "w4") for one in parts) == 1
    ),
    'not match_any(parts, $[word] == "w0") and id < 90': None,
}
for expression, holds in MATCHES.items():
    found = sorted(row["id"] for row in client.query(name, filter=expression, output_fields=["id"]))
    if holds is None:
        expected = [row["id"] for row in rows if row["id"] < 90 and all(one["word"] != "w0" for one in row["parts"])]
    else:
        expected = [row["id"] for row in rows if holds(row["parts"])]
    equal(found, expected, expression)
picked = client.query(name, filter='id < 80 and element_filter(parts, $[number] > 9 and $[word] != "w3")', output_fields=["id"])
equal(
    sorted((row["id"], row["offset"]) for row in picked),
    [
        (row["id"], at)
        for row in rows
        for at, one in enumerate(row["parts"])
        if row["id"] < 80 and one["number"] > 9 and one["word"] != "w3"
    ],
    "elements of a query",
)
asked = [EmbeddingList(list(lists[0]))]
found = client.search(name, data=asked, anns_field="parts[ip]", limit=10, filter="match_any(parts, $[number] == 3)")
same(found[0], best_lists("ip", lists[0], lambda row: any(one["number"] == 3 for one in row["parts"])), "IP", "match")


def lists_of(sub, **more):
    return lambda: client.search(name, data=asked, anns_field=f"parts[{sub}]", limit=3, **more)


refused(lists_of("ip", filter="element_filter(parts, $[number] == 3)"), "element_filter is only supported for element-level search", 1100)
refused(lists_of("plain"), "metric type not match", 1100)
refused(lists_of("l2", search_params={"params": {"radius": 1.0}}), "range search is not supported for multi-search-multi", 1100)
refused(lists_of("l2", group_by_field="id"), "group by is not supported for multi-search-multi", 1100)
refused(lambda: client.query(name, filter="$[number] == 3"), "$[number] syntax can only be used inside ElementFilter or MATCH_*")
refused(
    lambda: client.query(name, filter="match_any(parts, match_all(parts, $[number] == 3))"),
    "nested MATCH_ALL is not supported, already inside match expression for field: parts",
)
refused(lambda: client.query(name, filter="match_least(parts, $[number] == 3, threshold=0)"), "count in MATCH_LEAST must be positive, got: 0")
refused(
    lambda: client.query(name, filter="element_filter(parts, $[number] == 3) and id > 1"),
    "element filter expression can only be the last expression in the logical and expression",
)
refused(lambda: client.query(name, filter="match_any(none, $[number] == 3)"), "struct field not found: none")
client.drop_collection(name)
seen(lists=len(lists), matches=len(MATCHES))
