/**
 * Deletes by key on rows that are sorted by key.
 *
 * Always true: `keys` ascend, equal ones next to each other, so that a key's rows are found by binary search.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Deltas } from "../storage/deltas.ts";
import { type DeleteBatch, deleteBatch, type DeleteTimes } from "./delete-times.ts";
import { type KeyReader, keyReader } from "./key-reader.ts";

/** Keys looked up between two turns of the event loop. */
const SLICE = 4096;

/** The first row whose key is not below entry `at` of `wanted`. */
export function firstRow(keys: KeyReader, wanted: KeyReader, at: number): number {
  let low = 0;
  let high = keys.rowCount;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys.compare(middle, wanted, at) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function hasKey(keys: KeyReader, row: number, wanted: KeyReader, at: number): boolean {
  return row < keys.rowCount && keys.equals(row, wanted, at);
}

/** Applies deletes `[from, to)`; returns how many rows were hidden by none before. */
export function hideByKey(
  keys: KeyReader,
  insertHalves: Uint32Array,
  times: DeleteTimes,
  wanted: KeyReader,
  deletes: DeleteBatch,
  from: number,
  to: number,
): number {
  let hidden = 0;
  for (let at = from; at < to; at += 1) {
    for (let row = firstRow(keys, wanted, at); hasKey(keys, row, wanted, at); row += 1) {
      if (times.hide(row, insertHalves, deletes, at)) hidden += 1;
    }
  }
  return hidden;
}

export async function hideInSlices(
  keys: KeyReader,
  insertHalves: Uint32Array,
  times: DeleteTimes,
  deltas: Deltas,
  runtime: Runtime,
): Promise<void> {
  const wanted = keyReader(deltas.keys);
  assert(wanted.kind === keys.kind, "keys have the key's type");
  const deletes = deleteBatch(wanted.rowCount, deltas.timestamps, deltas.upperBounds);
  for (let from = 0; from < wanted.rowCount; from += SLICE) {
    if (from > 0) await runtime.yield();
    hideByKey(keys, insertHalves, times, wanted, deletes, from, Math.min(from + SLICE, wanted.rowCount));
  }
}
