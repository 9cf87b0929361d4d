/** Entries of a column as text that other programs can print alike: the form in which our files are compared with other readers'. */

import { type Column, bytesAt, columnRows, textAt } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import { vectorRowBytes } from "../../model/vectors.ts";

const BINARY_TYPES: ReadonlySet<DataType> = new Set([DataType.JSON, DataType.SparseFloatVector]);

/** Null; `true`; decimal; the hex of a little-endian double, or `nan`; text as it is; other bytes as hex; of an array its elements, quoted as JSON. */
export function cellsOf(column: Column): (string | null)[] {
  if (column.kind === "array") {
    const elements = cellsOf(column.elements);
    return Array.from({ length: columnRows(column) }, (_, row) =>
      column.valid?.[row] === 0 ? null : JSON.stringify(elements.slice(column.offsets[row], column.offsets[row + 1])),
    );
  }
  return Array.from({ length: columnRows(column) }, (_, row) => {
    if (column.valid !== null && column.valid[row] === 0) return null;
    if (column.kind === "bytes") {
      return BINARY_TYPES.has(column.type) ? Buffer.from(bytesAt(column, row)).toString("hex") : textAt(column, row);
    }
    if (column.kind === "vector") {
      const { values, type, dimension } = column;
      const bytes = vectorRowBytes(type, dimension);
      return Buffer.from(values.buffer, values.byteOffset + row * bytes, bytes).toString("hex");
    }
    const value = column.values[row]!;
    if (column.type === DataType.Bool) return String(value === 1);
    return column.type === DataType.Float || column.type === DataType.Double ? doubleHex(Number(value)) : String(value);
  });
}

export function doubleHex(value: number): string {
  if (Number.isNaN(value)) return "nan";
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes.toString("hex");
}
