"""Reads the Parquet files named on standard input with pyarrow (and DuckDB, where it is installed) and prints what is in them as JSON."""

import base64
import json
import struct
import sys

import pyarrow as pa
import pyarrow.parquet as pq

try:
    import duckdb
except ImportError:
    duckdb = None


def cell(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, float):
        return "nan" if value != value else struct.pack("<d", value).hex()
    if isinstance(value, list):
        return json.dumps([cell(element) for element in value], ensure_ascii=False, separators=(",", ":"))
    return str(value)


def describe(path):
    file = pq.ParquetFile(path, page_checksum_verification=True)
    table = file.read()
    table.validate(full=True)
    written = base64.b64decode(file.metadata.metadata[b"ARROW:schema"])
    ipc = pa.ipc.read_schema(pa.py_buffer(written))
    result = {"fields": [], "duckdb": None}
    for index, field in enumerate(file.schema_arrow):
        column = table.column(index)
        bounds = []
        for group in range(file.metadata.num_row_groups):
            statistics = file.metadata.row_group(group).column(index).statistics
            if statistics is not None and statistics.has_min_max:
                bounds.append([cell(statistics.min), cell(statistics.max)])
        result["fields"].append(
            {
                "name": field.name,
                "type": str(field.type),
                "nullable": field.nullable,
                "fieldId": field.metadata[b"PARQUET:field_id"].decode(),
                "ipcType": str(ipc.field(index).type),
                "ipcNullable": ipc.field(index).nullable,
                "ipcFieldId": ipc.field(index).metadata[b"PARQUET:field_id"].decode(),
                "nulls": column.null_count,
                "bounds": bounds,
                "cells": [cell(value) for value in column.to_pylist()],
            }
        )
    if duckdb is not None:
        rows = duckdb.execute("select * from read_parquet(?)", [path]).fetchall()
        result["duckdb"] = [[cell(row[i]) for row in rows] for i in range(len(result["fields"]))]
    return result


print(json.dumps([describe(path) for path in json.load(sys.stdin)]))
