"""Aliases: rows 3.36 and 4.8."""

from case import connect, equal, refused, seen, vectors

client = connect()
for name in ("alias_a", "alias_b"):
    client.create_collection(name, dimension=4, consistency_level="Strong")
client.create_alias("alias_a", "current")
rows = vectors(5, 4)
client.insert("current", [{"id": row, "vector": rows[row].tolist()} for row in range(5)])
hits = client.search("current", data=[rows[2].tolist()], limit=1)[0]
equal(hits[0]["id"], 2, "search under an alias")
equal(client.describe_alias("current")["collection_name"], "alias_a", "described")
equal(client.list_aliases("alias_a")["aliases"], ["current"], "listed")
equal(client.describe_collection("current")["collection_name"], "alias_a", "describes its collection")
equal(client.describe_collection("alias_a")["aliases"], ["current"], "named by its collection")

taken = refused(lambda: client.create_alias("alias_b", "current"), "alias already exist", 1602)
refused(lambda: client.create_alias("alias_b", "alias_a"), "alias and collection name conflict", 1601)
refused(lambda: client.drop_collection("current"), "cannot drop the collection via alias = current")
refused(lambda: client.drop_collection("alias_a"), "because it has associated aliases")

client.alter_alias("alias_b", "current")
equal(client.query("current", filter="", output_fields=["count(*)"])[0]["count(*)"], 0, "moved")
client.drop_alias("current")
refused(lambda: client.query("current", filter="id > 0"), "collection not found[database=default][collection=current]", 100)
refused(lambda: client.describe_alias("current"), "alias not found[database=default][alias=current]", 1600)
for name in ("alias_a", "alias_b"):
    client.drop_collection(name)
seen(taken=taken)
