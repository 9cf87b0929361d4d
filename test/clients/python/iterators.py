"""Iterators over searches (row 4.16: how one gets past the window): every row once, best first, from one snapshot."""

from case import best, connect, equal, near, seen, vectors

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
            client.upsert(name, [{"id": 5_000 + len(hits), "vector": query.tolist(), "group": 0}])
    iterator.close()
    client.delete(name, filter="id >= 5000")
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
seen(rows=len(hits), pages=len(sizes))
