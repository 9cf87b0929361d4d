"""Sparse vectors: every form that pymilvus takes, inner products against brute force, nulls, filters, rings, ties, and what is refused."""

import numpy as np
from case import connect, equal, near, refused, seen
from pymilvus import AnnSearchRequest, DataType, RRFRanker

client = connect()
name = "sparse_vectors"
count, terms = 400, 200
random = np.random.default_rng(4)


def sparse(most=12):
    size = random.integers(0, most)
    indices = random.choice(terms, size, replace=False)
    return {int(index) * 1_000_003 % (2**32 - 1): float(np.float32(random.random() * 3)) for index in indices}


rows = [sparse() for _ in range(count)]
rows[7] = {}
rows[8] = {2**32 - 2: 0.25, 0: 1.0}
rows[9] = dict(rows[10])  # ties

schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.SPARSE_FLOAT_VECTOR)
schema.add_field("maybe", DataType.SPARSE_FLOAT_VECTOR, nullable=True)
schema.add_field("dense", DataType.FLOAT_VECTOR, dim=2)
index_params = client.prepare_index_params()
index_params.add_index("vector", index_type="SPARSE_INVERTED_INDEX", metric_type="IP", params={"inverted_index_algo": "DAAT_MAXSCORE"})
index_params.add_index("maybe", index_type="AUTOINDEX", metric_type="IP")
index_params.add_index("dense", index_type="FLAT", metric_type="L2")
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")


def sent(row):
    """A dictionary, or pairs: both are forms of one row."""
    return rows[row] if row % 2 == 0 or not rows[row] else sorted(rows[row].items())


def entity(row):
    return {"id": row, "vector": sent(row), "maybe": None if row % 4 == 0 else rows[row], "dense": [row, 1]}


client.insert(name, [entity(row) for row in range(count // 2)])
client.flush(name)
client.insert(name, [entity(row) for row in range(count // 2, count)])


def dot(left, right):
    return float(sum(np.float64(value) * right[index] for index, value in left.items() if index in right))


def expected(query, limit, among=range(count)):
    scores = {row: dot(query, rows[row]) for row in among}
    order = sorted((row for row in scores if scores[row] > 0), key=lambda row: (-round(scores[row], 5), row))
    return order[:limit], scores


def check_search(query, where, among=range(count), limit=10, **more):
    order, scores = expected(query, limit, among)
    hits = client.search(name, data=[query], anns_field=more.pop("anns_field", "vector"), limit=limit, **more)[0]
    near([hit["distance"] for hit in hits], [scores[row] for row in order], f"scores {where}", 1e-5)
    near([scores[hit["id"]] for hit in hits], [scores[row] for row in order], f"hits {where}", 1e-5)
    return hits


def same(seen_row, wanted):
    return seen_row.keys() == wanted.keys() and all(np.isclose(seen_row[index], wanted[index], rtol=1e-6) for index in wanted)


def check(where):
    answer = client.query(name, filter="id >= 0", output_fields=["vector", "maybe"])
    equal(sorted(row["id"] for row in answer), list(range(count)), f"rows {where}")
    for row in answer:
        number = row["id"]
        if not same(row["vector"], rows[number]):
            raise AssertionError(f"row {number} {where}: expected {rows[number]}, saw {row['vector']}")
        if number % 4 == 0:
            equal(row["maybe"], None, f"null {where}")
        elif not same(row["maybe"], rows[number]):
            raise AssertionError(f"row {number} {where}: expected {rows[number]}, saw {row['maybe']}")
    for _ in range(5):
        query = sparse(20)
        check_search(query, where)
        check_search(query, f"with a filter {where}", [row for row in range(count) if row % 3 == 1], filter="id % 3 == 1")
        check_search(query, f"few {where}", [5, 6, 9, 10], filter="id in [5, 6, 9, 10]")
        check_search(query, f"nullable {where}", [row for row in range(count) if row % 4], anns_field="maybe")
    hits = check_search(rows[10], f"ties {where}", limit=2)
    equal([hit["id"] for hit in hits], [9, 10], f"ties by key {where}")
    equal(len(client.search(name, data=[{}], anns_field="vector", limit=3)[0]), 0, f"an empty query {where}")


check("half growing, half in files")
client.flush(name)
check("in files")
client.release_collection(name)
client.load_collection(name)
check("loaded again")

query = sparse(20) | {index: 0.01 for index in list(rows[8])[:1]}
order, scores = expected(query, count)
ring = client.search(name, data=[query], anns_field="vector", limit=count, search_params={"params": {"radius": 0.5, "range_filter": 2.0}})[0]
equal(sorted(hit["id"] for hit in ring), sorted(row for row in order if 0.5 < scores[row] <= 2.0), "a ring")
largest = dict(sorted(query.items(), key=lambda item: -item[1])[: len(query) - int(len(query) * 0.5)])
dropped = client.search(name, data=[query], anns_field="vector", limit=5, search_params={"params": {"drop_ratio_search": 0.5}})[0]
near([hit["distance"] for hit in dropped], [expected(largest, 5)[1][row] for row in expected(largest, 5)[0]], "half of the query")
many = client.search(name, data=[rows[1], rows[2], {}], anns_field="vector", limit=4, output_fields=["vector"])
equal([len(hits) for hits in many], [len(expected(rows[1], 4)[0]), len(expected(rows[2], 4)[0]), 0], "three queries")
for hit in many[0]:
    equal(same(hit["entity"]["vector"], rows[hit["id"]]), True, "vectors of hits")
iterator = client.search_iterator(name, data=[rows[11]], anns_field="vector", batch_size=9, search_params={})
ids = []
while page := iterator.next():
    ids += [hit["id"] for hit in page]
iterator.close()
order, scores = expected(rows[11], count)
near([scores[row] for row in ids], [scores[row] for row in order], "iterator")
requests = [AnnSearchRequest([rows[12]], "vector", {"metric_type": "IP"}, limit=5), AnnSearchRequest([[12, 1]], "dense", {"metric_type": "L2"}, limit=5)]
if rows[12]:
    equal(client.hybrid_search(name, requests, RRFRanker(), limit=1)[0][0]["id"], 12, "hybrid search, sparse and dense")
client.delete(name, ids=[10])
equal(client.search(name, data=[rows[10]], anns_field="vector", limit=1)[0][0]["id"], 9, "after a delete")


def with_dim():
    wrong = client.create_schema()
    wrong.add_field("id", DataType.INT64, is_primary=True)
    wrong.add_field("vector", DataType.SPARSE_FLOAT_VECTOR, dim=8)
    client.create_collection("wrong_sparse", schema=wrong)


refused(with_dim, "dim should not be specified for sparse vector field vector(101)", 1100)
refused(lambda: client.insert(name, [{**entity(1), "vector": {3: -0.5}}]), "negative value in sparse float vector")
refused(lambda: client.insert(name, [{**entity(1), "vector": {3: float("inf")}}]), "NaN or Inf")


def index(metric, **params):
    other = client.prepare_index_params()
    other.add_index("vector", index_type="SPARSE_INVERTED_INDEX", metric_type=metric, params=params)
    client.create_collection("sparse_index", schema=schema)
    try:
        client.create_index("sparse_index", other)
    finally:
        client.drop_collection("sparse_index")


refused(lambda: index("L2"), "only IP&BM25 is the supported metric type for sparse index", 1100)
refused(lambda: index("IP", drop_ratio_build=1.0), "Out of range in json")
algorithm = refused(lambda: index("IP", inverted_index_algo="NONE"), "sparse inverted index algo NONE not found or not supported")
client.drop_collection(name)

# Enough rows for a file of packed lists: the same hits by every algorithm, read and mapped.
packed, many = "sparse_packed", 1_500
big = [{row % 50: 1.0 + row % 7, **sparse(14)} for row in range(many)]
matrix = [sorted(row.items()) for row in big]
schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.SPARSE_FLOAT_VECTOR)
client.create_collection(packed, schema=schema, consistency_level="Strong")
client.insert(packed, [{"id": row, "vector": dict(matrix[row])} for row in range(many)])
client.flush(packed)
KINDS = {
    "SPARSE_INVERTED_INDEX": ["DAAT_MAXSCORE", "DAAT_WAND", "TAAT_NAIVE"],
    "SPARSE_WAND": ["DAAT_WAND"],
    "AUTOINDEX": [None],
}
queries = [sparse(20) for _ in range(4)]
for kind, algorithms in KINDS.items():
    for chosen in algorithms:
        index_params = client.prepare_index_params()
        params = {} if chosen is None else {"inverted_index_algo": chosen, "drop_ratio_build": 0.2}
        index_params.add_index("vector", index_type=kind, metric_type="IP", index_name="by_vector", params=params)
        client.create_index(packed, index_params)  # waits until the index is built
        told = client.describe_index(packed, "by_vector")
        equal((told["state"], told["indexed_rows"]), ("Finished", many), f"{kind} {chosen} built")
        for mapped in ["true", "false"]:
            client.alter_index_properties(packed, "by_vector", properties={"mmap.enabled": mapped})
            client.load_collection(packed)
            for query in queries:
                scores = sorted((dot(query, row) for row in big), reverse=True)[:10]
                wanted = [score for score in scores if score > 0]
                search = {} if kind == "AUTOINDEX" else {"params": {"dim_max_score_ratio": 1.1}}
                hits = client.search(packed, data=[query], limit=10, search_params=search)[0]
                near([hit["distance"] for hit in hits], wanted, f"{kind} {chosen} mapped {mapped}", 1e-5)
                few = client.search(packed, data=[query], limit=10, filter="id < 40", search_params=search)[0]
                wanted = sorted((dot(query, row) for row in big[:40]), reverse=True)[:10]
                near([hit["distance"] for hit in few], [score for score in wanted if score > 0], f"{kind} {chosen}, few", 1e-5)
            client.release_collection(packed)
        client.drop_index(packed, "by_vector")
client.drop_collection(packed)
seen(rows=count, algorithm=algorithm, packed=many)
