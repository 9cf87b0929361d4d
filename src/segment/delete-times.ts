/**
 * When each row of a segment was deleted: the smallest delete timestamp that hides it, or never.
 *
 * Always true:
 *  - a delete at D hides a row exactly when the row was inserted before D, and before the delete's upper bound where it has one (a
 *    delete by filter hides only what its read saw); at the same timestamp it does not;
 *  - deletes may come in any order and any number of times with the same result.
 *
 * Timestamps are compared as two halves: no BigInt a row.
 */

import { assert } from "../base/assert.ts";
import type { Timestamp } from "../base/timestamp.ts";

export const NEVER = (1n << 64n) - 1n;

/** Deletes to apply, one entry a key, as halves. */
export interface DeleteBatch {
  readonly times: Uint32Array;
  /** Only versions inserted before this are hidden; null: before the delete itself. */
  readonly bounds: Uint32Array | null;
}

export function deleteBatch(
  keyCount: number,
  timestamps: BigUint64Array,
  upperBounds: BigUint64Array | null,
): DeleteBatch {
  assert(timestamps.length === keyCount, "every delete has a timestamp");
  assert(upperBounds === null || upperBounds.length === keyCount, "every delete has an upper bound, or none has");
  return { times: halvesOf(timestamps), bounds: upperBounds === null ? null : halvesOf(upperBounds) };
}

export class DeleteTimes {
  #times: BigUint64Array | null = null;
  #halves: Uint32Array = new Uint32Array(0);
  #earliest: Timestamp = NEVER;
  #latest: Timestamp = 0n;
  #hiddenRows = 0;
  #version = 0;

  /** Rows that some delete hides. */
  get hiddenRows(): number {
    return this.#hiddenRows;
  }

  /** The smallest delete timestamp of any row; the largest possible one when nothing is deleted. */
  get earliest(): Timestamp {
    return this.#earliest;
  }

  /** An upper bound of the delete timestamps. */
  get latest(): Timestamp {
    return this.#latest;
  }

  /** Changes whenever the answer for some row does. */
  get version(): number {
    return this.#version;
  }

  get memoryBytes(): number {
    return this.#times?.byteLength ?? 0;
  }

  /** One entry a row for at least `rowCount` rows, or null while nothing is deleted. */
  times(rowCount: number): BigUint64Array | null {
    if (this.#times !== null) this.#reserve(rowCount, Math.ceil(this.#times.length * 1.5));
    return this.#times;
  }

  /** Applies delete number `at` to `row`; `inserts` are the halves of one timestamp a row. Tells whether nothing had deleted the row before. */
  hide(row: number, inserts: Uint32Array, deletes: DeleteBatch, at: number): boolean {
    const low = deletes.times[at * 2]!;
    const high = deletes.times[at * 2 + 1]!;
    const insertLow = inserts[row * 2]!;
    const insertHigh = inserts[row * 2 + 1]!;
    if (!isLess(insertHigh, insertLow, high, low)) return false;
    const { bounds } = deletes;
    if (bounds !== null && !isLess(insertHigh, insertLow, bounds[at * 2 + 1]!, bounds[at * 2]!)) return false;
    this.#reserve(row + 1, inserts.length / 2);
    const halves = this.#halves;
    if (!isLess(high, low, halves[row * 2 + 1]!, halves[row * 2]!)) return false;
    const isNew = halves[row * 2] === 0xffffffff && halves[row * 2 + 1] === 0xffffffff;
    halves[row * 2] = low;
    halves[row * 2 + 1] = high;
    this.#version += 1;
    if (isNew) this.#hiddenRows += 1;
    const time = (BigInt(high) << 32n) | BigInt(low);
    if (time < this.#earliest) this.#earliest = time;
    if (time > this.#latest) this.#latest = time;
    return isNew;
  }

  #reserve(rowCount: number, capacityRows: number): void {
    const known = this.#times?.length ?? 0;
    if (known >= rowCount) return;
    const times = new BigUint64Array(Math.max(rowCount, capacityRows));
    if (this.#times !== null) times.set(this.#times);
    times.fill(NEVER, known);
    this.#times = times;
    this.#halves = halvesOf(times);
  }
}

/** Low and high half of every timestamp, one behind the other. */
export function halvesOf(timestamps: BigUint64Array): Uint32Array {
  assert(LITTLE_ENDIAN, "the machine is little-endian");
  return new Uint32Array(timestamps.buffer, timestamps.byteOffset, timestamps.length * 2);
}

function isLess(high: number, low: number, otherHigh: number, otherLow: number): boolean {
  return high === otherHigh ? low < otherLow : high < otherHigh;
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
