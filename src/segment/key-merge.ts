/**
 * Two lists of rows in key order becoming one, a step at a time.
 *
 * Always true: of equal keys those of `left` come first; both lists stay as they are until the merge is done.
 */

import { assert } from "../base/assert.ts";
import type { KeyReader } from "./key-reader.ts";

/** Where one list ends before the other begins, rows are copied, so many for the cost of comparing one. */
const COPIED_FOR_ONE = 64;

export class KeyMerge {
  readonly left: Uint32Array;
  readonly right: Uint32Array;
  readonly #merged: Uint32Array;
  #fromLeft = 0;
  #fromRight = 0;

  constructor(left: Uint32Array, right: Uint32Array) {
    assert(left.length > 0 && right.length > 0, "there is something to merge");
    this.left = left;
    this.right = right;
    this.#merged = new Uint32Array(left.length + right.length);
  }

  get memoryBytes(): number {
    return this.#merged.byteLength;
  }

  /** Null until all rows are in. */
  get result(): Uint32Array | null {
    return this.#fromLeft + this.#fromRight === this.#merged.length ? this.#merged : null;
  }

  /** Takes about `budget` steps, each a comparison or the copying of a few rows; returns how many of them are left. */
  advance(keys: KeyReader, budget: number): number {
    const { left, right } = this;
    const merged = this.#merged;
    let [fromLeft, fromRight] = [this.#fromLeft, this.#fromRight];
    let steps = budget;
    if (fromLeft === 0 && fromRight === 0 && steps > 0) {
      steps -= 1;
      // All of the right behind all of the left: nothing is compared.
      this.#isInOrder = keys.compare(left.at(-1)!, keys, right[0]!) <= 0;
    }
    if (!this.#isInOrder) {
      const mostSteps = Math.min(steps, merged.length);
      let taken = 0;
      while (taken < mostSteps && fromLeft < left.length && fromRight < right.length) {
        const takeLeft = keys.compare(left[fromLeft]!, keys, right[fromRight]!) <= 0;
        merged[fromLeft + fromRight] = takeLeft ? left[fromLeft]! : right[fromRight]!;
        if (takeLeft) fromLeft += 1;
        else fromRight += 1;
        taken += 1;
      }
      steps -= taken;
    }
    // What is left of one list when the other has ended; or the left list, then the right one.
    while (steps > 0 && fromLeft + fromRight < merged.length) {
      if (!this.#isInOrder && fromLeft < left.length && fromRight < right.length) break;
      const fromList = fromLeft < left.length ? left : right;
      const start = fromList === left ? fromLeft : fromRight;
      const count = Math.min(steps * COPIED_FOR_ONE, fromList.length - start);
      merged.set(fromList.subarray(start, start + count), fromLeft + fromRight);
      if (fromList === left) fromLeft += count;
      else fromRight += count;
      steps -= Math.ceil(count / COPIED_FOR_ONE);
    }
    [this.#fromLeft, this.#fromRight] = [fromLeft, fromRight];
    return steps;
  }

  #isInOrder = false;
}
