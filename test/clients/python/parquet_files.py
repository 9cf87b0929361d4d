"""Row 1.17: what pymilvus wrote is what pyarrow reads from the server's files, type by type, nulls too."""

import struct
from pathlib import Path

import numpy as np
import pyarrow.parquet
from case import ARGUMENTS, connect, equal, seen
from pymilvus import DataType

FOLDER = Path(ARGUMENTS[0])
client = connect()
name = "parquet_files"
count = 40
random = np.random.default_rng(17)
half = random.standard_normal((count, 4)).astype("<f2")
whole = random.standard_normal((count, 4)).astype("<f4")
small = random.integers(-128, 128, (count, 4), dtype=np.int8)
bits = random.integers(0, 256, (count, 2), dtype=np.uint8)
sparse = [{int(at): float(np.float32(row + at / 8)) for at in sorted({row % 5, 4_294_967_294 - row})} for row in range(count)]

# Type, parameters, Arrow's name of it, what is sent, what is in the file.
FIELDS = {
    "bool": (DataType.BOOL, {}, "bool", lambda row: row % 3 == 0, None),
    "int8": (DataType.INT8, {}, "int8", lambda row: -128 + row, None),
    "int16": (DataType.INT16, {}, "int16", lambda row: -32768 + row, None),
    "int32": (DataType.INT32, {}, "int32", lambda row: 2**31 - 1 - row, None),
    "int64": (DataType.INT64, {}, "int64", lambda row: -(2**63) + row, None),
    "float": (DataType.FLOAT, {}, "float", lambda row: -0.0 if row == 0 else float(np.float32(row / 3)), None),
    "double": (DataType.DOUBLE, {}, "double", lambda row: row / 3, None),
    "varchar": (DataType.VARCHAR, {"max_length": 40}, "string", lambda row: ["", "ü漢🪁", 'a"\\\n\x00'][row % 3], None),
    "json": (DataType.JSON, {}, "binary", lambda row: {"row": row}, lambda row: b'{"row":%d}' % row),
    "time": (
        DataType.TIMESTAMPTZ,
        {},
        "int64",
        lambda row: f"1970-01-01T00:00:{row:02}.000001Z",
        lambda row: row * 1_000_000 + 1,
    ),
    "place": (
        DataType.GEOMETRY,
        {},
        "binary",
        lambda row: f"POINT ({row} -0.5)",
        lambda row: struct.pack("<BIdd", 1, 1, row, -0.5),
    ),
    "list": (
        DataType.ARRAY,
        {"element_type": DataType.INT16, "max_capacity": 5},
        "list<element: int16 not null>",
        lambda row: list(range(row % 5)),
        None,
    ),
    "texts": (
        DataType.ARRAY,
        {"element_type": DataType.VARCHAR, "max_capacity": 5, "max_length": 9},
        "list<element: string not null>",
        lambda row: ["ü"] * (row % 3),
        None,
    ),
    "whole": (DataType.FLOAT_VECTOR, {"dim": 4}, "fixed_size_binary[16]", lambda row: whole[row], lambda row: whole[row].tobytes()),
    "half": (DataType.FLOAT16_VECTOR, {"dim": 4}, "fixed_size_binary[8]", lambda row: half[row], lambda row: half[row].tobytes()),
    "small": (DataType.INT8_VECTOR, {"dim": 4}, "fixed_size_binary[4]", lambda row: small[row], lambda row: small[row].tobytes()),
    "brain": (DataType.BFLOAT16_VECTOR, {"dim": 2}, "fixed_size_binary[4]", lambda row: half[row, :2].tobytes(), None),
    "bits": (DataType.BINARY_VECTOR, {"dim": 16}, "fixed_size_binary[2]", lambda row: bits[row].tobytes(), None),
    "sparse": (
        DataType.SPARSE_FLOAT_VECTOR,
        {},
        "binary",
        lambda row: sparse[row],
        lambda row: b"".join(struct.pack("<If", *pair) for pair in sparse[row].items()),
    ),
}
# One that may be null beside each scalar; vectors that may be null are shown elsewhere.
NULLABLE = [field for field, (kind, *_) in FIELDS.items() if kind < 100]

schema = client.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
index_params = client.prepare_index_params()
for field, (kind, params, *_) in FIELDS.items():
    schema.add_field(field, kind, **params)
    if field in NULLABLE:
        schema.add_field(f"{field}_null", kind, nullable=True, **params)
    elif kind != DataType.SPARSE_FLOAT_VECTOR:
        index_params.add_index(field, index_type="AUTOINDEX", metric_type="HAMMING" if field == "bits" else "L2")
index_params.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
client.create_collection(name, schema=schema, index_params=index_params, consistency_level="Strong")


def entity(row):
    sent = {"id": row} | {field: of(row) for field, (_, _, _, of, _) in FIELDS.items()}
    return sent | {f"{field}_null": None if row % 4 == 0 else sent[field] for field in NULLABLE}


# Backwards: in files rows stand by their keys.
client.insert(name, [entity(row) for row in reversed(range(count))])
client.flush(name)

described = client.describe_collection(name)
ids = {field["name"]: field["field_id"] for field in described["fields"]}
tables = [
    pyarrow.parquet.read_table(path)
    for path in FOLDER.glob(f"**/insert_log/{described['collection_id']}/*/*/[0-9]*/*")
    if path.is_file()
]
columns = {}
for table in tables:
    equal(table.num_rows, count, "rows of a file")
    for column in table.schema.names:
        equal(column in columns, False, f"{column} is in one file")
        columns[column] = (table.schema.field(column), table.column(column).to_pylist())
equal(columns["id"][1], list(range(count)), "keys, in their order")


def exact(value):
    """Zeros have a sign."""
    return struct.pack("<d", value) if isinstance(value, float) else value


for field, (_, _, arrow, of, stored) in FIELDS.items():
    wanted = [(stored or of)(row) for row in range(count)]
    for column, values in ((field, wanted), (f"{field}_null", [None if row % 4 == 0 else wanted[row] for row in range(count)])):
        if column not in ids:
            continue
        declared, read = columns[column]
        equal(str(declared.type), arrow, f"Arrow type of {column}")
        equal(declared.nullable, column.endswith("_null"), f"whether {column} may be null")
        equal(int(declared.metadata[b"PARQUET:field_id"]), ids[column], f"field id of {column}")
        equal([exact(value) for value in read], [exact(value) for value in values], f"values of {column}")
client.drop_collection(name)
seen(columns=len(columns), files=len(tables))
