"""Flush and segments: rows 3.58, 3.59 and 0.13. Growing before, flushed and sealed after; nothing lost on the way."""

from case import connect, equal, seen, vectors

client = connect()
name = "flushes"
client.create_collection(name, dimension=32, consistency_level="Strong")
rows = vectors(3_000, 32)
for start in range(0, 3_000, 1_000):
    client.insert(name, [{"id": row, "vector": rows[row].tolist()} for row in range(start, start + 1_000)])
    if start == 0:
        growing = client.list_loaded_segments(name)
        equal([(segment.state.name, segment.num_rows) for segment in growing], [("Growing", 1_000)], "growing")
        equal(client.list_persistent_segments(name), [], "nothing in files")
    if start < 2_000:
        client.flush(name)
flushed = client.list_persistent_segments(name)
equal(sum(segment.num_rows for segment in flushed), 2_000, "rows in files")
equal({segment.state.name for segment in flushed}, {"Flushed"}, "flushed")
equal({segment.storage_version for segment in flushed}, {2}, "storage version")
loaded = client.list_loaded_segments(name)
equal(sum(segment.num_rows for segment in loaded), 3_000, "rows in memory")
equal(sorted({segment.state.name for segment in loaded}), ["Growing", "Sealed"], "both kinds")
equal(client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"], 3_000, "all rows are there")
client.flush(name)
equal(client.get_collection_stats(name)["row_count"], 3_000, "row count")
equal(sum(segment.num_rows for segment in client.list_persistent_segments(name)), 3_000, "all in files")
client.flush(name)
client.drop_collection(name)
seen(segments=len(flushed) + 1)
