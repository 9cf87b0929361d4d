"""Seed 004, partitions: rows 4.11 and 4.12."""

from case import best, connect, equal, refused, seen, vectors

client = connect()
name = "partitions_004"
client.create_collection(name, dimension=16, consistency_level="Strong")
client.create_partition(name, partition_name="partition_1")
client.create_partition(name, partition_name="partition_2")
equal(sorted(client.list_partitions(name)), ["_default", "partition_1", "partition_2"], "listed")
equal(client.has_partition(name, "partition_1"), True, "has")
equal(client.has_partition(name, "partition_9"), False, "has not")

rows = vectors(90, 16)
places = ["_default", "partition_1", "partition_2"]
of = {place: [row for row in range(90) if row % 3 == index] for index, place in enumerate(places)}
for place in places:
    data = [{"id": row, "vector": rows[row].tolist(), "color": place} for row in of[place]]
    options = {} if place == "_default" else {"partition_name": place}
    equal(client.insert(name, data, **options)["insert_count"], 30, f"inserted into {place}")
client.flush(name)
equal(client.get_partition_stats(name, "partition_1")["row_count"], 30, "rows of a partition")
equal(client.get_collection_stats(name)["row_count"], 90, "rows of all")

query = vectors(1, 16, seed=4)[0]
for chosen in (["partition_1"], ["partition_2", "_default"]):
    among = sorted(row for place in chosen for row in of[place])
    hits = client.search(name, data=[query.tolist()], limit=10, partition_names=chosen)[0]
    equal([hit["id"] for hit in hits], [among[index] for index in best(rows[among], query, 10)], f"search in {chosen}")
    found = client.query(name, filter="id >= 0", output_fields=["id"], partition_names=chosen)
    equal(sorted(row["id"] for row in found), among, f"query in {chosen}")
every = client.search(name, data=[query.tolist()], limit=10)[0]
equal([hit["id"] for hit in every], best(rows, query, 10), "search in all")

# Row 4.12: a partition is named in `partition_names`, not in a filter. A dynamic field may have that name, so the filter is valid here.
equal(client.query(name, filter="partition_name == 'partition_1'"), [], "no row has such a key")
schema = client.create_schema()
schema.add_field("id", 5, is_primary=True)
schema.add_field("vector", 101, dim=4)
index_params = client.prepare_index_params()
index_params.add_index("vector", metric_type="L2")
client.create_collection("partitions_strict", schema=schema, index_params=index_params)
hint = refused(
    lambda: client.query("partitions_strict", filter="partition_name == 'partition_1'"),
    "field partition_name not exist; partitions are chosen by partition_names",
    1100,
)
client.drop_collection("partitions_strict")

result = client.delete(name, filter="id >= 0", partition_name="partition_1")
equal(result["delete_count"], 30, "deleted in one partition")
count = lambda **options: client.query(name, filter="", output_fields=["count(*)"], **options)[0]["count(*)"]
equal(count(), 60, "the others stay")
equal(count(partition_names=["partition_1"]), 0, "it is empty")

unknown = refused(lambda: client.search(name, data=[query.tolist()], limit=3, partition_names=["partition_9"]), "partition_9")
refused(lambda: client.insert(name, [{"id": 1, "vector": rows[0].tolist()}], partition_name="partition_9"), "partition_9")
refused(lambda: client.drop_partition(name, "partition_2"), "partition cannot be dropped, partition is loaded")
client.release_partitions(name, ["partition_2"])
equal(client.get_load_state(name, "partition_2")["state"].name, "NotLoad", "released")
equal(client.get_load_state(name, "partition_1")["state"].name, "Loaded", "the other is loaded")
refused(lambda: client.query(name, filter="id >= 0", partition_names=["partition_2"]), "partition not loaded", 201)
equal(count(partition_names=["_default"]), 30, "the rest is served")
client.load_partitions(name, ["partition_2"])
equal(count(partition_names=["partition_2"]), 30, "loaded again")
client.release_partitions(name, ["partition_2"])
client.drop_partition(name, "partition_2")
equal(sorted(client.list_partitions(name)), ["_default", "partition_1"], "dropped")
equal(count(), 30, "its rows are gone")
refused(lambda: client.drop_partition(name, "_default"), "default partition cannot be deleted")
client.drop_collection(name)
seen(unknown=unknown, hint=hint)
