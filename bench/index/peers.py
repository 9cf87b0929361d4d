"""A library beside Elanus: `peers.py <name> <folder>`, where rows.f32, queries.f32, truth.u32 and shape.json lie.

A line of JSON comes for each line of standard input: `build <threads>` or `load`, then any number of `search <ef>`. Searches use one
thread, all queries in one call; times are processor time. For libraries that know no cosine, vectors are divided by their lengths before
the clock starts.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

name, folder = sys.argv[1], Path(sys.argv[2])
shape = json.loads((folder / "shape.json").read_text())
dimension, k, m, construction = shape["dimension"], shape["k"], shape["m"], shape["efConstruction"]
cosine = shape["metric"] == "COSINE"
path = str(folder / f"{name}.peer")


def read(file):
    values = np.fromfile(folder / file, dtype=np.float32).reshape(-1, dimension)
    return np.ascontiguousarray(values / np.linalg.norm(values, axis=1, keepdims=True)) if cosine else values


queries = read("queries.f32")
truth = np.fromfile(folder / "truth.u32", dtype=np.uint32).reshape(-1, k)


class Hnswlib:
    def __init__(self):
        import hnswlib

        self.index = hnswlib.Index(space="cosine" if cosine else "l2", dim=dimension)

    def build(self, rows, threads):
        self.index.init_index(max_elements=len(rows), M=m, ef_construction=construction)
        self.index.add_items(rows, num_threads=threads)

    def save(self):
        self.index.save_index(path)

    def load(self):
        self.index.load_index(path)

    def search(self, ef):
        self.index.set_ef(ef)
        return self.index.knn_query(queries, k=k, num_threads=1)[0]


class Rabitqlib:
    """SymphonyQG: a graph of degree 2 m with codes of one bit."""

    def __init__(self):
        import rabitqlib

        self.kind = rabitqlib.SymqgIndex
        self.index = self.kind(dimension, 2 * m)

    def build(self, rows, threads):
        self.index.build(rows, construction, num_threads=threads)

    def save(self):
        self.index.save(path)

    def load(self):
        self.index = self.kind.load(path)

    def search(self, ef):
        first, second = self.index.search(queries, k, ef, 1)
        return first if first.dtype.kind in "iu" else second


class Faiss:
    def __init__(self):
        import faiss

        self.faiss = faiss
        self.index = faiss.IndexHNSWFlat(dimension, m)
        self.index.hnsw.efConstruction = construction

    def build(self, rows, threads):
        self.faiss.omp_set_num_threads(threads)
        self.index.add(rows)

    def save(self):
        self.faiss.write_index(self.index, path)

    def load(self):
        self.index = self.faiss.read_index(path)

    def search(self, ef):
        self.faiss.omp_set_num_threads(1)
        self.index.hnsw.efSearch = ef
        return self.index.search(queries, k)[1]


class Usearch:
    def __init__(self):
        from usearch.index import Index

        metric = "cos" if cosine else "l2sq"
        self.index = Index(ndim=dimension, metric=metric, dtype="f32", connectivity=m, expansion_add=construction)

    def build(self, rows, threads):
        self.index.add(np.arange(len(rows)), rows, threads=threads)

    def save(self):
        self.index.save(path)

    def load(self):
        self.index.load(path)

    def search(self, ef):
        self.index.expansion_search = ef
        return self.index.search(queries, k, threads=1).keys


peer = {"hnswlib": Hnswlib, "rabitqlib": Rabitqlib, "faiss-cpu": Faiss, "usearch": Usearch}[name]()

for line in sys.stdin:
    what, *numbers = line.split()
    if what == "build":
        rows = read("rows.f32")
        wall, used = time.perf_counter(), time.process_time()
        peer.build(rows, int(numbers[0]))
        answer = {"processorSeconds": time.process_time() - used, "wallSeconds": time.perf_counter() - wall}
        peer.save()
        # What a file holds is what memory holds, but for a little.
        answer["bytes"] = Path(path).stat().st_size
    elif what == "load":
        peer.load()
        answer = {}
    else:
        used = time.process_time()
        labels = peer.search(int(numbers[0]))
        seconds = time.process_time() - used
        found = sum(len(set(a) & set(b)) for a, b in zip(labels.tolist(), truth.tolist()))
        answer = {"seconds": seconds, "recall": found / truth.size}
    print(json.dumps(answer), flush=True)
