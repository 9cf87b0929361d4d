"""Timestamptz: texts in, texts out in a zone; defaults, nulls, filters with ISO times and intervals; rows that expire."""

from datetime import datetime, timedelta, timezone

from case import connect, equal, refused, seen, vectors
from pymilvus import DataType

client = connect()
name = "times"
SHANGHAI = timezone(timedelta(hours=8))
schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
schema.add_field("at", DataType.TIMESTAMPTZ, nullable=True)
schema.add_field("since", DataType.TIMESTAMPTZ, default_value="2020-02-29T00:00:00Z")
index_params = client.prepare_index_params()
index_params.add_index("vector", metric_type="L2")
client.create_collection(
    name, schema=schema, index_params=index_params, consistency_level="Strong", properties={"timezone": "Asia/Shanghai"}
)
fields = {field["name"]: field for field in client.describe_collection(name)["fields"]}
equal("2020-02-29T08:00:00+08:00" in str(fields["since"]["default_value"]), True, "the default is told")

count = 40
rows = vectors(count, 4)
start = datetime(2025, 1, 1, tzinfo=timezone.utc)
moments = {row: None if row % 5 == 0 else start + timedelta(hours=13 * row, microseconds=row % 3) for row in range(count)}


def sent(row):
    moment = moments[row]
    if moment is None:
        return None
    # With an offset, with another offset, and without one: then it is the collection's zone.
    if row % 3 == 0:
        return moment.isoformat()
    if row % 3 == 1:
        return moment.astimezone(timezone(timedelta(hours=-5))).isoformat()
    return moment.astimezone(SHANGHAI).replace(tzinfo=None).isoformat()


data = [{"id": row, "vector": rows[row].tolist(), "at": sent(row)} for row in range(count)]
data[7]["since"] = "2021-01-01 00:00:00+00:00"
client.insert(name, data[:20])
client.flush(name)
client.insert(name, data[20:])


def shown(moment, zone):
    text = moment.astimezone(zone).isoformat()
    if "." in text:
        head, tail = text.split(".")
        text = head + "." + tail[:6].rstrip("0") + tail[6:]
    return text.replace("+00:00", "Z")


def check(where, zone=SHANGHAI, **params):
    answer = client.query(name, filter="id >= 0", output_fields=["at", "since"], **params)
    for row in answer:
        moment = moments[row["id"]]
        equal(row["at"], None if moment is None else shown(moment, zone), f"row {row['id']} {where}")
        since = datetime(2021, 1, 1, tzinfo=timezone.utc) if row["id"] == 7 else datetime(2020, 2, 29, tzinfo=timezone.utc)
        equal(row["since"], shown(since, zone), f"default of row {row['id']} {where}")
    equal(len(answer), count, f"rows {where}")


check("in the collection's zone")
check("in the zone of the request", timezone.utc, timezone="UTC")
hit = client.search(name, data=[rows[4].tolist()], limit=1, output_fields=["at"], timezone="UTC")[0][0]
equal(hit["entity"]["at"], shown(moments[4], timezone.utc), "with a hit")


def rows_where(expression, test):
    answer = client.query(name, filter=expression, output_fields=["id"])
    equal(sorted(row["id"] for row in answer), [row for row in moments if test(moments[row])], expression)


noon = datetime(2025, 1, 10, 12, tzinfo=timezone.utc)
rows_where("at > ISO '2025-01-10T12:00:00Z'", lambda at: at is not None and at > noon)
rows_where("at <= ISO '2025-01-10T20:00:00+08:00'", lambda at: at is not None and at <= noon)
rows_where("at < ISO '2025-01-10 20:00:00'", lambda at: at is not None and at < noon)
rows_where("at + INTERVAL 'P1DT2H' >= ISO '2025-01-10T12:00:00Z'", lambda at: at is not None and at + timedelta(hours=26) >= noon)
rows_where("at - INTERVAL 'P1M' < ISO '2024-12-11T00:00:00Z'", lambda at: at is not None and at < datetime(2025, 1, 11, tzinfo=timezone.utc))
rows_where(
    "ISO '2025-01-05T00:00:00Z' <= at < ISO '2025-01-10T12:00:00Z'",
    lambda at: at is not None and datetime(2025, 1, 5, tzinfo=timezone.utc) <= at < noon,
)
rows_where("at is null", lambda at: at is None)
rows_where("since > at", lambda at: False)
client.flush(name)
client.release_collection(name)
client.load_collection(name)
check("loaded again")

wrong = refused(lambda: client.insert(name, [{**data[1], "at": "yesterday"}]), "got invalid timestamptz string 'yesterday'", 1100)
refused(lambda: client.query(name, filter="id > ISO '2025-01-01T00:00:00Z'"), "field 'id' is not a timestamptz datatype", 1100)
refused(lambda: client.query(name, filter="at > ISO 'noon'"), "can not convert compare string: noon")
refused(lambda: client.query(name, filter="at + INTERVAL '1D' > ISO '2025-01-01'"), "invalid ISO 8601 duration: 1D")
refused(lambda: client.query(name, filter="at > '2025-01-01'"), "comparisons between Timestamptz and VarChar are not supported")
refused(lambda: client.query(name, filter="id >= 0", timezone="Mars/Base"), "invalid IANA Time Zone ID: Mars/Base")
refused(lambda: client.alter_collection_properties(name, {"timezone": "nowhere"}), "invalid IANA Time Zone ID: nowhere")
client.drop_collection(name)

# Rows that expire by a field of their own.
schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
schema.add_field("until", DataType.TIMESTAMPTZ, nullable=True)
client.create_collection(
    name, schema=schema, index_params=index_params, consistency_level="Strong", properties={"ttl_field": "until"}
)
equal(client.describe_collection(name)["properties"]["ttl_field"], "until", "the property is told")
untils = ["2020-01-01T00:00:00Z", "2990-01-01T00:00:00Z", None]
client.insert(name, [{"id": row, "vector": rows[row].tolist(), "until": untils[row % 3]} for row in range(9)])


def alive(expected, what):
    query = client.query(name, filter="id >= 0", output_fields=["id"])
    equal(sorted(row["id"] for row in query), expected, what)
    search = client.search(name, data=[rows[0].tolist()], limit=20)
    equal(sorted(hit["id"] for hit in search[0]), expected, what)
    equal(client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"], len(expected), what)


alive([1, 2, 4, 5, 7, 8], "expired")
client.flush(name)
alive([1, 2, 4, 5, 7, 8], "expired, in files")
client.upsert(name, [{"id": 0, "vector": rows[0].tolist(), "until": None}])
alive([0, 1, 2, 4, 5, 7, 8], "alive again")
refused(
    lambda: client.alter_collection_properties(name, {"collection.ttl.seconds": 5}),
    "ttl field is already exists, cannot be set collection TTL",
    1100,
)
refused(
    lambda: client.drop_collection_field(name, field_name="until"),
    "cannot drop field until because it is referenced by collection property ttl_field",
    1100,
)
client.drop_collection_properties(name, property_keys=["ttl_field"])
client.drop_collection_field(name, field_name="until")
client.drop_collection(name)
seen(rows=count, wrong=wrong)
