"""Consistency levels (row 4.28): Strong and Session see at once what was written; Bounded and Eventually after the log has caught up."""

import time

from case import connect, equal, seen, vectors

writer, reader = connect(), connect()
name = "consistency"
writer.create_collection(name, dimension=8, consistency_level="Bounded")
equal(writer.describe_collection(name)["consistency_level_name"], "Bounded", "level of the collection")
rows = vectors(200, 8)
written = 0
for batch in range(20):
    writer.insert(name, [{"id": row, "vector": rows[row].tolist()} for row in range(written, written + 10)])
    written += 10
    last = written - 1
    for client, level in ((reader, "Strong"), (writer, "Session")):
        hit = client.search(name, data=[rows[last].tolist()], limit=1, consistency_level=level)[0][0]
        equal(hit["id"], last, f"{level} search right after the write")
        counted = client.query(name, filter="", output_fields=["count(*)"], consistency_level=level)
        equal(counted[0]["count(*)"], written, f"{level} count right after the write")
    for level in ("Bounded", "Eventually"):
        counted = reader.query(name, filter="", output_fields=["count(*)"], consistency_level=level)[0]["count(*)"]
        equal(0 <= counted <= written and counted % 10 == 0, True, f"{level} sees whole requests: {counted} of {written}")
deleted = list(range(0, 50))
writer.delete(name, ids=deleted)
equal(reader.query(name, filter="", output_fields=["count(*)"], consistency_level="Strong")[0]["count(*)"], 150, "Strong sees deletes")

waited = {}
for level in ("Bounded", "Eventually"):
    started = time.monotonic()
    while reader.query(name, filter="", output_fields=["count(*)"], consistency_level=level)[0]["count(*)"] != 150:
        time.sleep(0.05)
    waited[level] = round(time.monotonic() - started, 3)
    ids = [hit["id"] for hit in reader.search(name, data=[rows[60].tolist()], limit=5, consistency_level=level)[0]]
    strong = [hit["id"] for hit in reader.search(name, data=[rows[60].tolist()], limit=5, consistency_level="Strong")[0]]
    equal(ids, strong, f"{level} answers like Strong once it has caught up")
writer.drop_collection(name)
seen(rows=written, waited_seconds=waited)
