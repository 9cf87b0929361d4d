"""hnswlib beside Elanus: `hnswlib_peer.py <folder>`, where rows.f32, queries.f32, truth.u32 and shape.json lie.

A line of JSON comes for each line of standard input: `build`, then any number of `<ef>`. One thread; times are processor time.
"""

import json
import sys
import time
from pathlib import Path

import hnswlib
import numpy as np

folder = Path(sys.argv[1])
shape = json.loads((folder / "shape.json").read_text())
dimension, k = shape["dimension"], shape["k"]
rows = np.fromfile(folder / "rows.f32", dtype=np.float32).reshape(-1, dimension)
queries = np.fromfile(folder / "queries.f32", dtype=np.float32).reshape(-1, dimension)
truth = np.fromfile(folder / "truth.u32", dtype=np.uint32).reshape(-1, k)
index = hnswlib.Index(space={"L2": "l2", "IP": "ip", "COSINE": "cosine"}[shape["metric"]], dim=dimension)

for line in sys.stdin:
    if line.strip() == "build":
        start = time.process_time()
        index.init_index(max_elements=len(rows), M=shape["m"], ef_construction=shape["efConstruction"])
        index.add_items(rows, num_threads=1)
        print(json.dumps({"seconds": time.process_time() - start, "bytes": index.index_file_size()}), flush=True)
        continue
    index.set_ef(int(line))
    start = time.process_time()
    labels, _ = index.knn_query(queries, k=k, num_threads=1)
    seconds = time.process_time() - start
    found = sum(len(set(a) & set(b)) for a, b in zip(labels.tolist(), truth.tolist()))
    print(json.dumps({"seconds": seconds, "recall": found / truth.size}), flush=True)
