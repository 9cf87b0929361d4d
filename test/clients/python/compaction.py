"""Compaction: row 4.33. Many flushes become one segment, deletes go to it, and everything reads as before."""

import time

from case import connect, equal, refused, seen, vectors

client = connect()
name = "compacted"
client.create_collection(name, dimension=32, consistency_level="Strong")
rows = vectors(1_500, 32)
for start in range(0, 1_500, 250):
    client.insert(name, [{"id": row, "vector": rows[row].tolist()} for row in range(start, start + 250)])
    client.delete(name, ids=[start, start + 1])
    client.upsert(name, [{"id": start + 2, "vector": rows[start + 3].tolist(), "again": True}])
    client.flush(name)
alive = [row for row in range(1_500) if row % 250 > 1]


def compact(**options):
    job = client.compact(name, **options)
    while client.get_compaction_state(job) != "Completed":
        time.sleep(0.1)
    return job


def read():
    found = client.query(name, filter="id >= 0", output_fields=["id", "again"], limit=2_000)
    return sorted((row["id"], row.get("again", False)) for row in found)


expected = [(row, row % 250 == 2) for row in alive]
equal(read(), expected, "before")
compact()
segments = client.list_persistent_segments(name)
equal(len(segments), 1, "one segment, and no deletes beside it")
equal(read(), expected, "after")
hits = client.search(name, [rows[700].tolist()], limit=1)[0]
equal(hits[0]["id"], 700, "search")
plans = client._get_connection().get_compaction_plans(compact())
equal((plans.state.name, len(plans.plans)), ("Completed", 0), "nothing is left to do")
refused(lambda: client.compact(name, is_clustering=True), "collection not support clustering compaction", 2304)
refused(lambda: client.compact("nowhere"), "collection not found", 100)
client.release_collection(name)
client.load_collection(name)
equal(read(), expected, "loaded again")
client.drop_collection(name)
seen(segments=len(segments))
