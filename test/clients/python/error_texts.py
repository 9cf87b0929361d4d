"""The texts and codes that users match: unknown collection, wrong dimension, bad filter, not loaded, limits, names."""

from case import connect, refused, seen, vectors
from pymilvus import DataType, MilvusException

client = connect()
name = "error_texts"
client.create_collection(name, dimension=8, consistency_level="Strong")
row = vectors(1, 8)[0].tolist()
client.insert(name, [{"id": 1, "vector": row}])
texts = {}


def case(what, action, text, code=None):
    texts[what] = refused(action, text, code)


case("describe", lambda: client.describe_collection("nope"), "can't find collection[database=default][collection=nope]", 100)
case("search", lambda: client.search("nope", data=[row], limit=1), "collection not found[database=default][collection=nope]", 100)
case("query", lambda: client.query("nope", filter="id > 0"), "collection not found[database=default][collection=nope]", 100)
case("insert", lambda: client.insert("nope", [{"id": 1, "vector": row}]), "can't find collection[database=default][collection=nope]", 100)
case("load", lambda: client.load_collection("nope"), "collection not found[database=default][collection=nope]", 100)
case("flush", lambda: client.flush("nope"), "collection not found[database=default][collection=nope]", 100)
case("partitions", lambda: client.list_partitions("nope"), "collection not found[database=default][collection=nope]", 100)
case("index", lambda: client.describe_index("nope", "x"), "collection not found[database=default][collection=nope]", 100)

case("search dimension", lambda: client.search(name, data=[row[:4]], limit=1), "vector dimension mismatch, expected vector size(byte) 32, actual 16.")
case("field", lambda: client.search(name, data=[row], limit=1, anns_field="nope"), "failed to get field schema by name")
case("limit", lambda: client.search(name, data=[row], limit=20_000), "topk [20000] is invalid, it should be in range [1, 16384], but got 20000")
case("many queries", lambda: client.search(name, data=[row] * 16_385, limit=1), "nq [16385] is invalid")
case("filter", lambda: client.search(name, data=[row], limit=1, filter="id ="), "failed to create query plan: cannot parse expression: id =", 1100)
case("radius", lambda: client.search(name, data=[row], limit=1, search_params={"params": {"range_filter": 0.5}}), "range_filter requires radius to be set")

client.release_collection(name)
case("not loaded search", lambda: client.search(name, data=[row], limit=1), "collection not loaded", 101)
case("not loaded query", lambda: client.query(name, filter="id > 0"), "collection not loaded", 101)


def fixed(**options):
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=options.get("dim", 8))
    for field, data_type, params in options.get("fields", []):
        schema.add_field(field, data_type, **params)
    client.create_collection(options.get("name", "error_other"), schema=schema, **options.get("more", {}))


case("collection name", lambda: fixed(name="1st"), "Invalid collection name: 1st. the first character of a collection name must be an underscore or letter")
case("collection letters", lambda: fixed(name="a-b"), "collection name can only contain numbers, letters and underscores")
case("long name", lambda: fixed(name="a" * 300), "the length of a collection name must be less than 255 characters")
case("dimension 1", lambda: fixed(dim=1), "invalid dimension: 1. should be in range 2 ~ 32768")
case("dimension", lambda: fixed(dim=32_769), "float vector dimension should be in range 2 ~ 32768")
case("max_length", lambda: fixed(fields=[("text", DataType.VARCHAR, {"max_length": 70_000})]), "the maximum length specified for the field(text) should be in (0, 65535], but got 70000 instead")
case("shards", lambda: fixed(more={"num_shards": 17}), "maximum shards's number should be limited to 16")
case("too many fields", lambda: fixed(fields=[(f"f{n}", DataType.INT8, {}) for n in range(70)]), "maximum field's number should be limited to 64")
fixed()
case("duplicate", lambda: fixed(dim=16), "create duplicate collection with different parameters, collection: error_other")
fixed()
case("no index", lambda: client.load_collection("error_other"), "index not found[collection=error_other]", 700)
fixed(name="error_two", fields=[("second", DataType.FLOAT_VECTOR, {"dim": 4})])
one = client.prepare_index_params()
one.add_index("vector", metric_type="L2")
client.create_index("error_two", one)
case("no second index", lambda: client.load_collection("error_two"), "there is no vector index on field: [second], please create index firstly")
case("two vectors", lambda: client.search("error_two", data=[row], limit=1), "multiple anns_fields exist, please specify a anns_field in search_params")
client.drop_collection("error_two")

# These the client finds by itself; the server must refuse them as well, and does so for clients that send them (see the service's tests).
for what, action in {
    "insert dimension": lambda: client.insert(name, [{"id": 2, "vector": row[:4]}]),
    "missing field": lambda: client.insert(name, [{"id": 2}]),
    "undeclared key": lambda: client.insert("error_other", [{"id": 2, "vector": row, "x": 1}]),
    "rounding": lambda: client.search(name, data=[row], limit=1, round_decimal=7),
    "no limit": lambda: client.search(name, data=[row], limit=0),
    "key type": lambda: client.insert(name, [{"id": "two", "vector": row}]),
}.items():
    try:
        client_text = None
        action()
    except (MilvusException, TypeError) as error:
        client_text = str(error)
    if client_text is None:
        raise AssertionError(f"{what} was accepted")
    texts[what] = client_text[:200]
client.drop_collection(name)
client.drop_collection("error_other")
seen(texts=texts)
