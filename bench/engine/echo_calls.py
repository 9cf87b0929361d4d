"""Calls that mean nothing: `echo_calls.py <address> <bytes of a request> <calls> <in flight> <bytes of an answer> [tcp]`: unary ones, or over bare connections.

A line of JSON for each line of standard input, as by `search_rows.py`: seconds of each call, processor seconds of this process, no keys.
"""

import json
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

address = sys.argv[1]
length, count, flying, answered = map(int, sys.argv[2:6])
request = b"x" * length


def same(data):
    return data


stub = grpc.insecure_channel(address).unary_unary("/bench.Echo/Call", request_serializer=same, response_deserializer=same)
mine = threading.local()


def call_grpc():
    stub(request, timeout=60)


def call_tcp():
    if not hasattr(mine, "connection"):
        host, port = address.split(":")
        mine.connection = socket.create_connection((host, int(port)))
        mine.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    mine.connection.sendall(request)
    missing = answered
    while missing > 0:
        missing -= len(mine.connection.recv(missing))


call = call_tcp if sys.argv[6:] == ["tcp"] else call_grpc
pool = ThreadPoolExecutor(flying)


def once(_):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def every():
    if flying == 1:
        return [once(at) for at in range(count)]
    return list(pool.map(once, range(count)))


for _ in sys.stdin:
    used = time.process_time()
    seconds = every()
    print(json.dumps({"seconds": seconds, "processorSeconds": time.process_time() - used, "keys": []}), flush=True)
