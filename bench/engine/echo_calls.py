"""Unary calls that mean nothing: `echo_calls.py <address> <bytes of a request> <calls> <in flight>`.

A line of JSON for each line of standard input, as by `search_rows.py`: seconds of each call, processor seconds of this process, no keys.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

address = sys.argv[1]
length, count, flying = map(int, sys.argv[2:5])
request = b"x" * length


def same(data):
    return data


call = grpc.insecure_channel(address).unary_unary("/bench.Echo/Call", request_serializer=same, response_deserializer=same)


def once(_):
    start = time.perf_counter()
    call(request, timeout=60)
    return time.perf_counter() - start


def every():
    if flying == 1:
        return [once(at) for at in range(count)]
    with ThreadPoolExecutor(flying) as pool:
        return list(pool.map(once, range(count)))


for _ in sys.stdin:
    used = time.process_time()
    seconds = every()
    print(json.dumps({"seconds": seconds, "processorSeconds": time.process_time() - used, "keys": []}), flush=True)
