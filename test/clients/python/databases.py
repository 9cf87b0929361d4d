"""Databases: row 4.6."""

from case import connect, equal, refused, seen, vectors

client = connect()
equal("default" in client.list_databases(), True, "there is one from the start")
client.create_database("kites", properties={"database.max.collections": 10})
equal("kites" in client.list_databases(), True, "made")
told = client.describe_database("kites")
equal(told["name"], "kites", "described")
equal(told.get("database.max.collections"), "10", "property")
refused(lambda: client.create_database("kites"), "database already exist: kites")

client.create_collection("birds", dimension=4, consistency_level="Strong")
client.use_database("kites")
equal(client.list_collections(), [], "a database of its own")
client.create_collection("birds", dimension=4, consistency_level="Strong")
rows = vectors(3, 4)
client.insert("birds", [{"id": row, "vector": rows[row].tolist()} for row in range(3)])
equal(client.query("birds", filter="", output_fields=["count(*)"])[0]["count(*)"], 3, "rows here")
client.create_alias("birds", "fliers")

other = connect(db_name="kites")
equal(other.list_collections(), ["birds"], "the same database by the connection's name")
equal(other.describe_collection("fliers")["collection_name"], "birds", "alias in this database")
client.use_database("default")
equal(client.query("birds", filter="", output_fields=["count(*)"])[0]["count(*)"], 0, "the one of the default database is empty")
refused(lambda: client.describe_collection("fliers"), "can't find collection[database=default][collection=fliers]", 100)

refused(lambda: client.drop_database("kites"), "not empty, must drop all collections before drop database")
refused(lambda: client.drop_database("default"), "can not drop default database")
missing = refused(lambda: connect(db_name="no_such").list_collections(), "database not found", 800)
other.drop_alias("fliers")
other.drop_collection("birds")
client.drop_collection("birds")
client.drop_database("kites")
equal("kites" in client.list_databases(), False, "dropped")
seen(missing=missing)
