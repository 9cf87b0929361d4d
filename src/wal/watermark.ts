/**
 * Which time ticks are settled: allocated in order, finished in any order.
 *
 * Always true:
 *  - `confirmed` is the largest T such that every tick allocated up to T has been settled; it never falls;
 *  - settled records come out in the order of their ticks, each once, and only when `confirmed` has reached them.
 */

import { assert } from "../base/assert.ts";
import type { Timestamp } from "../base/timestamp.ts";

export interface Slot<T> {
  readonly timeTick: Timestamp;
  /** What to hand out once everything before it is settled; null for a tick that carries nothing (or failed). */
  value: T | null;
  settled: boolean;
}

export class Watermark<T> {
  #confirmed: Timestamp;
  #lastAllocated: Timestamp;
  readonly #open: Slot<T>[] = [];

  constructor(start: Timestamp) {
    this.#confirmed = start;
    this.#lastAllocated = start;
  }

  get confirmed(): Timestamp {
    return this.#confirmed;
  }

  /** Ticks that are allocated and not yet handed out. */
  get openCount(): number {
    return this.#open.length;
  }

  allocate(timeTick: Timestamp): Slot<T> {
    assert(timeTick > this.#lastAllocated, "time ticks are allocated in ascending order");
    this.#lastAllocated = timeTick;
    const slot: Slot<T> = { timeTick, value: null, settled: false };
    this.#open.push(slot);
    return slot;
  }

  /** Settles a slot, with what it carries, and returns everything that became confirmed by that, in order. */
  settle(slot: Slot<T>, value: T | null): T[] {
    assert(!slot.settled, "a time tick is settled once");
    slot.settled = true;
    slot.value = value;
    const released: T[] = [];
    let count = 0;
    while (count < this.#open.length && this.#open[count]!.settled) {
      const done = this.#open[count]!;
      this.#confirmed = done.timeTick;
      if (done.value !== null) released.push(done.value);
      count += 1;
    }
    this.#open.splice(0, count);
    return released;
  }
}
