"""pymilvus for the runs of random rows: asked in lines of JSON, with values in the plain form of `random-rows/plain.ts`, answers each with a line.

Nothing is rounded here: a value that has more bits than its type is an error.
"""

import json
import struct
import sys
import traceback
from datetime import datetime, timedelta
from pathlib import Path

import case  # noqa: F401  the version that is wanted, and no log on the output
import numpy as np
import pyarrow.parquet
from pymilvus import DataType, MilvusClient, MilvusException

TYPES = {
    "Bool": DataType.BOOL,
    "Int8": DataType.INT8,
    "Int16": DataType.INT16,
    "Int32": DataType.INT32,
    "Int64": DataType.INT64,
    "Float": DataType.FLOAT,
    "Double": DataType.DOUBLE,
    "VarChar": DataType.VARCHAR,
    "JSON": DataType.JSON,
    "Timestamptz": DataType.TIMESTAMPTZ,
    "Geometry": DataType.GEOMETRY,
    "Array": DataType.ARRAY,
    "FloatVector": DataType.FLOAT_VECTOR,
    "Float16Vector": DataType.FLOAT16_VECTOR,
    "BFloat16Vector": DataType.BFLOAT16_VECTOR,
    "Int8Vector": DataType.INT8_VECTOR,
    "BinaryVector": DataType.BINARY_VECTOR,
    "SparseFloatVector": DataType.SPARSE_FLOAT_VECTOR,
}
# pymilvus sends a plain int as 64 bits and a plain float as a double, which Milvus does not take for smaller fields; numpy's types fit.
DEFAULTS = {"Int8": np.int8, "Int16": np.int16, "Int32": np.int32, "Float": np.float32}
INTEGERS = ("Int8", "Int16", "Int32", "Int64")
META = "$meta"


def float_of(bits, code):
    return struct.unpack(f">{code}", bytes.fromhex(bits))[0]


def bits_of(value, code):
    packed = struct.pack(f">{code}", value)
    if struct.pack(">d", struct.unpack(f">{code}", packed)[0]) != struct.pack(">d", value):
        raise AssertionError(f"{value!r} has more bits than its type")
    return packed.hex()


def document(value):
    if isinstance(value, list):
        return [document(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if "int" in value:
        return int(value["int"])
    if "float" in value:
        return float_of(value["float"], "d")
    if "text" in value:
        return value["text"]
    return {key: document(entry) for key, entry in value["keys"]}


def plain_document(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": bits_of(value, "d")}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, list):
        return [plain_document(entry) for entry in value]
    return {"keys": [[key, plain_document(entry)] for key, entry in value.items()]}


def is_beyond_64_bits(value):
    if isinstance(value, list):
        return any(is_beyond_64_bits(entry) for entry in value)
    if isinstance(value, dict):
        return any(is_beyond_64_bits(entry) for entry in value.values())
    return isinstance(value, int) and not -(2**63) <= value < 2**64


def as_json(value):
    """A text is sent as the document that it spells; and only a text may have numbers of more than 64 bits."""
    made = document(value)
    return json.dumps(made, ensure_ascii=False) if isinstance(made, str) or is_beyond_64_bits(made) else made


def sent(field, value):
    if value is None:
        return None
    kind = field["type"]
    if kind in INTEGERS:
        return int(value)
    if kind == "Float":
        return float_of(value, "f")
    if kind == "Double":
        return float_of(value, "d")
    if kind == "JSON":
        return as_json(value)
    if kind == "FloatVector":
        return np.frombuffer(bytes.fromhex(value), "<f4")
    if kind == "Float16Vector":
        return np.frombuffer(bytes.fromhex(value), "<f2")
    if kind == "Int8Vector":
        return np.frombuffer(bytes.fromhex(value), "i1")
    if kind in ("BFloat16Vector", "BinaryVector"):
        return bytes.fromhex(value)
    if kind == "SparseFloatVector":
        return {int(index): float_of(bits, "f") for index, bits in value}
    if kind == "Array":
        return [sent(field["element"], entry) for entry in value]
    if kind == "Struct":
        return [{sub["name"]: sent(sub, entry[sub["name"]]) for sub in field["fields"]} for entry in value]
    return value


def vector_bytes(value):
    """pymilvus gives vectors of bytes as bytes, as a list with one piece of bytes, or as numbers of numpy."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], bytes):
        value = value[0]
    return value if isinstance(value, bytes) else np.asarray(value).tobytes()


def plain(field, value):
    if value is None:
        return None
    kind = field["type"]
    if kind == "Bool":
        if not isinstance(value, bool):
            raise AssertionError(f"{field['name']}: {value!r}")
        return value
    if kind in INTEGERS:
        if isinstance(value, bool) or not isinstance(value, int):
            raise AssertionError(f"{field['name']}: {value!r}")
        return str(value)
    if kind == "Float":
        return bits_of(value, "f")
    if kind == "Double":
        return bits_of(value, "d")
    if kind == "JSON":
        return plain_document(value)
    if kind == "FloatVector":
        return b"".join(bytes.fromhex(bits_of(float(entry), "f"))[::-1] for entry in value).hex()
    if kind in ("Float16Vector", "BFloat16Vector", "Int8Vector", "BinaryVector"):
        return vector_bytes(value).hex()
    if kind == "SparseFloatVector":
        return [[str(index), bits_of(entry, "f")] for index, entry in sorted(value.items())]
    if kind == "Array":
        return [plain(field["element"], entry) for entry in value]
    if kind == "Struct":
        subs = {sub["name"]: sub for sub in field["fields"]}
        return [{name: plain(subs[name], part) for name, part in entry.items()} for entry in value]
    if not isinstance(value, str):
        raise AssertionError(f"{field['name']}: {value!r}")
    return value


def plain_row(table, row):
    fields = {field["name"]: field for field in table["fields"]}
    made = {}
    for name, value in row.items():
        if name == "key":
            if isinstance(value, bool) or not isinstance(value, int if table["keyType"] == "Int64" else str):
                raise AssertionError(f"key {value!r}")
            made[name] = str(value)
        elif name == META:
            made.update({key: plain_document(entry) for key, entry in value.items()})
        else:
            made[name] = plain(fields[name], value) if name in fields else plain_document(value)
    return made


def moment(micros):
    text = (datetime(1970, 1, 1) + timedelta(microseconds=micros)).isoformat()
    head, _, fraction = text.partition(".")
    return f"{head}.{fraction.rstrip('0')}Z" if fraction else f"{head}Z"


def stored(field, value):
    """As pyarrow gives it from a file of the server's, in plain form."""
    kind = field["type"]
    if value is None:
        return None
    if kind == "JSON":
        return plain_document(json.loads(value))
    if kind == "Timestamptz":
        return moment(value)
    if kind == "SparseFloatVector":
        return [[str(index), bits_of(entry, "f")] for index, entry in struct.iter_unpack("<If", value)]
    if kind.endswith("Vector"):
        return value.hex()
    if kind == "Array":
        return [stored(field["element"], entry) for entry in value]
    return plain(field, value)


def rows_of_segment(table, columns):
    """Of columns by their names; those of structs are named after both. Geometries are left out: their bytes are no text."""
    rows = [{"key": str(key)} for key in columns["key"]]
    for field in table["fields"]:
        if field["type"] == "Geometry":
            continue
        if field["type"] != "Struct":
            for row, value in zip(rows, columns[field["name"]], strict=True):
                row[field["name"]] = stored(field, value)
            continue
        subs = [(sub, columns[f"{field['name']}[{sub['name']}]"]) for sub in field["fields"]]
        for at, row in enumerate(rows):
            lists = [(sub, values[at]) for sub, values in subs]
            count = {None if entries is None else len(entries) for _, entries in lists}
            if len(count) != 1:
                raise AssertionError(f"{field['name']}: {count}")
            (length,) = count
            row[field["name"]] = length if length is None else [
                {sub["name"]: stored(sub, entries[place]) for sub, entries in lists} for place in range(length)
            ]
    if table["dynamic"]:
        for row, text in zip(rows, columns[META], strict=True):
            row.update({key: plain_document(value) for key, value in json.loads(text).items()})
    return rows


def key_of(table, text):
    return int(text) if table["keyType"] == "Int64" else text


def rows_of(table, rows):
    fields = {field["name"]: field for field in table["fields"]}

    def made(name, value):
        if name == "key":
            return key_of(table, value)
        return sent(fields[name], value) if name in fields else document(value)

    return [{name: made(name, value) for name, value in row.items()} for row in rows]


def options(field):
    names = {"dimension": "dim", "maxLengthBytes": "max_length", "capacity": "max_capacity"}
    return {name: field[own] for own, name in names.items() if own in field}


class Asked:
    def connect(self, address):
        self.client = MilvusClient(uri=f"http://{address}", timeout=60)

    def create(self, table, indexes, keyBytes):
        schema = self.client.create_schema(enable_dynamic_field=table["dynamic"], auto_id=table["automatic"])
        of_key = {"max_length": keyBytes} if table["keyType"] == "VarChar" else {}
        schema.add_field("key", TYPES[table["keyType"]], is_primary=True, **of_key)
        for field in table["fields"]:
            more = options(field)
            if field["nullable"]:
                more["nullable"] = True
            if "default" in field:
                value = sent(field, field["default"])
                more["default_value"] = DEFAULTS.get(field["type"], lambda same: same)(value)
            if field["type"] == "Struct":
                inner = self.client.create_struct_field_schema()
                for sub in field["fields"]:
                    inner.add_field(sub["name"], TYPES[sub["type"]], **options(sub))
                more["struct_schema"] = inner
                schema.add_field(field["name"], DataType.ARRAY, element_type=DataType.STRUCT, **more)
                continue
            if "element" in field:
                more |= options(field["element"]) | {"element_type": TYPES[field["element"]["type"]]}
            schema.add_field(field["name"], TYPES[field["type"]], **more)
        params = self.client.prepare_index_params()
        for index in indexes:
            params.add_index(index["field"], index_type=index["index_type"], metric_type=index["metric_type"])
        self.client.create_collection(
            table["name"], schema=schema, index_params=params, consistency_level="Strong", num_shards=table["shards"]
        )

    def insert(self, table, rows):
        return [str(key) for key in self.client.insert(table["name"], rows_of(table, rows))["ids"]]

    def upsert(self, table, rows, isPartial):
        more = {"partial_update": True} if isPartial else {}
        answer = self.client.upsert(table["name"], rows_of(table, rows), **more)
        return [str(key) for key in answer["ids"]] if "ids" in answer else [str(key) for key in answer["primary_keys"]]

    def flush(self, table):
        self.client.flush(table["name"])

    def release(self, table):
        self.client.release_collection(table["name"])

    def load(self, table):
        self.client.load_collection(table["name"])

    def files(self, table, folder):
        """Rows of the table's files in a server's folder: of segments that were flushed and never changed."""
        collection = self.client.describe_collection(table["name"])["collection_id"]
        segments = {}
        for path in Path(folder).glob(f"**/insert_log/{collection}/*/*/[0-9]*/*"):
            read = pyarrow.parquet.read_table(path)
            columns = segments.setdefault(path.parent.parent.name, {})
            columns.update((name, read.column(name).to_pylist()) for name in read.schema.names)
        return [row for columns in segments.values() for row in rows_of_segment(table, columns)]

    def read(self, table, reading):
        name = table["name"]
        if reading["how"] == "get":
            keys = [key_of(table, key) for key in reading["keys"]]
            rows = self.client.get(name, ids=keys, output_fields=["*"])
        elif reading["how"] == "query":
            everything = "key >= -9223372036854775808" if table["keyType"] == "Int64" else 'key != ""'
            rows = self.client.query(name, filter=everything, output_fields=reading["outputs"])
        else:
            found = self.client.search(
                name, data=[[3.0, 3.0]], anns_field="anchor", limit=1000, output_fields=reading["outputs"]
            )
            rows = [{**hit["entity"], "key": hit["key"] if "key" in hit else hit["id"]} for hit in found[0]]
        return [plain_row(table, dict(row)) for row in rows]


asked = Asked()
for line in sys.stdin:
    request = json.loads(line)
    what = request.pop("what")
    try:
        told = {"answer": getattr(asked, what)(**request)}
    except Exception as error:
        # Of what pymilvus refuses by itself, where.
        told = {"refused": error.message if type(error) is MilvusException else traceback.format_exc()}
    print(json.dumps(told), flush=True)
