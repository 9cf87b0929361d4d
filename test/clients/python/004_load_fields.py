"""Seed 004, loading some fields: row 4.9. What was not loaded is not given, and the error says so."""

from case import connect, equal, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "load_fields"
schema = client.create_schema(enable_dynamic_field=True)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=8)
schema.add_field("content", DataType.VARCHAR, max_length=100)
schema.add_field("age", DataType.INT64)
index_params = client.prepare_index_params()
index_params.add_index("embedding", metric_type="COSINE")
client.create_collection(name, schema=schema, consistency_level="Strong")
client.create_index(name, index_params)
rows = vectors(20, 8)
entities = [{"id": row, "embedding": rows[row].tolist(), "content": f"c{row}", "age": row, "extra": row} for row in range(20)]
client.insert(name, entities[:10])
client.flush(name)
client.insert(name, entities[10:])

refused(lambda: client.load_collection(name, load_fields=["embedding"]), "load field list [embedding] does not contain primary key field id", 1100)
refused(lambda: client.load_collection(name, load_fields=["id", "age"]), "load field list [id age] does not contain vector field", 1100)
client.load_collection(name, load_fields=["id", "embedding", "age"], skip_load_dynamic_field=True)
hits = client.search(name, data=[rows[4].tolist()], limit=1, output_fields=["age"])[0]
equal((hits[0]["id"], hits[0]["entity"]["age"]), (4, 4), "what was loaded is given")
message = refused(lambda: client.query(name, filter="id < 3", output_fields=["content"]), "field content is not loaded")
refused(lambda: client.query(name, filter="id < 3", output_fields=["extra"]), "field extra cannot be returned since dynamic field not loaded")
equal(sorted(client.query(name, filter="id == 3", output_fields=["*"])[0]), ["age", "embedding", "id"], "all that is loaded")
hits = client.search(name, data=[rows[14].tolist()], limit=1, output_fields=["*"])[0]
equal(sorted(hits[0]["entity"]), ["age", "embedding", "id"], "all that is loaded, with a hit")
refused(lambda: client.query(name, filter="extra == 3", output_fields=["id"]), "field extra is dynamic but dynamic field is not loaded")
refused(lambda: client.query(name, filter='content == "c3"', output_fields=["id"]), "field content is not loaded")
ordered = {"order_by_fields": [{"field": "content", "order": "asc"}]}
for where in ("growing and in files", "in files"):
    near = lambda **more: client.search(name, data=[rows[14].tolist()], limit=3, **more)
    refused(lambda: near(output_fields=["content"]), "field content is not loaded", 1100)
    refused(lambda: near(filter='content == "c14"'), "field content is not loaded", 1100)
    refused(lambda: near(group_by_field="content"), "field content is not loaded", 1100)
    refused(lambda: near(**ordered), "field content is not loaded", 1100)
    refused(lambda: client.query(name, filter="id >= 0", output_fields=["max(content)"]), "field content is not loaded", 1100)
    refused(lambda: client.delete(name, filter='content == "c3"'), "field content is not loaded", 1100)
    equal(len(client.query(name, filter="age >= 10", output_fields=["age"])), 10, f"what is loaded is filtered, {where}")
    client.flush(name)
refused(lambda: client.load_collection(name, load_fields=["id", "embedding"]), "can't change the load field list for loaded collection")
client.release_collection(name)
client.load_collection(name, load_fields=["id", "embedding"])
equal(client.query(name, filter="id == 3", output_fields=["extra"])[0]["extra"], 3, "undeclared keys come along")
client.release_collection(name)
client.load_collection(name)
equal(client.query(name, filter="id == 3", output_fields=["content", "extra"])[0]["content"], "c3", "everything again")
client.drop_collection(name)
seen(message=message)
