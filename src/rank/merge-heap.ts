/**
 * The smallest head of several sorted lists, again and again.
 *
 * Always true: the list on top is not greater than any other that still has entries, as `compare` sees their heads.
 */

import { assert } from "../base/assert.ts";

export class MergeHeap {
  readonly #compare: (left: number, right: number) => number;
  readonly #lists: number[] = [];

  /** `compare` orders lists by what they have at their heads now. */
  constructor(compare: (left: number, right: number) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#lists.length;
  }

  /** Of the list with the smallest head. */
  get top(): number {
    assert(this.#lists.length > 0, "there is a list left");
    return this.#lists[0]!;
  }

  add(list: number): void {
    this.#lists.push(list);
    let at = this.#lists.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#compare(this.#lists[at]!, this.#lists[parent]!) >= 0) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** The top list has moved on to its next entry. */
  advance(): void {
    this.#sink();
  }

  /** The top list has no more entries. */
  drop(): void {
    const last = this.#lists.pop()!;
    if (this.#lists.length === 0) return;
    this.#lists[0] = last;
    this.#sink();
  }

  #sink(): void {
    const lists = this.#lists;
    for (let at = 0; ;) {
      let child = at * 2 + 1;
      if (child >= lists.length) return;
      if (child + 1 < lists.length && this.#compare(lists[child + 1]!, lists[child]!) < 0) child += 1;
      if (this.#compare(lists[at]!, lists[child]!) <= 0) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(left: number, right: number): void {
    const list = this.#lists[left]!;
    this.#lists[left] = this.#lists[right]!;
    this.#lists[right] = list;
  }
}
