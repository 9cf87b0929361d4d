"""MINHASH_LSH: signatures with a few near copies among many that have nothing in common; what is found is checked hash by hash."""

import numpy as np
from case import connect, equal, refused, seen

ROWS, HASHES, BANDS = 2_000, 32, 16
client = connect()
name = "minhash"
schema = client.create_schema()
schema.add_field("id", 5, is_primary=True)
schema.add_field("signature", 100, dim=HASHES * 32)
client.create_collection(name, schema=schema, consistency_level="Strong")
random = np.random.default_rng(8)
signatures = random.integers(0, 2**32, size=(ROWS, HASHES), dtype=np.uint32)
# Row 100 has nine copies, of which ever more hashes were drawn anew.
for copy in range(1, 10):
    signatures[100 + copy] = signatures[100]
    signatures[100 + copy, : 2 * copy] = random.integers(0, 2**32, size=2 * copy, dtype=np.uint32)


def make(**params):
    index_params = client.prepare_index_params()
    index_params.add_index("signature", index_type="MINHASH_LSH", metric_type="MHJACCARD", index_name="lsh", params=params)
    client.create_index(name, index_params)


refused(lambda: make(mh_element_bit_width=24), "mh_element_bit_width", 1100)
refused(lambda: make(mh_lsh_bloom_false_positive_prob=2), "should be in range", 1100)
client.insert(name, [{"id": row, "signature": signatures[row].tobytes()} for row in range(ROWS)])
client.flush(name)
make(mh_element_bit_width=32, mh_lsh_band=BANDS, with_raw_data=True, mh_lsh_code_in_mem=True, mh_lsh_bloom_false_positive_prob=0.01)
client.load_collection(name)
described = client.describe_index(name, "lsh")
equal(
    [described[key] for key in ("index_type", "metric_type", "mh_lsh_band", "mh_element_bit_width", "state", "indexed_rows")],
    ["MINHASH_LSH", "MHJACCARD", str(BANDS), "32", "Finished", ROWS],
    "description",
)


def search(query, limit=10, **params):
    return client.search(name, data=[query.tobytes()], limit=limit, search_params={"metric_type": "MHJACCARD", "params": params})[0]


found = search(signatures[100], mh_search_with_jaccard=True, refine_k=50, mh_lsh_batch_search=True)
equal([(hit["id"], round(hit["distance"] * HASHES)) for hit in found], [(100 + copy, HASHES - 2 * copy) for copy in range(10)], "copies")
# Without Jaccard every row that shares a band is alike: 1, the first by key first. The last copy shares seven of sixteen.
near = [(100 + copy, 1.0) for copy in range(10)]
equal([(hit["id"], hit["distance"]) for hit in search(signatures[100], limit=20)], near, "by bands")
equal([hit["id"] for hit in search(signatures[100], limit=3)], [100, 101, 102], "the first by key")
# Rows that have no index yet are told the same way: one more copy, and a row that shares hashes but no whole band.
client.insert(name, [{"id": 5_000, "signature": signatures[100].tobytes()}])
apart = signatures[100].copy()
apart[::2] += 1
client.insert(name, [{"id": 5_001, "signature": apart.tobytes()}])
equal([(hit["id"], hit["distance"]) for hit in search(signatures[100], limit=20)], near + [(5_000, 1.0)], "growing rows too")
client.delete(name, ids=[5_000, 5_001])
# A row that shares hashes but no whole band is none of its candidates.
query = random.integers(0, 2**32, size=HASHES, dtype=np.uint32)
query[::2] = signatures[500, ::2]
equal(list(search(query, mh_search_with_jaccard=True, refine_k=100)), [], "half of the hashes, and no band")
query[1] = signatures[500, 1]
equal([hit["id"] for hit in search(query)], [500], "one band")
few = client.search(name, data=[signatures[100].tobytes()], limit=5, filter="id in [102, 104, 7]", search_params={"params": {}})[0]
equal([hit["id"] for hit in few], [102, 104], "with a filter")
explained = client.search(name, data=[signatures[100].tobytes()], limit=2, search_params={"params": {"explain": True}})
equal(len(explained.recalls), 1, "an estimate")
client.drop_collection(name)
seen(copies=[hit["id"] for hit in found])
