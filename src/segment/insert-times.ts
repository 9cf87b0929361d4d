/** When the rows of a growing segment were inserted: they ascend, and what was read stays as it was. */

import type { Timestamp } from "../base/timestamp.ts";
import { halvesOf } from "./delete-times.ts";
import { copyInTurns, grownCapacity } from "./growable-column.ts";
import { drained } from "../base/turns.ts";

const FIRST_TIMESTAMPS = 256;

export class InsertTimes {
  #times: BigUint64Array = new BigUint64Array(0);
  #halves: Uint32Array = new Uint32Array(0);
  #rowCount = 0;
  #first: Timestamp | null = null;
  #last: Timestamp = 0n;

  /** One a row, and room for more. */
  get times(): BigUint64Array {
    return this.#times;
  }

  get halves(): Uint32Array {
    return this.#halves;
  }

  /** Of the oldest row; null while there is none. */
  get first(): Timestamp | null {
    return this.#first;
  }

  /** Of the newest row; 0 while there is none. */
  get last(): Timestamp {
    return this.#last;
  }

  get memoryBytes(): number {
    return this.#times.byteLength;
  }

  /** Makes room; yields between pieces of what it copies. */
  *reserve(count: number): Generator<void, void> {
    const end = this.#rowCount + count;
    if (this.#times.length >= end) return;
    const grown = new BigUint64Array(grownCapacity(this.#times.length, end, FIRST_TIMESTAMPS));
    this.#times = yield* copyInTurns(this.#times, this.#rowCount, grown);
    this.#halves = halvesOf(grown);
  }

  append(count: number, timestamp: Timestamp): void {
    const end = this.#rowCount + count;
    drained(this.reserve(count));
    this.#times.fill(timestamp, this.#rowCount, end);
    this.#rowCount = end;
    this.#first ??= timestamp;
    this.#last = timestamp;
  }

  /** How many rows were inserted at `timestamp` or before: a prefix, as rows come in timestamp order. */
  rowsUntil(timestamp: Timestamp): number {
    if (timestamp >= this.#last) return this.#rowCount;
    let low = 0;
    let high = this.#rowCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#times[middle]! <= timestamp) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
