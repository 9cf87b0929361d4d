"""Rates of a collection and what a database may do: rows 3.14, 3.34, 3.39."""

import time

from case import connect, equal, refused, seen, vectors

DIMENSION = 256
ROWS = 1_000
# Keys of 8 bytes, and vectors.
INSERT_MB = ROWS * (DIMENSION * 4 + 8) / 2**20

client = connect()
client.create_database("metered")
client.use_database("metered")
client.create_collection("limited", dimension=DIMENSION, metric_type="IP", consistency_level="Strong")
rows = vectors(ROWS, DIMENSION)


def insert(first, **options):
    data = [{"id": first + row, "vector": rows[row].tolist()} for row in range(ROWS)]
    return client.insert("limited", data, **options)


client.alter_collection_properties("limited", properties={"collection.insertRate.max.mb": "0.0001"})
equal(client.describe_collection("limited")["properties"]["collection.insertRate.max.mb"], "0.0001", "told back")
insert(0)
text = refused(lambda: insert(ROWS, retry_on_rate_limit=False), "request is rejected by grpc RateLimiter middleware, please retry later: rate limit exceeded[rate=", 8)
# At this rate the debt is paid in a second, and the client waits by itself until it is.
client.alter_collection_properties("limited", properties={"collection.insertRate.max.mb": str(INSERT_MB)})
start = time.monotonic()
insert(ROWS)
waited = time.monotonic() - start
equal(client.query("limited", filter="", output_fields=["count(*)"])[0]["count(*)"], 2 * ROWS, "both are there, each once")
refused(lambda: client.alter_collection_properties("limited", properties={"collection.insertRate.max.mb": "fast"}), "expected a number", 1100)
client.drop_collection_properties("limited", property_keys=["collection.insertRate.max.mb"])
insert(2 * ROWS)
insert(3 * ROWS)

client.alter_collection_properties("limited", properties={"collection.searchRate.max.vps": "0.001"})
find = lambda: client.search("limited", data=[rows[0].tolist()], limit=3, retry_on_rate_limit=False)
equal(len(find()[0]), 3, "the first is let in")
refused(find, "rate limit exceeded[rate=0.001]", 8)

client.alter_database_properties("metered", properties={"database.force.deny.writing": "true"})
refused(lambda: insert(0), "quota exceeded[reason=access has been disabled by the administrator]", 9)
refused(lambda: client.delete("limited", ids=[1]), "access has been disabled by the administrator", 9)
client.drop_database_properties("metered", property_keys=["database.force.deny.writing"])
equal(client.delete("limited", ids=[1])["delete_count"], 1, "open again")
client.drop_collection("limited")
client.alter_database_properties("metered", properties={"database.max.collections": "1"})
client.create_collection("one", dimension=4)
refused(lambda: client.create_collection("two", dimension=4), "exceeded the limit number of collections[dbName=metered][limit=1]", 102)
client.drop_collection("one")
client.use_database("default")
client.drop_database("metered")
seen(refused=text, waited_seconds=round(waited, 1))
