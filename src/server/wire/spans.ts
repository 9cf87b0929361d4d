/**
 * Where the values of a repeated field lie in a message: [start, end) pairs in the order of arrival.
 *
 * A packed run is one span, and so is a single unpacked value: its bytes are those of a run of one. So both forms, also mixed, are
 * read by the same code, and nothing is decoded before its number is known.
 */

import { assert } from "../../base/assert.ts";

export class Spans {
  #pairs = new Uint32Array(2);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(start: number, end: number): void {
    assert(start <= end, "a span goes forward");
    const at = this.#count * 2;
    if (at === this.#pairs.length) {
      const wider = new Uint32Array(at * 2);
      wider.set(this.#pairs);
      this.#pairs = wider;
    }
    this.#pairs[at] = start;
    this.#pairs[at + 1] = end;
    this.#count += 1;
  }

  start(index: number): number {
    return this.#pairs[index * 2]!;
  }

  end(index: number): number {
    return this.#pairs[index * 2 + 1]!;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Bytes in all spans. */
  byteLength(): number {
    let length = 0;
    for (let index = 0; index < this.#count; index += 1) length += this.end(index) - this.start(index);
    return length;
  }
}
