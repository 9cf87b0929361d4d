/**
 * The deletes that hide rows of a segment, one entry a hidden row, for the segment's own delete log.
 *
 * Always true: applied to the same rows, the entries hide each of them from the same timestamp on. An entry's bound is right behind its
 * row's insert, so that it hides that version and older ones only: a delete by filter may have spared a later version.
 */

import { assert } from "../base/assert.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { type KeyColumn, takeRows } from "../model/columns.ts";
import type { Deltas } from "../storage/deltas.ts";
import { halvesOf, NEVER } from "./delete-times.ts";

/** Of `rows`, in their order, those that a delete later than `after` hides. `times` has the smallest delete of each row. Null: none. */
export function hidingDeltas(
  keys: KeyColumn,
  inserts: BigUint64Array,
  times: BigUint64Array,
  rows: Uint32Array,
  after: Timestamp,
): Deltas | null {
  const halves = halvesOf(times);
  const hidden = rows.filter((row) => {
    const isHidden = halves[row * 2] !== 0xffffffff || halves[row * 2 + 1] !== 0xffffffff;
    return isHidden && times[row]! > after;
  });
  if (hidden.length === 0) return null;
  const timestamps = new BigUint64Array(hidden.length);
  const upperBounds = new BigUint64Array(hidden.length);
  for (let at = 0; at < hidden.length; at += 1) {
    const row = hidden[at]!;
    assert(times[row]! < NEVER && inserts[row]! < times[row]!, "a delete hides what is older than itself");
    timestamps[at] = times[row]!;
    upperBounds[at] = inserts[row]! + 1n;
  }
  return { keys: takeRows(keys, hidden) as KeyColumn, timestamps, upperBounds };
}
