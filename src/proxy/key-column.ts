/** Keys that a filter names, as the column that plans and log messages carry. */

import { type KeyColumn, bytesColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";

export function keyColumn(type: DataType, keys: readonly (bigint | string)[]): KeyColumn {
  if (type === DataType.VarChar) return bytesColumn(type, keys as readonly string[]);
  return { kind: "fixed", type, values: BigInt64Array.from(keys as readonly bigint[]), valid: null };
}
