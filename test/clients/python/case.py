"""What every case has: the address of the server, vectors that are the same in every run, and what was seen, as one line of JSON.

A case is called as `case_name.py <address> [argument…]`. It asserts by itself; what it prints is for the reader of the test.
"""

import json
import logging
import sys
from pathlib import Path

import numpy as np
import pymilvus
from pymilvus import MilvusClient, MilvusException

logging.disable(logging.CRITICAL)  # pymilvus logs every error that it raises
REQUIRED = (Path(__file__).parent.parent / "requirements.txt").read_text().split()
if f"pymilvus=={pymilvus.__version__}" not in REQUIRED:
    raise AssertionError(f"pymilvus {pymilvus.__version__} is not what requirements.txt names: {REQUIRED}")

ADDRESS = sys.argv[1]
ARGUMENTS = sys.argv[2:]


def connect(**options):
    return MilvusClient(uri=f"http://{ADDRESS}", timeout=60, **options)


def vectors(count, dimension, seed=1):
    """Unit vectors, in 32 bits: what a client sends is what the oracle computes with."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def best(rows, query, limit, metric="COSINE"):
    """Indices of the nearest rows by brute force in 64 bits, best first."""
    rows, query = rows.astype(np.float64), np.asarray(query, np.float64)
    if metric == "L2":
        scores = -((rows - query) ** 2).sum(axis=1)
    else:
        scores = rows @ query
        if metric == "COSINE":
            scores /= np.linalg.norm(rows, axis=1) * np.linalg.norm(query)
    return [int(index) for index in np.argsort(-scores, kind="stable")[:limit]]


def equal(seen, expected, what=""):
    if seen != expected:
        raise AssertionError(f"{what}: expected {expected!r}, saw {seen!r}")


def near(seen, expected, what="", tolerance=1e-5):
    if not np.allclose(seen, expected, rtol=tolerance, atol=tolerance):
        raise AssertionError(f"{what}: expected about {expected!r}, saw {seen!r}")


def refused(action, text, code=None):
    """The error that an action must end with; gives its message."""
    try:
        action()
    except MilvusException as error:
        if text not in error.message:
            raise AssertionError(f"expected an error with {text!r}, got code {error.code}: {error.message!r}") from error
        if code is not None:
            equal(error.code, code, f"code of {error.message!r}")
        return error.message
    raise AssertionError(f"expected an error with {text!r}, and there was none")


def seen(**what):
    print(json.dumps(what, default=str))
