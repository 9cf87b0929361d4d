/** Vectors of chosen rows out of the kernel, as a column. */

import type { Handle, Kernel } from "../kernel/kernel.ts";
import type { VectorColumn } from "../model/columns.ts";
import type { DataType } from "../model/types.ts";
import { unfilledVectors, vectorRowBytes, vectorStride } from "../model/vectors.ts";

/** 2 MiB: so much is copied into fresh memory in a few milliseconds. */
const PIECE_BYTES = 1 << 21;

/**
 * `valid`: one byte a row of the segment, or null when every row has a vector. With a `pause` it stops between pieces; the caller holds
 * the vectors open until it resolves.
 */
export async function takeVectors(
  kernel: Kernel,
  vectors: Handle,
  { dataType: type, dimension }: { readonly dataType: DataType; readonly dimension: number },
  valid: Uint8Array | null,
  rows: Uint32Array,
  pause: (() => Promise<void>) | null = null,
): Promise<VectorColumn> {
  const stride = vectorStride(type, dimension);
  const values = unfilledVectors(type, rows.length * stride);
  const step = pause === null ? rows.length : Math.max(1, Math.floor(PIECE_BYTES / vectorRowBytes(type, dimension)));
  for (let at = 0; at < rows.length; at += step) {
    if (at > 0) await pause?.();
    const piece = rows.subarray(at, at + step);
    kernel.gatherRows(vectors, piece, values.subarray(at * stride, (at + piece.length) * stride));
  }
  const taken = valid === null ? null : Uint8Array.from(rows, (row) => valid[row]!);
  return { kind: "vector", type, dimension, values, valid: taken };
}
