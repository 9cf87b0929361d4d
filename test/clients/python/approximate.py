"""Indexes that are built: each type over rows that are there, told while it is built, searched through its own parameters (rows 3.65 to 3.67)."""

import numpy as np
from case import best, connect, equal, refused, seen, vectors
from pymilvus import Collection, connections, utility
from case import ADDRESS

ROWS = 2_000
SMALL = 200
DIMENSION = 32
KINDS = {
    "AUTOINDEX": ({}, {"level": 2}),
    "HNSW": ({"M": 12, "efConstruction": 100}, {"ef": 80}),
    "HNSW_PQ": (
        {"M": 12, "efConstruction": 100, "m": 16, "nbits": 8, "refine": True, "refine_type": "SQ8"},
        {"ef": 80, "refine_k": 5},
    ),
    "HNSW_PRQ": (
        {"M": 12, "efConstruction": 100, "m": 8, "nrq": 2, "nbits": 8, "refine": True, "refine_type": "FP32"},
        {"ef": 80, "refine_k": 5},
    ),
    "HNSW_SQ": ({"M": 12, "efConstruction": 100, "sq_type": "SQ6", "refine": True, "refine_type": "SQ8"}, {"ef": 80, "refine_k": 2}),
    "DISKANN": ({"max_degree": 32, "search_list_size": 100}, {"search_list": 100}),
    "IVF_FLAT": ({"nlist": 16}, {"nprobe": 16}),
    "IVF_SQ8": ({"nlist": 16}, {"nprobe": 16}),
    "IVF_PQ": ({"nlist": 16, "m": 16, "nbits": 8}, {"nprobe": 16}),
    "IVF_RABITQ": ({"nlist": 16, "refine": True, "refine_type": "SQ8"}, {"nprobe": 16, "refine_k": 6}),
    "SCANN": ({"nlist": 16}, {"nprobe": 16, "reorder_k": 100}),
}
# Of what brute force finds. Coarse codes find less: of 16 bytes without a second look, of a bit a dimension with one.
LEAST = {"HNSW_PQ": 0.85, "HNSW_PRQ": 0.85, "IVF_PQ": 0.5, "IVF_RABITQ": 0.75, "SCANN": 0.85}

client = connect()
connections.connect("approximate", uri=f"http://{ADDRESS}")
name = "approximate"
schema = client.create_schema()
schema.add_field("id", 5, is_primary=True)
schema.add_field("color", 5)
schema.add_field("vector", 101, dim=DIMENSION)
client.create_collection(name, schema=schema, consistency_level="Strong")
rows = vectors(ROWS + SMALL, DIMENSION, seed=5)
queries = vectors(20, DIMENSION, seed=6)


def insert(first, last):
    client.insert(name, [{"id": row, "color": row % 7, "vector": rows[row].tolist()} for row in range(first, last)])


def recall(hits, exact):
    return len({hit["id"] for hit in hits} & set(exact)) / len(exact)


insert(0, ROWS)
client.flush(name)
insert(ROWS, ROWS + SMALL)
client.flush(name)
recalls = {}
for kind, (build, search) in KINDS.items():
    index_params = client.prepare_index_params()
    index_params.add_index("vector", index_type=kind, metric_type="COSINE", index_name="by_vector", params=build)
    client.create_index(name, index_params)  # waits until the index is built
    progress = utility.index_building_progress(name, "by_vector", using="approximate")
    equal(progress["state"], "Finished", f"state of {kind}")
    equal((progress["total_rows"], progress["indexed_rows"], progress["pending_index_rows"]), (2_200, 2_200, 0), kind)
    client.load_collection(name)
    found = client.search(name, data=queries.tolist(), limit=10, search_params={"params": {**search, "explain": True}})
    shares = [recall(hits, best(rows, query, 10)) for hits, query in zip(found, queries)]
    recalls[kind] = float(np.mean(shares))
    if recalls[kind] < LEAST.get(kind, 0.95):
        raise AssertionError(f"{kind} found {recalls[kind]} of what brute force finds")
    # The estimate of an explained search is where pymilvus looks for recalls.
    equal(len(found.recalls), 20, "one estimate a query")
    if not 0 < found.recalls[0] <= 1:
        raise AssertionError(f"{kind} estimates {found.recalls[0]}")

    # Filters, offsets, rings, groups and iterators are the same questions to an index.
    few = client.search(name, data=[queries[0].tolist()], limit=5, filter="id < 100", search_params={"params": search})
    equal([hit["id"] for hit in few[0]], best(rows[:100], queries[0], 5), f"{kind} among a hundred")
    whole = client.search(name, data=[queries[1].tolist()], limit=10, search_params={"params": search})
    rest = client.search(name, data=[queries[1].tolist()], limit=6, search_params={"params": search, "offset": 4})
    equal([hit["id"] for hit in rest[0]], [hit["id"] for hit in whole[0]][4:], f"{kind} with an offset")
    radius = whole[0][9]["distance"]
    ring = client.search(
        name, data=[queries[1].tolist()], limit=10, search_params={"params": {**search, "radius": radius - 1e-3}}
    )
    if not all(hit["distance"] > radius - 1e-3 for hit in ring[0]) or len(ring[0]) < 8:
        raise AssertionError(f"{kind}: hits of a ring {ring[0]}")
    groups = client.search(
        name, data=[queries[2].tolist()], limit=7, group_by_field="color", output_fields=["color"],
        search_params={"params": search},
    )
    equal(sorted(hit["entity"]["color"] for hit in groups[0]), list(range(7)), f"{kind} in groups")
    iterator = client.search_iterator(name, data=[queries[3].tolist()], batch_size=50, limit=300, search_params={"params": search})
    ids, scores = [], []
    while page := iterator.next():
        ids += [hit["id"] for hit in page]
        scores += [hit["distance"] for hit in page]
    iterator.close()
    equal(len(set(ids)), 300, f"{kind}: an iterator tells no row twice")
    equal(scores, sorted(scores, reverse=True), f"{kind}: an iterator goes from near to far")
    if kind == "IVF_FLAT":
        # The lists of a small nprobe are among those of a larger one, so nothing that was found is lost.
        sweep = []
        for nprobe in (1, 2, 4, 8, 16):
            probed = client.search(name, data=queries.tolist(), limit=10, search_params={"params": {"nprobe": nprobe}})
            sweep.append(float(np.mean([recall(hits, best(rows, query, 10)) for hits, query in zip(probed, queries)])))
        equal(sweep, sorted(sweep), "more lists find as much or more")
        if not sweep[0] < sweep[-1] == 1:
            raise AssertionError(f"one list of 16 finds less than all, and all find everything: {sweep}")
    client.release_collection(name)
    client.drop_index(name, "by_vector")

collection = Collection(name, using="approximate")
collection.create_index("vector", {"index_type": "HNSW", "metric_type": "COSINE", "params": {"M": 8, "efConstruction": 64}})
equal(utility.index_building_progress(name, "vector", using="approximate")["state"], "Finished", "through the ORM")
client.drop_index(name, "vector")


def make(kind):
    wrong = client.prepare_index_params()
    wrong.add_index("vector", index_type=kind, metric_type="COSINE")
    client.create_index(name, wrong)


gpu = {
    kind: refused(lambda: make(kind), f"create the index as {instead}", 701)
    for kind, instead in {
        "GPU_CAGRA": "HNSW",
        "GPU_IVF_FLAT": "IVF_FLAT",
        "GPU_IVF_PQ": "IVF_PQ",
        "GPU_BRUTE_FORCE": "FLAT",
    }.items()
}
client.drop_collection(name)
seen(recalls=recalls, gpu=gpu)
