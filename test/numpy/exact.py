"""Exact nearest rows by numpy, in float64, beside what the kernel found. Prints the largest error of each case as JSON."""

import json
import sys
from pathlib import Path

import numpy as np

folder = Path(sys.argv[1])

ARRAYS = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16, "int8": np.int8, "binary": np.uint8}


def load(name, element, width):
    raw = np.fromfile(folder / name, dtype=ARRAYS[element]).reshape(-1, width)
    if element == "bfloat16":
        return (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if element == "binary":
        return np.unpackbits(raw, axis=1).astype(np.int64)
    return raw.astype(np.float64)


def scores_of(metric, queries, rows, hash_bits):
    if metric == "L2":
        return ((queries[:, None, :] - rows[None, :, :]) ** 2).sum(axis=2)
    if metric == "IP":
        return queries @ rows.T
    if metric == "COSINE":
        lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(rows, axis=1)[None, :]
        return np.divide(queries @ rows.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    shared = queries @ rows.T
    of_query, of_row = queries.sum(axis=1)[:, None], rows.sum(axis=1)[None, :]
    if metric == "HAMMING":
        return (of_query + of_row - 2 * shared).astype(np.float64)
    if metric == "JACCARD":
        union = of_query + of_row - shared
        return np.where(shared == 0, 1.0, 1 - shared / np.maximum(union, 1))
    if metric == "SUBSTRUCTURE":
        return np.where(shared == of_query, 0.0, np.nan)
    if metric == "SUPERSTRUCTURE":
        return np.where(shared == of_row, 0.0, np.nan)
    count = rows.shape[1] // hash_bits
    split = lambda bits: bits.reshape(len(bits), count, hash_bits)
    equal = (split(queries)[:, None] == split(rows)[None]).all(axis=3).sum(axis=2)
    return np.where(equal == 0, np.nan, equal / count)


def check(case):
    element, metric, k = case["element"], case["metric"], case["k"]
    rows = load(case["rows"], element, case["width"])
    queries = load(case["queries"], element, case["width"])
    found = np.fromfile(folder / case["hits"], dtype=np.uint32).reshape(len(queries), k)
    told = np.fromfile(folder / case["scores"], dtype=np.float32).reshape(len(queries), k).astype(np.float64)
    scores = scores_of(metric, queries, rows, case["hashBits"])
    larger_is_better = metric in ("IP", "COSINE", "MHJACCARD")
    worst = 0.0
    for query in range(len(queries)):
        own = scores[query]
        hits = np.flatnonzero(~np.isnan(own))
        best = np.sort(-own[hits] if larger_is_better else own[hits])[:k] * (-1 if larger_is_better else 1)
        count = len(best)
        places = found[query, :count].astype(np.int64)
        assert (found[query, count:] == 0xFFFFFFFF).all(), f"{case['name']}: hits behind the last"
        assert len(set(places)) == count, f"{case['name']}: a row comes twice"
        if count == 0:
            continue
        size = np.maximum(np.abs(best), 1e-3 * np.abs(best).max()) + 1e-30
        # Each place has the score it must have, and the row that stands there really has that score.
        worst = max(worst, (np.abs(told[query, :count] - best) / size).max())
        worst = max(worst, (np.abs(own[places] - told[query, :count]) / size).max())
    return worst


print(json.dumps({case["name"]: check(case) for case in json.loads((folder / "cases.json").read_text())}))
