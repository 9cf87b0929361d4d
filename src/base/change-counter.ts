/**
 * Counts changes of what reads see, in memory that every thread of the process may look at: who has a copy of something knows by the count
 * whether it still holds.
 *
 * Always true: the count never has the value again that it had before a change, but for one in four billion changes.
 */

export class ChangeCounter {
  readonly shared: SharedArrayBuffer;
  readonly #count: Int32Array;

  constructor(shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#count = new Int32Array(shared);
  }

  get count(): number {
    return Atomics.load(this.#count, 0);
  }

  changed(): void {
    Atomics.add(this.#count, 0, 1);
  }
}
