"""A server that counts the keys which a delete by a filter finds: row 3.34."""

from case import connect, equal, refused, seen, vectors

client = connect()
name = "found_deletes"
client.create_collection(name, dimension=8, metric_type="L2", consistency_level="Strong")
rows = vectors(100, 8)


def insert(ids):
    client.insert(name, [{"id": row, "vector": rows[row].tolist(), "group": row % 2} for row in ids])


def delete(**what):
    return client.delete(name, retry_on_rate_limit=False, **what)["delete_count"]


count = lambda: client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"]
insert(range(100))
# The text of a filter has tokens to spare; the 400 bytes of the keys that it finds put the rate into debt.
client.alter_collection_properties(name, properties={"collection.deleteRate.max.mb": str(100 / 2**20)})
equal(delete(filter="group == 0"), 50, "the first is let in")
equal(count(), 50, "and done")
text = refused(lambda: delete(filter="group == 1"), "rate limit exceeded[rate=", 8)
equal(count(), 50, "refused whole")
client.drop_collection_properties(name, property_keys=["collection.deleteRate.max.mb"])
equal(delete(filter="group == 1"), 50, "without a rate")
equal(count(), 0, "all gone")
client.drop_collection(name)
seen(refused=text)
