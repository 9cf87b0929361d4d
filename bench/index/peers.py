"""A library beside Elanus: `peers.py <name> <folder>`, where rows.f32, queries.f32, truth.u32 and shape.json lie.

A line of JSON comes for each line of standard input: `build`, then any number of `<ef>`. One thread; times are processor time. For
libraries that know no cosine, vectors are divided by their lengths before the clock starts.
"""

import json
import os
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402: after the number of threads

name, folder = sys.argv[1], Path(sys.argv[2])
shape = json.loads((folder / "shape.json").read_text())
dimension, k, m, construction = shape["dimension"], shape["k"], shape["m"], shape["efConstruction"]
cosine = shape["metric"] == "COSINE"


def read(file):
    values = np.fromfile(folder / file, dtype=np.float32).reshape(-1, dimension)
    return np.ascontiguousarray(values / np.linalg.norm(values, axis=1, keepdims=True)) if cosine else values


rows, queries = read("rows.f32"), read("queries.f32")
truth = np.fromfile(folder / "truth.u32", dtype=np.uint32).reshape(-1, k)


class Hnswlib:
    def __init__(self):
        import hnswlib

        self.index = hnswlib.Index(space="cosine" if cosine else "l2", dim=dimension)

    def build(self):
        self.index.init_index(max_elements=len(rows), M=m, ef_construction=construction)
        self.index.add_items(rows, num_threads=1)

    def bytes(self):
        return self.index.index_file_size()

    def search(self, ef):
        self.index.set_ef(ef)
        return self.index.knn_query(queries, k=k, num_threads=1)[0]


class Rabitqlib:
    """SymphonyQG: a graph of degree 2 m with codes of one bit."""

    def __init__(self):
        import rabitqlib

        self.index = rabitqlib.SymqgIndex(dimension, 2 * m)

    def build(self):
        self.index.build(rows, construction, num_threads=1)

    def bytes(self):
        self.index.save(str(folder / "rabitqlib.index"))
        return (folder / "rabitqlib.index").stat().st_size

    def search(self, ef):
        first, second = self.index.search(queries, k, ef, 1)
        return first if first.dtype.kind in "iu" else second


class Faiss:
    def __init__(self):
        import faiss

        faiss.omp_set_num_threads(1)
        self.faiss = faiss
        self.index = faiss.IndexHNSWFlat(dimension, m)
        self.index.hnsw.efConstruction = construction

    def build(self):
        self.index.add(rows)

    def bytes(self):
        return self.faiss.serialize_index(self.index).nbytes

    def search(self, ef):
        self.index.hnsw.efSearch = ef
        return self.index.search(queries, k)[1]


class Usearch:
    def __init__(self):
        from usearch.index import Index

        self.index = Index(ndim=dimension, metric="cos" if cosine else "l2sq", dtype="f32", connectivity=m, expansion_add=construction)

    def build(self):
        self.index.add(np.arange(len(rows)), rows, threads=1)

    def bytes(self):
        return self.index.serialized_length

    def search(self, ef):
        self.index.expansion_search = ef
        return self.index.search(queries, k, threads=1).keys


peer = {"hnswlib": Hnswlib, "rabitqlib": Rabitqlib, "faiss-cpu": Faiss, "usearch": Usearch}[name]()

for line in sys.stdin:
    if line.strip() == "build":
        start = time.process_time()
        peer.build()
        seconds = time.process_time() - start
        print(json.dumps({"seconds": seconds, "bytes": peer.bytes()}), flush=True)
        continue
    start = time.process_time()
    labels = peer.search(int(line))
    seconds = time.process_time() - start
    found = sum(len(set(a) & set(b)) for a, b in zip(labels.tolist(), truth.tolist()))
    print(json.dumps({"seconds": seconds, "recall": found / truth.size}), flush=True)
