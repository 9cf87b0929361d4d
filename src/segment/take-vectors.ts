/** Vectors of chosen rows out of the kernel, as a column. */

import type { Handle, Kernel } from "../kernel/kernel.ts";
import type { VectorColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";

/** `valid`: one byte a row of the segment, or null when every row has a vector. */
export function takeVectors(
  kernel: Kernel,
  vectors: Handle,
  dimension: number,
  valid: Uint8Array | null,
  rows: Uint32Array,
): VectorColumn {
  const values = kernel.gatherRows(vectors, rows);
  const taken = valid === null ? null : Uint8Array.from(rows, (row) => valid[row]!);
  return { kind: "vector", type: DataType.FloatVector, dimension, values, valid: taken };
}
