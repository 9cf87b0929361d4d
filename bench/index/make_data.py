"""Rows and queries for benches: `make_data.py text <folder> <rows> <wheel>…` or `make_data.py sift <folder> <rows>`.

Writes rows.f32, queries.f32 and about.json into the folder. 1,000 queries, drawn as the rows are and not among them. The same arguments
give the same values, but for the last bits where another processor's libraries add in another order.

text  768 dimensions, COSINE: passages of the sources and of the JSON documentation inside the wheels, weighted by the rarity of their
      words (tf-idf), a truncated singular value decomposition of that, its spectrum flattened a little (power 0.75) towards what models
      of sentences have. Not a model's embeddings, but of real text: clustered, no two alike, of fewer dimensions than they have.
sift  128 dimensions, L2, whole numbers below 256: Zipf-sized clusters of 32 latent dimensions, turned into histograms that are rectified
      and clipped as those of image gradients are.
"""

import gzip
import hashlib
import json
import re
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

QUERIES = 1000
BLOCK = 50_000


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def passages(wheels):
    """Of JSON its strings, of programs runs of 14 lines; in the order of the archives."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".json.gz"):
                    yield from strings(json.loads(gzip.decompress(archive.read(name))))
                elif name.endswith(".json"):
                    yield from strings(json.loads(archive.read(name)))
                elif name.endswith(".py"):
                    lines = archive.read(name).decode("utf8", "ignore").splitlines()
                    for first in range(0, len(lines), 14):
                        yield " ".join(lines[first : first + 14])


def documents(wheels, count):
    """Lists of words of at least 12 words, no two of the same set of words, drawn from all."""
    known, found = set(), []
    for passage in passages(wheels):
        if len(passage) < 60:
            continue
        spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", re.sub(r"<[^>]+>", " ", passage[:1500])).lower()
        words = re.findall(r"[a-z]{3,20}", spaced)
        key = hashlib.blake2b(" ".join(sorted(set(words))).encode(), digest_size=8).digest()
        if len(words) >= 12 and key not in known:
            known.add(key)
            found.append(words)
    if len(found) < count:
        sys.exit(f"{len(found)} passages are fewer than {count}")
    chosen = np.random.default_rng(3).permutation(len(found))
    return [found[at] for at in chosen]


def text(rows, wheels):
    from scipy import sparse

    dimension, wanted = 768, rows + QUERIES
    found = documents(wheels, wanted)
    frequency = Counter(word for words in found[:wanted] for word in set(words))
    kept = [word for word, times in frequency.most_common() if 5 <= times <= 0.3 * wanted]
    column = {word: at for at, word in enumerate(kept)}
    rarity = np.log(1 + wanted / np.array([frequency[word] for word in kept]))
    starts, columns, values = [0], [], []
    for words in found:
        counts = Counter(column[word] for word in words if word in column)
        if len(counts) < 5:
            continue  # too little is left of it to have a direction
        for at, times in sorted(counts.items()):
            columns.append(at)
            values.append((1 + np.log(times)) * rarity[at])
        starts.append(len(columns))
        if len(starts) > wanted:
            break
    matrix = sparse.csr_matrix((np.array(values, np.float32), columns, starts), (len(starts) - 1, len(kept)))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel())
    matrix = sparse.diags((1 / lengths).astype(np.float32)).dot(matrix).tocsr()
    print(f"{matrix.shape[0]} passages of {matrix.shape[1]} words", flush=True)
    basis = matrix @ np.random.default_rng(1).standard_normal((len(kept), dimension + 40)).astype(np.float32)
    for _ in range(2):
        basis = matrix @ (matrix.T @ np.linalg.qr(basis)[0])
    basis = np.linalg.qr(basis)[0]
    left, spectrum, _ = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    vectors = (basis @ left[:, :dimension]) * spectrum[:dimension] ** 0.75
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sift(rows):
    latent, clusters, dimension = 32, 400, 128
    random = np.random.default_rng(1)
    scale = np.arange(1, latent + 1) ** -0.2
    centres = random.standard_normal((clusters, latent)) * scale * 0.9
    share = np.arange(1, clusters + 1) ** -0.5
    turns = random.standard_normal((8, latent, latent)) / np.sqrt(latent)
    spread = random.standard_normal((latent, dimension)) / np.sqrt(latent)
    middle = random.standard_normal(dimension) * 0.5
    mixed = random.standard_normal((dimension, dimension)) / np.sqrt(dimension)
    for first in range(0, rows + QUERIES, BLOCK):
        count = min(BLOCK, rows + QUERIES - first)
        member = random.choice(clusters, count, p=share / share.sum())
        around = random.standard_normal((count, latent)) * scale
        for shape in range(8):
            of = member % 8 == shape
            around[of] = 0.6 * around[of] + 0.6 * (around[of] @ turns[shape])
        values = np.tanh((centres[member] + around) @ spread + middle) @ mixed * 1.4
        values = np.maximum(0, values + 0.1225 * random.standard_normal(values.shape) + 0.1)
        for _ in range(2):
            values /= np.linalg.norm(values, axis=1, keepdims=True) + 1e-9
            values = np.minimum(values, 0.2)
        values /= np.linalg.norm(values, axis=1, keepdims=True) + 1e-9
        yield np.minimum(255, np.round(values * 512)).astype(np.float32)


kind, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
# The last are the queries, in either kind drawn by chance from the same. Blocks are written as they come: all of ten million rows do not
# fit into memory twice.
left, dimension = count, 0
with (folder / "rows.f32").open("wb") as rows, (folder / "queries.f32").open("wb") as queries:
    for block in [text(count, sys.argv[4:])] if kind == "text" else sift(count):
        block, dimension = np.ascontiguousarray(block, np.float32), block.shape[1]
        block[:left].tofile(rows)
        block[left:].tofile(queries)
        left -= min(left, len(block))
about = {"name": f"{kind}, {count:,} rows", "metric": "COSINE" if kind == "text" else "L2", "dimension": dimension}
(folder / "about.json").write_text(json.dumps(about))
