/**
 * One value of a column, as the filter language has it: bigint for integers, number for Float and Double, string for VarChar, boolean for
 * Bool; null where there is none.
 */

import { assert } from "../base/assert.ts";
import { type Column, textAt } from "./columns.ts";
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
