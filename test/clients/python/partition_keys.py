"""Partition keys, several shards, keys that the server gives, keys that come twice (rows 3.19, 4.11)."""

from case import best, connect, equal, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "partition_keys"
schema = client.create_schema(auto_id=True, enable_dynamic_field=True)
schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=40)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=12)
schema.add_field("tenant", DataType.VARCHAR, max_length=20, is_partition_key=True)
index_params = client.prepare_index_params()
index_params.add_index("vector", metric_type="IP")
client.create_collection(
    name, schema=schema, index_params=index_params, num_shards=3, num_partitions=7, consistency_level="Strong"
)
equal(len(client.list_partitions(name)), 7, "partitions")
count = 600
rows = vectors(count, 12)
tenants = [f"tenant {row % 23}" for row in range(count)]
data = [{"vector": rows[row].tolist(), "tenant": tenants[row], "row": row} for row in range(count)]
given = []
for start in range(0, count, 200):
    given += list(client.insert(name, data[start : start + 200])["ids"])
    if start == 0:
        client.flush(name)
equal(len(set(given)), count, "each key once")
row_of = {key: row for row, key in enumerate(given)}


def check(where):
    query = vectors(1, 12, seed=40)[0]
    hits = client.search(name, data=[query.tolist()], limit=25, output_fields=["row"])[0]
    equal([hit["entity"]["row"] for hit in hits], best(rows, query, 25, "IP"), f"search over shards {where}")
    for tenant in ("tenant 3", "tenant 22"):
        mine = [row for row in range(count) if tenants[row] == tenant]
        hits = client.search(name, data=[query.tolist()], limit=10, filter=f'tenant == "{tenant}"')[0]
        found = [row_of[hit["id" if "id" in hit else "key"]] for hit in hits]
        equal(found, [mine[at] for at in best(rows[mine], query, 10, "IP")], f"search of {tenant} {where}")
        answer = client.query(name, filter=f'tenant in ["{tenant}"]', output_fields=["row"])
        equal(sorted(row["row"] for row in answer), mine, f"query of {tenant} {where}")
    both = client.query(name, filter='tenant == "tenant 1" or tenant == "tenant 2"', output_fields=["count(*)"])
    equal(both[0]["count(*)"], sum(tenant in ("tenant 1", "tenant 2") for tenant in tenants), f"two tenants {where}")
    equal(client.query(name, filter='tenant == "nobody"'), [], f"no such tenant {where}")
    page = client.query(name, filter="row >= 0", limit=50, offset=100, output_fields=["row"])
    keys = [row["key"] for row in page]
    equal(keys, sorted(given)[100:150], f"a page over shards, by key {where}")


check("before a flush")
client.flush(name)
check("after a flush")
refused(lambda: client.create_partition(name, "more"), "disable create partition if partition key mode is used")
refused(lambda: client.insert(name, data[:1], partition_name="_default_0"), "partition key")
gone = client.delete(name, filter='tenant == "tenant 5"')["delete_count"]
equal(gone, tenants.count("tenant 5"), "a tenant leaves")
equal(client.query(name, filter='tenant == "tenant 5"'), [], "it is gone")
client.drop_collection(name)

# An insert does not look for keys that are there: both rows are kept and counted, and reads give the newest.
client.create_collection("twice", dimension=12, consistency_level="Strong")
client.insert("twice", [{"id": row, "vector": rows[row].tolist(), "version": 1} for row in range(10)])
client.flush("twice")
client.insert("twice", [{"id": row, "vector": rows[row].tolist(), "version": 2} for row in range(5)])
counted = client.query("twice", filter="", output_fields=["count(*)"])[0]["count(*)"]
answer = client.query("twice", filter="id >= 0", output_fields=["version"])
equal({row["id"]: row["version"] for row in answer}, {row: 2 if row < 5 else 1 for row in range(10)}, "the newest")
equal(len(answer), 10, "each key once")
hits = client.search("twice", data=[rows[2].tolist()], limit=10)[0]
equal(sorted(hit["id"] for hit in hits), list(range(10)), "each key once among hits")
equal(counted, 15, "both are counted")
equal(client.delete("twice", ids=[2])["delete_count"], 1, "deleted")
equal(client.get("twice", ids=[2]), [], "a delete takes all rows of a key")
client.drop_collection("twice")
seen(tenants=23, counted_twice=counted)
