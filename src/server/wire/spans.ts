/**
 * Where the values of a repeated field lie in a message: [start, end) pairs in the order of arrival.
 *
 * A packed run is one span, and so is a single unpacked value: its bytes are those of a run of one. So both forms, also mixed, are
 * read by the same code, and nothing is decoded before its number is known.
 */

import { assert } from "../../base/assert.ts";
import { BYTES, FIXED32, FIXED64 } from "./reader.ts";

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

  /** Forgets all but the first `count`. */
  truncate(count: number): void {
    assert(count <= this.#count, "spans are only taken away");
    this.#count = count;
  }

  /** How many values of a wire type lie in the spans from the one at `from` on, as far as their bytes tell. */
  countValues(bytes: Uint8Array, wireType: number, from: number): number {
    if (wireType === BYTES) return this.#count - from;
    let count = 0;
    for (let index = from; index < this.#count; index += 1) {
      const end = this.end(index);
      const start = this.start(index);
      if (wireType === FIXED32) count += (end - start) >> 2;
      else if (wireType === FIXED64) count += (end - start) >> 3;
      else for (let at = start; at < end; at += 1) count += bytes[at]! < 0x80 ? 1 : 0;
    }
    return count;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Bytes in all spans from the one at `from` on. */
  byteLength(from = 0): number {
    let length = 0;
    for (let index = from; index < this.#count; index += 1) length += this.end(index) - this.start(index);
    return length;
  }
}
