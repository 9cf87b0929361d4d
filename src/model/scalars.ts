/**
 * One value of a column, as the filter language has it: bigint for integers, number for Float and Double, string for VarChar, boolean for
 * Bool; null where there is none.
 */

import { assert } from "../base/assert.ts";
import { type Column, bytesColumn, fixedValues, isBytesType, textAt } from "./columns.ts";
import type { Constant } from "./filter.ts";
import { DataType } from "./types.ts";

export type Scalar = Constant | null;

export function scalarAt(column: Column, row: number): Scalar {
  if (column.valid !== null && column.valid[row] === 0) return null;
  if (column.kind === "bytes") return textAt(column, row);
  assert(column.kind === "fixed", "a vector is no scalar");
  const value = column.values[row]!;
  switch (column.type) {
    case DataType.Bool:
      return value !== 0;
    case DataType.Float:
    case DataType.Double:
      return value;
    default:
      return BigInt(value);
  }
}

/** The column of these values. */
export function scalarColumn(type: DataType, entries: readonly Scalar[]): Column {
  const valid = entries.includes(null) ? Uint8Array.from(entries, (entry) => (entry === null ? 0 : 1)) : null;
  if (isBytesType(type)) {
    return bytesColumn(
      type,
      entries.map((entry) => (entry === null ? "" : String(entry))),
      valid,
    );
  }
  const values = fixedValues(type, entries.length);
  for (const [row, entry] of entries.entries()) {
    if (entry === null) continue;
    if (values instanceof BigInt64Array) values[row] = BigInt(entry);
    else values[row] = Number(entry);
  }
  return { kind: "fixed", type, values, valid };
}

/** Two values of one field; text by its UTF-8 bytes. */
export function compareScalars(left: Constant, right: Constant): number {
  if (typeof left === "string") return Buffer.compare(Buffer.from(left), Buffer.from(right as string));
  return left === right ? 0 : left < right ? -1 : 1;
}
