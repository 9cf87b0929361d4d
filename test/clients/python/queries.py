"""Query and get (row 3.70): by key, by filter, counted, in pages; before and after a flush."""

from case import connect, equal, refused, seen, vectors

client = connect()
name = "queries"
schema = client.create_schema(enable_dynamic_field=True)
schema.add_field("id", 5, is_primary=True)
schema.add_field("vector", 101, dim=4)
schema.add_field("age", 5)
schema.add_field("name", 21, max_length=20)
index_params = client.prepare_index_params()
index_params.add_index("vector", metric_type="COSINE")
index_params.add_index("age", index_type="STL_SORT")
index_params.add_index("name", index_type="INVERTED")
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")
count = 200
rows = vectors(count, 4)
entity = lambda row: {
    "id": row, "vector": rows[row].tolist(), "age": row % 50, "name": f"n{row % 11}", "tags": {"odd": row % 2 == 1, "n": row}
}
client.insert(name, [entity(row) for row in range(100)])
client.flush(name)
client.insert(name, [entity(row) for row in range(100, count)])

equal([row["id"] for row in sorted(client.get(name, ids=[5, 150, 999]), key=lambda row: row["id"])], [5, 150], "get")
got = client.get(name, ids=7, output_fields=["name", "tags"])[0]
equal((got["id"], got["name"], got["tags"]), (7, "n7", {"odd": True, "n": 7}), "get with fields; the key is always there")
equal(client.get(name, ids=[12345]), [], "get of nothing")
equal(len(client.query(name, ids=[1, 2, 3])), 3, "query by ids")

python = {
    "age > 10 and age <= 20": lambda r: 10 < r["age"] <= 20,
    "10 < age <= 20": lambda r: 10 < r["age"] <= 20,
    'name in ["n1", "n3"] or age == 7': lambda r: r["name"] in ("n1", "n3") or r["age"] == 7,
    'not (name == "n1")': lambda r: r["name"] != "n1",
    'name not in ["n1", "n2"]': lambda r: r["name"] not in ("n1", "n2"),
    'name like "n1%"': lambda r: r["name"].startswith("n1"),
    'name like "%0"': lambda r: r["name"].endswith("0"),
    "age + 3 == 10": lambda r: r["age"] + 3 == 10,
    "age % 7 == 0 && id >= 50": lambda r: r["age"] % 7 == 0 and r["id"] >= 50,
    "age * 2 > 80 || id < 3": lambda r: r["age"] * 2 > 80 or r["id"] < 3,
    'tags["n"] >= 190': lambda r: r["tags"]["n"] >= 190,
    'tags["odd"] == true and age < 5': lambda r: r["tags"]["odd"] and r["age"] < 5,
    'exists tags["n"] and id < 4': lambda r: r["id"] < 4,
    'exists tags["nothing"]': lambda r: False,
    'tags["nothing"] == 1': lambda r: False,
    "id in []": lambda r: False,
}
for expression, matches in python.items():
    wanted = [row for row in range(count) if matches(entity(row))]
    found = client.query(name, filter=expression, output_fields=["id"])
    equal(sorted(row["id"] for row in found), wanted, expression)
    counted = client.query(name, filter=expression, output_fields=["count(*)"])
    equal(counted[0]["count(*)"], len(wanted), f"count of {expression}")

page = client.query(name, filter="age < 40", limit=7, offset=5, output_fields=["age"])
equal([row["id"] for row in page], [row for row in range(count) if row % 50 < 40][5:12], "a page, by key")
templated = client.query(name, filter="age in {ages}", filter_params={"ages": [1, 2]}, output_fields=["id"])
equal(len(templated), 8, "a filter with a template")

refused(lambda: client.query(name, filter=""), "empty expression should be used with limit")
refused(lambda: client.query(name, filter="age > 3", output_fields=["count(*)"], limit=3), "count entities with pagination is not allowed")
refused(lambda: client.query(name, filter="age >", output_fields=["id"]), "failed to create query plan: cannot parse expression: age >", 1100)
refused(lambda: client.query(name, filter="age * 2 - 1 > 80"), "complicated arithmetic operations are not supported", 1100)
refused(lambda: client.query(name, filter='age == "x"', output_fields=["id"]), "failed to create query plan")
client.drop_collection(name)
seen(filters=len(python), rows=count)
