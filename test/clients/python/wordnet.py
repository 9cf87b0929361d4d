"""20,000 rows of 384, against brute force: ids under every consistency level, with and without a filter, growing and sealed mixed.

    wordnet.py <address> write <folder or ->     makes the collection, writes it with a flush in the middle, checks
    wordnet.py <address> read <folder or ->      checks what is there, after a restart or a crash
    wordnet.py <address> change <folder or ->    deletes and upserts rows without a flush, checks
    wordnet.py <address> changed <folder or ->   checks the changed rows

The folder holds WordNet's synsets (`vectors.f16.bin`, `rows.parquet`, `queries.f32.bin`); without one, rows are drawn around 200 centres.
"""

import json
import time
from pathlib import Path

import numpy as np
from case import ARGUMENTS, connect, equal, seen
from pymilvus import DataType

STEP, FOLDER = ARGUMENTS
NAME, COUNT, DIMENSION, QUERIES, LIMIT = "wordnet", 20_000, 384, 100, 10
LEVELS = ("Strong", "Session", "Bounded", "Eventually")
# Scores in 32 bits may differ from the oracle's by this much; rows that are closer than that may change places.
TOLERANCE = 2e-6


def stored_rows(folder):
    import pyarrow.parquet as parquet

    # Every fifth row: verbs, adjectives and adverbs are in, not only the nouns that come first.
    chosen = np.arange(COUNT) * 5
    halves = np.memmap(folder / "vectors.f16.bin", np.float16, "r").reshape(-1, DIMENSION)
    table = parquet.read_table(folder / "rows.parquet", columns=["id", "category", "senses"]).take(chosen)
    return (
        table["id"].to_numpy(),
        halves[chosen].astype(np.float32),
        np.array(table["category"].to_pylist()),
        table["senses"].to_numpy(),
        np.fromfile(folder / "queries.f32.bin", np.float32, QUERIES * DIMENSION).reshape(QUERIES, DIMENSION),
    )


def drawn_rows():
    random = np.random.default_rng(20_000)
    centres = random.standard_normal((200, DIMENSION))
    draw = lambda count: (centres[random.integers(0, 200, count)] + random.standard_normal((count, DIMENSION))).astype(np.float32)
    categories = np.array([f"group.{number}" for number in random.integers(0, 45, COUNT)])
    return np.arange(COUNT) * 7 + 100_000_000, draw(COUNT), categories, random.geometric(0.3, COUNT), draw(QUERIES)


ids, vectors, categories, senses, queries = drawn_rows() if FOLDER == "-" else stored_rows(Path(FOLDER))
some = sorted(set(categories.tolist()))[::3]
FILTERS = {
    "": np.ones(COUNT, bool),
    "senses >= 4": senses >= 4,
    f"category in {json.dumps(some)}": np.isin(categories, some),
}
# What `change` does: every third row goes, every fifth of the rest gets the vector of the row 1,000 further.
gone = np.arange(COUNT) % 3 == 0
replaced = ~gone & (np.arange(COUNT) % 5 == 0)
if STEP.startswith("change"):
    alive = ~gone
    current = vectors.copy()
    current[replaced] = vectors[(np.flatnonzero(replaced) + 1_000) % COUNT]
else:
    alive, current = np.ones(COUNT, bool), vectors

wide = current.astype(np.float64)
wide /= np.linalg.norm(wide, axis=1, keepdims=True)
scores = (queries / np.linalg.norm(queries.astype(np.float64), axis=1, keepdims=True)) @ wide.T
row_of = {int(key): row for row, key in enumerate(ids)}
client = connect()
exact = 0


def check(hits, query, among):
    """Ranks as by brute force; equal vectors in the order of their keys."""
    global exact
    rows = [row_of[hit["id"]] for hit in hits]
    equal(len(rows), min(LIMIT, int(among.sum())), "hits")
    equal(len(set(rows)), len(rows), "each row once")
    candidates = np.flatnonzero(among)
    order = candidates[np.lexsort((ids[candidates], -scores[query, candidates]))][: len(rows)]
    for rank, (row, wanted) in enumerate(zip(rows, order)):
        if not among[row]:
            raise AssertionError(f"query {query}, rank {rank}: row {ids[row]} does not pass")
        if abs(scores[query, row] - scores[query, wanted]) > TOLERANCE:
            raise AssertionError(f"query {query}, rank {rank}: expected {ids[wanted]}, saw {ids[row]}")
        if abs(hits[rank]["distance"] - scores[query, row]) > TOLERANCE:
            raise AssertionError(f"query {query}, rank {rank}: score {hits[rank]['distance']}, not {scores[query, row]}")
        exact += int(row == wanted)
    for before, after in zip(rows, rows[1:]):
        if (current[before] == current[after]).all():
            equal(ids[before] < ids[after], True, "equal vectors come in the order of keys")


def check_all(where):
    """A client that has written nothing asks: Session then means what the server knows by itself."""
    for level in LEVELS:
        for filter_text, passing in FILTERS.items():
            among = alive & passing
            results = client.search(
                NAME, data=queries.tolist(), limit=LIMIT, filter=filter_text, consistency_level=level
            )
            for query, hits in enumerate(results):
                check(hits, query, among)
            counted = client.query(NAME, filter=filter_text, output_fields=["count(*)"], consistency_level=level)
            equal(counted[0]["count(*)"], int(among.sum()), f"count {where}, {level}, {filter_text!r}")


def until_settled():
    """Bounded and Eventually may lag behind what was written; the answer is determined once they have caught up."""
    started = time.monotonic()
    counts = lambda level: client.query(NAME, filter="", output_fields=["count(*)"], consistency_level=level)[0]["count(*)"]
    while any(counts(level) != int(alive.sum()) for level in ("Bounded", "Eventually")):
        time.sleep(0.05)
    return round(time.monotonic() - started, 3)


def entities(rows):
    return [
        {
            "id": int(ids[row]),
            "vector": current[row].tolist(),
            "category": str(categories[row]),
            "senses": int(senses[row]),
            "word": f"row {row}",
        }
        for row in rows
    ]


if STEP == "write":
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSION)
    schema.add_field("category", DataType.VARCHAR, max_length=64)
    schema.add_field("senses", DataType.INT32)
    index_params = client.prepare_index_params()
    index_params.add_index("vector", index_type="FLAT", metric_type="COSINE")
    client.create_collection(NAME, schema=schema, index_params=index_params, consistency_level="Bounded")
    for start in range(0, COUNT, 4_000):
        client.insert(NAME, entities(range(start, start + 4_000)))
        if start == 8_000:
            client.flush(NAME)
    states = {segment.state.name for segment in client.list_loaded_segments(NAME)}
    equal(states, {"Growing", "Sealed"}, "growing and sealed mixed")
elif STEP == "change":
    client.delete(NAME, ids=[int(key) for key in ids[gone]])
    client.upsert(NAME, entities(np.flatnonzero(replaced)))

settled_seconds = until_settled()
check_all(STEP)
sample = client.get(NAME, ids=[int(ids[1]), int(ids[COUNT - 2])], output_fields=["*"])
for row in sample:
    at = row_of[row["id"]]
    equal(row["vector"], current[at].tolist(), "the vector as it was written")
    equal((row["category"], row["senses"], row["word"]), (categories[at], senses[at], f"row {at}"), "its other fields")
wanted = len(LEVELS) * len(FILTERS) * QUERIES * LIMIT
seen(
    rows=int(alive.sum()),
    same_rank=exact,
    ranks=wanted,
    settled_seconds=settled_seconds,
    source="drawn" if FOLDER == "-" else "WordNet",
)
