"""Seed 004, limit and offset: row 4.16. 16,384 is in, 16,385 is out; equal distances come in the order of keys."""

from case import connect, equal, refused, seen
import numpy as np

client = connect()
name = "window_004"
client.create_collection(name, dimension=2, metric_type="L2", consistency_level="Strong")
count = 16_500
# Keys arrive in disorder, and each place on the line is taken by two rows.
keys = np.random.default_rng(3).permutation(count)
place = lambda key: key // 2
for start in range(0, count, 5_500):
    client.insert(name, [{"id": int(key), "vector": [float(place(key)), 0.0]} for key in keys[start : start + 5_500]])
    if start == 5_500:
        client.flush(name)

origin = [[0.0, 0.0]]
whole = client.search(name, data=origin, limit=16_384)[0]
equal([hit["id"] for hit in whole], list(range(16_384)), "the largest window, ties by key")
last = client.search(name, data=origin, limit=4, offset=16_380)[0]
equal([hit["id"] for hit in last], list(range(16_380, 16_384)), "the last page of it")
too_many = refused(lambda: client.search(name, data=origin, limit=16_385), "[1, 16384], but got 16385")
refused(lambda: client.search(name, data=origin, limit=5, offset=16_380), "should be in range [1, 16384], but got 16385")

page = client.query(name, filter="", limit=16_384, output_fields=["id"])
equal(len(page), 16_384, "query of the largest window")
refused(lambda: client.query(name, filter="", limit=16_385), "(offset+limit) should be in range [1, 16384], but got 16385")
pages = [client.query(name, filter="id >= 100", limit=1_000, offset=offset, output_fields=["id"]) for offset in (0, 1_000)]
ids = [row["id"] for rows in pages for row in rows]
equal(len(set(ids)), 2_000, "pages do not overlap")

iterator = client.query_iterator(name, batch_size=1_200, filter="id % 2 == 0", output_fields=["id"])
walked = []
while batch := iterator.next():
    equal(len(batch) <= 1_200, True, "size of a batch")
    walked += [row["id"] for row in batch]
iterator.close()
equal(walked, list(range(0, count, 2)), "the iterator sees every row once, by key, past the window")
limited = client.query_iterator(name, batch_size=1_000, limit=2_500)
sizes = []
while batch := limited.next():
    sizes.append(len(batch))
limited.close()
equal(sizes, [1_000, 1_000, 500], "an iterator with a limit")
client.drop_collection(name)
seen(walked=len(walked), too_many=too_many)
