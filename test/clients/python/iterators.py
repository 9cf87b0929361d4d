"""Iterators over searches (row 4.16: how one gets past the window): every row once, best first, from one snapshot."""

from case import ADDRESS, best, connect, equal, near, seen, vectors
from pymilvus import Collection, connections

client = connect()
name = "iterators"
client.create_collection(name, dimension=16, metric_type="L2", consistency_level="Strong")
count = 1_500
rows = vectors(count, 16)
data = [{"id": row, "vector": rows[row].tolist(), "group": row % 5} for row in range(count)]
client.insert(name, data[:900])
client.flush(name)
client.insert(name, data[900:])
query = vectors(1, 16, seed=12)[0]


def walk(**options):
    iterator = client.search_iterator(name, data=[query.tolist()], output_fields=["group"], **options)
    hits, sizes = [], []
    while page := iterator.next():
        hits += [(hit["id"], hit["distance"], hit["entity"]["group"]) for hit in page]
        sizes.append(len(page))
        if len(sizes) == 1:
            # What comes later is not in the snapshot.
            client.upsert(name, [{"id": 1_000_000 + len(hits), "vector": query.tolist(), "group": 0}])
    iterator.close()
    client.delete(name, filter="id >= 1000000")
    return hits, sizes


hits, sizes = walk(batch_size=200)
equal([hit[0] for hit in hits], best(rows, query, count, "L2"), "all rows, best first, each once")
equal(max(sizes) <= 200, True, "size of a page")
near([hit[1] for hit in hits], ((rows[[hit[0] for hit in hits]] - query) ** 2).sum(axis=1), "distances", 1e-4)

limited, sizes = walk(batch_size=100, limit=250)
equal(len(limited), 250, "a limit")
group = [row for row in range(count) if row % 5 == 2]
filtered, _ = walk(batch_size=70, filter="group == 2")
equal([hit[0] for hit in filtered], [group[row] for row in best(rows[group], query, len(group), "L2")], "under a filter")
client.drop_collection(name)

# Over an index: nearly everything that brute force finds, in order, nothing twice.
count, told = 6_000, 1_000
rows = vectors(count, 32)
schema = client.create_schema()
schema.add_field("id", 5, is_primary=True)
schema.add_field("group", 5)
schema.add_field("vector", 101, dim=32)
client.create_collection(name, schema=schema, consistency_level="Strong")
for first in range(0, count, 2_000):
    client.insert(name, [{"id": row, "vector": rows[row], "group": row % 5} for row in range(first, first + 2_000)])
client.flush(name)
index_params = client.prepare_index_params()
index_params.add_index("vector", index_type="HNSW", metric_type="COSINE", params={"M": 16, "efConstruction": 100})
client.create_index(name, index_params)
client.load_collection(name)
query = vectors(1, 32, seed=12)[0]
exact = set(best(rows, query, told))


def check(ids, distances, what):
    equal(len(ids), told, what)
    equal(len(set(ids)), told, f"{what}: each once")
    equal(distances, sorted(distances, reverse=True), f"{what}: in order")
    found = len(exact & set(ids)) / told
    if found < 0.98:
        raise AssertionError(f"{what}: {found} of the rows of brute force")


indexed, sizes = walk(batch_size=100, limit=told, search_params={"metric_type": "COSINE", "params": {"ef": 100}})
check([hit[0] for hit in indexed], [hit[1] for hit in indexed], "an iterator over an index")
connections.connect("iterators", uri=f"http://{ADDRESS}")
older = Collection(name, using="iterators").search_iterator(
    [query.tolist()], "vector", {"metric_type": "COSINE", "params": {"ef": 100}}, batch_size=100, limit=told
)
ids, distances = [], []
while page := older.next():
    ids += page.ids()
    distances += page.distances()
older.close()
connections.disconnect("iterators")
check(ids, distances, "an iterator that makes its own rings")
client.drop_collection(name)
seen(rows=len(hits), pages=len(sizes), indexed=len(indexed), older=len(ids))
