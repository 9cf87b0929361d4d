"""Indexes: made, described, listed, dropped (rows 3.60, 3.65 to 3.67). Parameters are told back as they were given."""

from case import connect, equal, refused, seen, vectors

client = connect()
name = "indexes"
schema = client.create_schema()
schema.add_field("id", 5, is_primary=True)
schema.add_field("vector", 101, dim=16)
schema.add_field("label", 21, max_length=20)
client.create_collection(name, schema=schema)
rows = vectors(50, 16)
client.insert(name, [{"id": row, "vector": rows[row].tolist(), "label": f"l{row}"} for row in range(50)])
client.flush(name)
equal(client.list_indexes(name), [], "none at first")

KINDS = {
    "FLAT": {},
    "IVF_FLAT": {"nlist": 1024},
    "IVF_SQ8": {"nlist": 64},
    "IVF_PQ": {"nlist": 64, "m": 4, "nbits": 8},
    "HNSW": {"M": 16, "efConstruction": 200},
    "SCANN": {"nlist": 64},
    "DISKANN": {"max_degree": 56, "search_list_size": 100},
    "AUTOINDEX": {},
}
for kind, params in KINDS.items():
    index_params = client.prepare_index_params()
    index_params.add_index("vector", index_type=kind, metric_type="L2", index_name="by_vector", params=params)
    client.create_index(name, index_params)
    told = client.describe_index(name, "by_vector")
    equal((told["index_type"], told["metric_type"], told["field_name"]), (kind, "L2", "vector"), f"{kind} described")
    equal({key: int(told[key]) for key in params}, params, f"parameters of {kind}")
    equal((told["total_rows"], told["indexed_rows"], told["pending_index_rows"]), (50, 50, 0), f"rows of {kind}")
    equal(told["state"], "Finished", f"state of {kind}")
    client.drop_index(name, "by_vector")
    equal(client.list_indexes(name), [], f"{kind} dropped")

both = client.prepare_index_params()
both.add_index("vector", index_type="HNSW", metric_type="IP", params={"M": 8, "efConstruction": 64})
both.add_index("label", index_type="INVERTED")
client.create_index(name, both)
equal(sorted(client.list_indexes(name)), ["label", "vector"], "named like their fields")
client.create_index(name, both)
client.load_collection(name)
hits = client.search(name, data=[rows[3].tolist()], limit=1, search_params={"metric_type": "IP", "params": {"ef": 64}})
equal(hits[0][0]["id"], 3, "search with ef")
loaded = refused(lambda: client.drop_index(name, "vector"), "vector index cannot be dropped on loaded collection")
client.drop_index(name, "label")
equal(client.list_indexes(name), ["vector"], "an index of scalars goes while it is loaded")
client.release_collection(name)


def make(**options):
    wrong = client.prepare_index_params()
    wrong.add_index(**options)
    client.create_index(name, wrong)


refused(lambda: make(field_name="vector", index_type="HNSW", metric_type="L2", params={"M": 4, "efConstruction": 8}), "at most one distinct index is allowed per field")
refused(lambda: make(field_name="nothing", index_type="FLAT", metric_type="L2"), "cannot create index on non-exist field: nothing")
refused(lambda: make(field_name="label", index_type="HNSW", metric_type="L2"), "can't build with this index HNSW")
client.drop_collection(name)
seen(kinds=list(KINDS), loaded=loaded)
