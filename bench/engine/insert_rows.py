"""Inserts by pymilvus: `insert_rows.py <address> <batches> <rows> <dimension> <in flight> <rounds>`.

Prints one line of JSON a round: seconds, and the processor seconds of this process. Rows are made before the clock starts.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from pymilvus import DataType, MilvusClient

ADDRESS = sys.argv[1]
BATCHES, ROWS, DIMENSION, FLYING, ROUNDS = map(int, sys.argv[2:7])

client = MilvusClient(uri=f"http://{ADDRESS}", timeout=60)
vectors = np.random.default_rng(1).standard_normal((ROWS, DIMENSION)).astype(np.float32)
batches = [[{"id": at * ROWS + row, "vector": vectors[row]} for row in range(ROWS)] for at in range(BATCHES)]

for number in range(ROUNDS):
    name = f"bench{number}"
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSION)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="IP")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(name, batches[0])
    print(json.dumps({"begin": number}), flush=True)
    sys.stdin.readline()
    processor, start = time.process_time(), time.perf_counter()
    if FLYING == 1:
        for batch in batches[1:]:
            client.insert(name, batch)
    else:
        with ThreadPoolExecutor(FLYING) as pool:
            list(pool.map(lambda batch: client.insert(name, batch), batches[1:]))
    seconds, used = time.perf_counter() - start, time.process_time() - processor
    print(json.dumps({"seconds": seconds, "processorSeconds": used}), flush=True)
    client.drop_collection(name)
