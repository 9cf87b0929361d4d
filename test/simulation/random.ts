/** A small generator of chance from a seed (sfc32): the same seed gives the same numbers on every machine. */

import { assert } from "../../src/base/assert.ts";

const WARM_UP = 15;

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    assert(Number.isSafeInteger(seed) && seed >= 0, "a seed is a whole number");
    this.#a = 0x9e3779b9;
    this.#b = Math.floor(seed / 2 ** 32);
    this.#c = seed | 0;
    for (let round = 0; round < WARM_UP; round += 1) this.next();
  }

  /** Uniform in [0, 1). */
  next(): number {
    return this.#word() / 2 ** 32;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#word() >>> 24);
  }

  #word(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }
}
