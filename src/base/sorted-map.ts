/**
 * A map in the order of its keys' UTF-8 bytes: one sorted array. Finding costs a binary search, adding and removing a move of the
 * tail, which is the cheapest there is up to some 100,000 keys.
 */

import { assert } from "./assert.ts";
import { compareUtf8 } from "./utf8-order.ts";

interface Pair<V> {
  readonly key: string;
  readonly value: V;
}

export class SortedMap<V> {
  readonly #pairs: Pair<V>[] = [];

  get size(): number {
    return this.#pairs.length;
  }

  get(key: string): V | undefined {
    const pair = this.#pairs[this.#place(key)];
    return pair?.key === key ? pair.value : undefined;
  }

  set(key: string, value: V): void {
    const place = this.#place(key);
    this.#pairs.splice(place, this.#pairs[place]?.key === key ? 1 : 0, { key, value });
  }

  /** False when the key was not there. */
  delete(key: string): boolean {
    const place = this.#place(key);
    if (this.#pairs[place]?.key !== key) return false;
    this.#pairs.splice(place, 1);
    return true;
  }

  /** Values whose key starts with `prefix` and comes after `after`. The map must not change meanwhile. */
  *under(prefix: string, after: string | null = null): Generator<V> {
    let place = this.#place(after === null || compareUtf8(after, prefix) < 0 ? prefix : after);
    if (after !== null && this.#pairs[place]?.key === after) place += 1;
    for (let pair = this.#pairs[place]; pair?.key.startsWith(prefix) === true; pair = this.#pairs[++place])
      yield pair.value;
  }

  /** Of the first key that is not below `key`. */
  #place(key: string): number {
    let low = 0;
    let high = this.#pairs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const pair = this.#pairs[middle];
      assert(pair !== undefined, "the search stays inside the map");
      if (compareUtf8(pair.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
