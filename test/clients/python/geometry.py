"""Geometry: well-known text in and out, from growing rows and from files, and its predicates."""

from case import connect, equal, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "geometry"
PLACES = [
    "POINT (1 1)",
    "POINT (-122.4194 37.7749)",
    "LINESTRING (0 0, 2 2, 4 0)",
    "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))",
    "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 2 4, 4 4, 4 2, 2 2))",
    "MULTIPOINT ((1 1), (9 9))",
    "MULTILINESTRING ((0 0, 1 1), (5 5, 6 6))",
    "MULTIPOLYGON (((20 20, 22 20, 22 22, 20 20)), ((30 30, 31 30, 31 31, 30 30)))",
    "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 3 3))",
    None,
]
schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
schema.add_field("place", DataType.GEOMETRY, nullable=True)
index_params = client.prepare_index_params()
index_params.add_index("vector", metric_type="L2")
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")
rows = vectors(len(PLACES), 4)
data = [{"id": row, "vector": rows[row].tolist(), "place": place} for row, place in enumerate(PLACES)]
client.insert(name, data[:5])
client.flush(name)
client.insert(name, data[5:])


def check(where):
    answer = client.query(name, filter="id >= 0", output_fields=["place"])
    equal({row["id"]: row["place"] for row in answer}, dict(enumerate(PLACES)), where)


def rows_where(expression, wanted, **params):
    answer = client.query(name, filter=expression, output_fields=["id"], **params)
    equal(sorted(row["id"] for row in answer), wanted, expression)


check("half growing, half in files")
hit = client.search(name, data=[rows[3].tolist()], limit=1, output_fields=["place"])[0][0]
equal(hit["entity"]["place"], PLACES[3], "with a hit")
rows_where("st_within(place, 'POLYGON ((0 0, 5 0, 5 5, 0 5, 0 0))')", [0, 2, 3, 8])
rows_where("ST_CONTAINS(place, 'POINT (1 1)')", [0, 2, 3, 4, 5, 8])
rows_where("st_contains(place, {wkt})", [4], filter_params={"wkt": "POINT (7 7)"})
rows_where("st_intersects(place, 'LINESTRING (5 5, 7 7)')", [4, 6])
rows_where("st_equals(place, 'POLYGON ((4 4, 0 4, 0 0, 4 0, 4 4))')", [3])
rows_where("st_touches(place, 'POINT (0 0)')", [2, 3, 4, 6, 8])
rows_where("st_crosses(place, 'POLYGON ((1 -1, 3 -1, 3 9, 1 9, 1 -1))')", [2, 8])
rows_where("st_overlaps(place, 'POLYGON ((3 3, 21 3, 21 21, 3 21, 3 3))')", [3, 4, 7])
rows_where("st_dwithin(place, 'POINT (-122.4 37.77)', 2000)", [1])
rows_where("not st_isvalid(place)", [])
rows_where("place is null", [9])
rows_where("not st_contains(place, 'POINT (1 1)')", [1, 6, 7])
client.flush(name)
client.release_collection(name)
client.load_collection(name)
check("loaded again")
wrong = refused(lambda: client.insert(name, [{**data[0], "place": "POINT (1)"}]), "failed to insert invalid geometry", 1100)
refused(lambda: client.query(name, filter="st_within(id, 'POINT (1 1)')"), "only supported on geometry fields")
refused(lambda: client.query(name, filter="st_dwithin(place, 'POINT (1 1)', -1)"), "distance parameter must be non-negative")
client.drop_collection(name)
seen(places=len(PLACES), wrong=wrong)
