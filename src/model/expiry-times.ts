/**
 * When rows expire by a field of theirs, and how that is spread over a segment.
 *
 * Always true: a time is unsigned microseconds; a null never comes, and what lies before 1970 is past.
 */

import { assert } from "../base/assert.ts";
import type { TimesSummary } from "./catalog.ts";
import type { Column } from "./columns.ts";

/** Comes for no row. */
export const NEVER_EXPIRES = 0xffff_ffff_ffff_ffffn;
/** More tell nothing that matters. */
const SAMPLED_ROWS = 4_096;
const PARTS = 5;

/** Those of the rows from `from` on, written to `into` at their places. */
export function writeExpiryTimes(column: Column, into: BigUint64Array, from: number): void {
  assert(column.kind === "fixed" && column.values instanceof BigInt64Array, "times are whole numbers of 64 bits");
  const { values, valid } = column;
  for (let row = from; row < into.length; row += 1) {
    const value = values[row]!;
    into[row] = valid !== null && valid[row] === 0 ? NEVER_EXPIRES : value < 0n ? 0n : value;
  }
}

/** Sees every row's time once, in any order. */
export class TimesSampler {
  readonly #fieldId: bigint;
  readonly #stride: number;
  readonly #sample: bigint[] = [];
  #least = NEVER_EXPIRES;

  constructor(fieldId: bigint, rowCount: number) {
    this.#fieldId = fieldId;
    this.#stride = Math.max(1, Math.ceil(rowCount / SAMPLED_ROWS));
  }

  add(row: number, time: bigint): void {
    if (time < this.#least) this.#least = time;
    if (row % this.#stride === 0) this.#sample.push(time);
  }

  summary(): TimesSummary {
    const sorted = BigUint64Array.from(this.#sample).toSorted();
    if (sorted.length === 0) return { fieldId: this.#fieldId, quantiles: [] };
    const reached = (part: number): bigint => sorted[Math.ceil((part * sorted.length) / PARTS) - 1]!;
    const parts = Array.from({ length: PARTS }, (_, part) => reached(part + 1));
    return { fieldId: this.#fieldId, quantiles: [this.#least, ...parts] };
  }
}

/** How much of a segment has expired at a time, about; more than nothing where one row has. */
export function expiredShare({ quantiles }: TimesSummary, untilMicroseconds: bigint): number {
  const [least, ...reached] = quantiles;
  if (least === undefined || least > untilMicroseconds) return 0;
  const parts = reached.filter((time) => time <= untilMicroseconds).length;
  return Math.max(parts / PARTS, 1 / SAMPLED_ROWS);
}
