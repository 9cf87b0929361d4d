"""Seed 004, management: rows 4.8 and 3.57. Describe, rename, release, load state, has, list, statistics, properties."""

import numpy as np
from case import connect, equal, refused, seen, vectors
from pymilvus import DataType

client = connect()
schema = client.create_schema(auto_id=False, enable_dynamic_field=True, description="all attributes")
schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=32, description="the key")
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
schema.add_field("group", DataType.INT64, is_partition_key=True)
schema.add_field("note", DataType.VARCHAR, max_length=16, nullable=True)
schema.add_field("level", DataType.INT8, default_value=np.int8(3))
client.create_collection(
    "manage_004",
    schema=schema,
    consistency_level="Session",
    num_shards=2,
    num_partitions=4,
    properties={"collection.ttl.seconds": 604800},
)
told = client.describe_collection("manage_004")
equal(told["collection_name"], "manage_004", "name")
equal(told["description"], "all attributes", "description")
equal(told["auto_id"], False, "auto_id")
equal(told["num_shards"], 2, "shards")
equal(told["num_partitions"], 4, "partitions")
equal(told["consistency_level_name"], "Session", "consistency level")
equal(told["enable_dynamic_field"], True, "dynamic field")
equal(told["properties"].get("collection.ttl.seconds"), "604800", "property")
fields = {field["name"]: field for field in told["fields"]}
equal(list(fields), ["key", "vector", "group", "note", "level"], "fields in their order")
equal([field["field_id"] for field in told["fields"]], [100, 101, 102, 103, 104], "field ids")
equal(fields["key"]["is_primary"], True, "primary key")
equal(fields["key"]["description"], "the key", "description of a field")
equal(fields["key"]["params"], {"max_length": 32}, "max_length")
equal(fields["vector"]["params"], {"dim": 8}, "dim")
equal(fields["group"].get("is_partition_key"), True, "partition key")
equal(fields["note"].get("nullable"), True, "nullable")
equal(fields["level"]["default_value"].int_data, 3, "default value")

equal("manage_004" in client.list_collections(), True, "listed")
equal(client.has_collection("manage_004"), True, "has")
equal(client.has_collection("no_such"), False, "has not")

state = lambda name: client.get_load_state(name)["state"].name
equal(state("manage_004"), "NotLoad", "not loaded")
refused(lambda: client.load_collection("manage_004"), "index not found[collection=manage_004]", 700)
index_params = client.prepare_index_params()
index_params.add_index("vector", index_type="FLAT", metric_type="L2")
client.create_index("manage_004", index_params)
client.load_collection("manage_004")
equal(state("manage_004"), "Loaded", "loaded")

rows = vectors(20, 8)
client.insert("manage_004", [{"key": f"k{row}", "vector": rows[row].tolist(), "group": row} for row in range(20)])
client.flush("manage_004")
equal(client.get_collection_stats("manage_004")["row_count"], 20, "row count after a flush")

client.rename_collection("manage_004", "Dw_easy_vectorDB")
equal(client.has_collection("manage_004"), False, "the old name is gone")
equal(state("Dw_easy_vectorDB"), "Loaded", "renaming keeps it loaded")
equal(len(client.query("Dw_easy_vectorDB", filter='key like "k%"', output_fields=["key"])), 20, "rows under the new name")

client.alter_collection_properties("Dw_easy_vectorDB", properties={"collection.ttl.seconds": 3600})
equal(client.describe_collection("Dw_easy_vectorDB")["properties"].get("collection.ttl.seconds"), "3600", "altered")
client.drop_collection_properties("Dw_easy_vectorDB", ["collection.ttl.seconds"])
equal("collection.ttl.seconds" in client.describe_collection("Dw_easy_vectorDB")["properties"], False, "taken back")

client.release_collection("Dw_easy_vectorDB")
equal(state("Dw_easy_vectorDB"), "NotLoad", "released")
message = refused(lambda: client.query("Dw_easy_vectorDB", filter="group > 0"), "collection not loaded", 101)
client.release_collection("Dw_easy_vectorDB")
client.load_collection("Dw_easy_vectorDB")
equal(client.query("Dw_easy_vectorDB", filter="", output_fields=["count(*)"])[0]["count(*)"], 20, "loaded again")
client.drop_collection("Dw_easy_vectorDB")
client.drop_collection("Dw_easy_vectorDB")
seen(version=client.get_server_version(), message=message)
