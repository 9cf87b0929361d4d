"""Every type of dense vector: inserted in each form that pymilvus takes, read back equal, searched against brute force, nulls left out."""

import numpy as np
from case import connect, equal, near, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "vector_types"
count, dim, bits = 60, 16, 64
floats = vectors(count, dim, seed=3)
random = np.random.default_rng(9)


def as_bfloat16(rows):
    """The upper halves, rounded to the nearest, ties to even."""
    words = rows.astype(np.float32).view(np.uint32)
    return ((words + 0x7FFF + ((words >> 16) & 1)) >> 16).astype(np.uint16)


def from_bfloat16(halves):
    return (halves.astype(np.uint32) << 16).view(np.float32)


half = floats.astype(np.float16)
brain = as_bfloat16(floats)
small = random.integers(-128, 128, (count, dim), dtype=np.int8)
binary = random.integers(0, 256, (count, bits // 8), dtype=np.uint8)
# What the numbers are, for the oracle.
NUMBERS = {"half": half.astype(np.float32), "brain": from_bfloat16(brain), "small": small.astype(np.float32)}
SENT = {"half": list(half), "brain": [row.tobytes() for row in brain], "small": list(small), "binary": [row.tobytes() for row in binary]}
TYPES = {
    "half": (DataType.FLOAT16_VECTOR, dim, "HNSW", "L2"),
    "brain": (DataType.BFLOAT16_VECTOR, dim, "FLAT", "IP"),
    "small": (DataType.INT8_VECTOR, dim, "HNSW", "COSINE"),
    "binary": (DataType.BINARY_VECTOR, bits, "BIN_FLAT", "JACCARD"),
    "maybe": (DataType.BINARY_VECTOR, bits, "BIN_IVF_FLAT", "HAMMING"),
}

schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
for field, (kind, size, _, _) in TYPES.items():
    schema.add_field(field, kind, dim=size, nullable=field == "maybe")
index_params = client.prepare_index_params()
for field, (_, _, index_type, metric) in TYPES.items():
    index_params.add_index(field, index_type=index_type, metric_type=metric)
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")


def entity(row):
    maybe = None if row % 3 == 0 else binary[row].tobytes()
    return {"id": row, "maybe": maybe, **{field: SENT[field][row] for field in SENT}}


client.insert(name, [entity(row) for row in range(40)])
client.flush(name)
client.insert(name, [entity(row) for row in range(40, count)])


def unpacked(value, dtype):
    """pymilvus gives vectors of bytes as bytes, or as a list with one piece of bytes."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], bytes):
        value = value[0]
    return np.frombuffer(value, dtype=dtype) if isinstance(value, bytes) else np.asarray(value)


def scores(field, metric, query):
    if metric in ("HAMMING", "JACCARD"):
        rows, bits_of = np.unpackbits(binary, axis=1), np.unpackbits(query)
        if metric == "HAMMING":
            return (rows != bits_of).sum(axis=1).astype(float)
        both, either = (rows & bits_of).sum(axis=1), (rows | bits_of).sum(axis=1)
        return np.where(both == 0, 1.0, 1 - both / np.maximum(either, 1))
    rows, query = NUMBERS[field].astype(np.float64), query.astype(np.float64)
    if metric == "L2":
        return ((rows - query) ** 2).sum(axis=1)
    dots = rows @ query
    return dots if metric == "IP" else dots / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)


def check_search(field, where, ask, query, rows=range(count), **more):
    metric = TYPES[field][3]
    wanted = scores(field, metric, query)
    sign = 1 if metric in ("L2", "HAMMING", "JACCARD") else -1
    order = sorted(rows, key=lambda row: (round(sign * wanted[row], 5), row))[:10]
    hits = client.search(name, data=[ask], anns_field=field, limit=10, **more)[0]
    near([hit["distance"] for hit in hits], [wanted[row] for row in order], f"scores of {field} {where}", 1e-4)
    near([wanted[hit["id"]] for hit in hits], [wanted[row] for row in order], f"hits of {field} {where}", 1e-4)


def check(where):
    rows = client.query(name, filter="id >= 0", output_fields=["*"])
    equal(sorted(row["id"] for row in rows), list(range(count)), f"rows {where}")
    for row in rows:
        number = row["id"]
        equal(unpacked(row["half"], np.float16).tolist(), half[number].tolist(), f"float16 {where}")
        equal(unpacked(row["brain"], np.uint16).tobytes(), brain[number].tobytes(), f"bfloat16 {where}")
        equal(unpacked(row["small"], np.int8).tolist(), small[number].tolist(), f"int8 {where}")
        equal(unpacked(row["binary"], np.uint8).tobytes(), binary[number].tobytes(), f"binary {where}")
        if number % 3 == 0:
            equal(row["maybe"], None, f"null {where}")
        else:
            equal(unpacked(row["maybe"], np.uint8).tobytes(), binary[number].tobytes(), f"nullable {where}")
    check_search("half", where, half[7], NUMBERS["half"][7])
    check_search("brain", where, brain[8].tobytes(), NUMBERS["brain"][8])
    check_search("small", where, small[9], NUMBERS["small"][9])
    check_search("small", f"filtered {where}", small[9], NUMBERS["small"][9], range(20, count), filter="id >= 20")
    check_search("binary", where, binary[10].tobytes(), binary[10])
    present = [row for row in range(count) if row % 3 != 0]
    check_search("maybe", where, binary[11].tobytes(), binary[11], present)


check("half growing, half in files")
client.flush(name)
check("in files")
client.release_collection(name)
client.load_collection(name)
check("loaded again")

# A ring, a fixed number of decimals, iterators, hybrid searches over two types, and searches by ids.
wanted = scores("small", "COSINE", NUMBERS["small"][1])
ring = client.search(name, data=[small[1]], anns_field="small", limit=count, search_params={"params": {"radius": 0.1, "range_filter": 0.6}})[0]
equal(sorted(hit["id"] for hit in ring), [row for row in range(count) if 0.1 < wanted[row] <= 0.6], "a ring of cosines")
rounded = client.search(name, data=[half[2]], anns_field="half", limit=5, round_decimal=2)[0]
equal([hit["distance"] for hit in rounded], [round(hit["distance"], 2) for hit in rounded], "two decimals")
iterator = client.search_iterator(name, data=[half[3]], anns_field="half", batch_size=7, limit=30, search_params={})
pages, seen_ids = 0, []
while page := iterator.next():
    pages, seen_ids = pages + 1, seen_ids + [hit["id"] for hit in page]
iterator.close()
order = np.argsort(scores("half", "L2", NUMBERS["half"][3]), kind="stable")[:30].tolist()
equal(seen_ids, order, "iterator over float16")

from pymilvus import AnnSearchRequest, RRFRanker  # noqa: E402

requests = [
    AnnSearchRequest([half[5]], "half", {"metric_type": "L2"}, limit=20),
    AnnSearchRequest([binary[5].tobytes()], "binary", {"metric_type": "JACCARD"}, limit=20),
]
equal(client.hybrid_search(name, requests, RRFRanker(), limit=1)[0][0]["id"], 5, "hybrid search over two types")

# Floats for halves are rounded.
client.upsert(name, [{**entity(1), "half": floats[1].tolist(), "brain": floats[1].tolist()}])
again = client.get(name, ids=[1])[0]
equal(unpacked(again["half"], np.float16).tolist(), half[1].tolist(), "floats for float16")
equal(unpacked(again["brain"], np.uint16).tobytes(), brain[1].tobytes(), "floats for bfloat16")


def with_dim(kind, size):
    wrong = client.create_schema()
    wrong.add_field("id", DataType.INT64, is_primary=True)
    wrong.add_field("vector", kind, dim=size)
    return lambda: client.create_collection("wrong_dim", schema=wrong)


refused(with_dim(DataType.FLOAT16_VECTOR, 32769), "float vector dimension should be in range 2 ~ 32768", 1100)
metric = refused(
    lambda: client.search(name, data=[binary[0].tobytes()], anns_field="binary", limit=1, search_params={"metric_type": "HAMMING"}),
    "metric type not match: invalid parameter[expected=JACCARD][actual=HAMMING]",
)
refused(lambda: client.search(name, data=[small[0]], anns_field="half", limit=1), "vector type must be the same")
infinite = np.full(dim, np.inf, np.float16)
refused(lambda: client.insert(name, [{**entity(2), "half": infinite}]), "is not a number or infinity")
# A request that has a null for every row.
alone = {**entity(2), "id": count + 1, "maybe": None}
client.insert(name, [alone])
equal(client.get(name, ids=[count + 1])[0]["maybe"], None, "one row without a vector")
client.upsert(name, [{"id": 3, "maybe": None}], partial_update=True)
equal(client.get(name, ids=[3])[0]["maybe"], None, "a vector taken away")
client.drop_collection(name)
seen(rows=count, pages=pages, metric=metric)
