"""Seed 004, existing data: row 4.2. The same program again and again: what was written is there, and writing goes on.

    004_reopen.py <address> <how often it has run before>
"""

from case import ARGUMENTS, best, connect, equal, seen, vectors

run = int(ARGUMENTS[0])
client = connect()
name = "my_collection"
equal(client.has_collection(name), run > 0, "the collection is there")
if run == 0:
    client.create_collection(name, dimension=32, consistency_level="Strong")
equal(client.get_load_state(name)["state"].name, "Loaded", "it is loaded, also after a restart")

rows = vectors((run + 1) * 60, 32)
count = lambda: client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"]
equal(count(), run * 60, "what was written is there")
data = [{"id": row, "vector": rows[row].tolist(), "run": row // 60} for row in range(run * 60, (run + 1) * 60)]
client.insert(name, data[:30])
if run % 2 == 0:
    client.flush(name)
client.insert(name, data[30:])
equal(count(), (run + 1) * 60, "writing goes on")

query = vectors(1, 32, seed=77)[0]
hits = client.search(name, data=[query.tolist()], limit=20, output_fields=["run"])[0]
equal([hit["id"] for hit in hits], best(rows, query, 20), "search over all runs")
equal([hit["entity"]["run"] for hit in hits], [hit["id"] // 60 for hit in hits], "undeclared keys")
seen(rows=count())
