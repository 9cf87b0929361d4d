"""Delete and upsert: by key and by filter, over growing rows and files, seen at once and after a flush (rows 4.4, 4.34)."""

from case import connect, equal, refused, seen, vectors

client = connect()
name = "changes"
client.create_collection(name, dimension=8, consistency_level="Strong")
rows = vectors(400, 8)
entity = lambda row, version=0: {"id": row, "vector": rows[row].tolist(), "version": version}
client.insert(name, [entity(row) for row in range(200)])
client.flush(name)
client.insert(name, [entity(row) for row in range(200, 300)])
alive = {row: 0 for row in range(300)}


def check(where):
    found = client.query(name, filter="id >= 0", output_fields=["version"])
    equal({row["id"]: row["version"] for row in found}, alive, f"rows {where}")
    equal(len(found), len(alive), f"each row once {where}")
    equal(client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"], len(alive), f"count {where}")
    for row in (5, 150, 250):
        nearest = client.search(name, data=[rows[row].tolist()], limit=1, output_fields=["version"])[0][0]
        equal(nearest["id"] == row, row in alive, f"search of {row} {where}")
        if row in alive:
            equal(nearest["entity"]["version"], alive[row], f"version of {row} {where}")


check("before")
equal(client.delete(name, ids=[5, 6, 250])["delete_count"], 3, "deleted by ids")
for row in (5, 6, 250):
    del alive[row]
check("after a delete by ids")
equal(client.delete(name, ids=[5])["delete_count"], 1, "a key that is gone counts as listed")
matching = [row for row in alive if 100 <= row < 120 or row >= 290]
equal(client.delete(name, filter="(id >= 100 and id < 120) or id >= 290")["delete_count"], len(matching), "deleted by filter")
for row in matching:
    del alive[row]
check("after a delete by filter")

result = client.upsert(name, [entity(row, 1) for row in (0, 5, 150, 280, 350)])
equal(result["upsert_count"], 5, "upserted")
alive.update({row: 1 for row in (0, 5, 150, 280, 350)})
check("after an upsert")
client.upsert(name, entity(150, 2))
client.upsert(name, entity(150, 3))
alive[150] = 3
check("after two upserts of one row")
client.flush(name)
check("after a flush")
equal(client.delete(name, filter="version == 3")["delete_count"], 1, "deleted by a key of the dynamic field")
del alive[150]
client.insert(name, [entity(150, 4)])
alive[150] = 4
check("after a row came back")
client.flush(name)
client.release_collection(name)
client.load_collection(name)
check("loaded again")

refused(lambda: client.upsert(name, [entity(1), entity(1)]), "duplicate primary keys are not allowed in the same batch", 1100)
refused(lambda: client.delete(name, filter="idd >"), "failed to create delete plan: cannot parse expression", 1100)
client.drop_collection(name)
seen(rows=len(alive))
