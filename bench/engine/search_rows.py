"""Searches by pymilvus: `search_rows.py <address> <collection> <queries.f32> <dimension> <ef> <in flight>`.

A line of JSON for each line of standard input: seconds of each search, processor seconds of this process, and the keys that were found.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from pymilvus import MilvusClient

address, collection, file = sys.argv[1:4]
dimension, ef, flying = map(int, sys.argv[4:7])
client = MilvusClient(uri=f"http://{address}", timeout=60)
queries = np.fromfile(file, dtype=np.float32).reshape(-1, dimension)
parameters = {"params": {"ef": ef}}


def search(query):
    start = time.perf_counter()
    hits = client.search(collection, [query], limit=10, search_params=parameters)
    return time.perf_counter() - start, [hit["id"] for hit in hits[0]]


def every():
    if flying == 1:
        return [search(query) for query in queries]
    with ThreadPoolExecutor(flying) as pool:
        return list(pool.map(search, queries))


for _ in sys.stdin:
    used = time.process_time()
    seconds, keys = zip(*every())
    answer = {"seconds": seconds, "processorSeconds": time.process_time() - used, "keys": [k for one in keys for k in one]}
    print(json.dumps(answer), flush=True)
