/**
 * Numbers for the different keys of several lists, 0, 1, 2… in the order in which they are met.
 *
 * Always true: equal keys have one number, whatever list they come from.
 */

import { assert } from "../base/assert.ts";
import type { KeyReader } from "../segment/key-reader.ts";

export class KeyIndex {
  readonly #keys: readonly KeyReader[];
  /** Number of the key + 1; 0 is an empty slot. */
  readonly #slots: Uint32Array;
  readonly #sources: Uint32Array;
  readonly #entries: Uint32Array;
  #size = 0;

  /** At most `most` different keys can be met. */
  constructor(keys: readonly KeyReader[], most: number) {
    this.#keys = keys;
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(most * 2 + 1)));
    this.#sources = new Uint32Array(most);
    this.#entries = new Uint32Array(most);
  }

  get size(): number {
    return this.#size;
  }

  /** The number of the key; it is the size before the call when the key is new. */
  placeOf(source: number, entry: number): number {
    const keys = this.#keys[source]!;
    const mask = this.#slots.length - 1;
    let slot = keys.hash(entry) & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const known = this.#slots[slot]! - 1;
      if (keys.equals(entry, this.#keys[this.#sources[known]!]!, this.#entries[known]!)) return known;
    }
    const place = this.#size;
    assert(place < this.#sources.length, "the index has room for every key");
    this.#sources[place] = source;
    this.#entries[place] = entry;
    this.#size += 1;
    this.#slots[slot] = this.#size;
    return place;
  }

  /** The list in which the key was met first. */
  sourceOf(place: number): number {
    return this.#sources[place]!;
  }

  /** Its place in that list. */
  entryOf(place: number): number {
    return this.#entries[place]!;
  }
}
