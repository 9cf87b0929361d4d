/**
 * Two runs of rows in key order becoming one, a step at a time.
 *
 * Always true:
 *  - of equal keys those of `left` come first;
 *  - both runs are taken piece by piece and given up behind the merge, so that all in all it needs room for three pieces more.
 */

import { assert } from "../base/assert.ts";
import type { KeyReader } from "./key-reader.ts";
import { PIECE_ROWS, RowRun } from "./row-run.ts";

/** Where one run ends before the other begins, rows are copied, so many for the cost of comparing one. */
const COPIED_FOR_ONE = 64;

export class KeyMerge {
  readonly left: RowRun;
  readonly right: RowRun;
  readonly #length: number;
  readonly #pieces: Uint32Array[] = [];
  /** What is read of each run, and from where on; null when all of it has been. */
  #leftPiece: Uint32Array | null = null;
  #leftAt = 0;
  #rightPiece: Uint32Array | null = null;
  #rightAt = 0;
  /** What is written; full but for its last `#merged.length - #mergedAt` entries. */
  #merged: Uint32Array;
  #mergedAt = 0;
  #mergedRows = 0;
  #isInOrder: boolean | null = null;

  constructor(left: RowRun, right: RowRun) {
    this.left = left;
    this.right = right;
    this.#length = left.length + right.length;
    this.#merged = new Uint32Array(Math.min(PIECE_ROWS, this.#length));
  }

  /** Beside what is left of both runs. */
  get memoryBytes(): number {
    let bytes = this.#merged.byteLength + (this.#leftPiece?.byteLength ?? 0) + (this.#rightPiece?.byteLength ?? 0);
    for (const piece of this.#pieces) bytes += piece.byteLength;
    return bytes;
  }

  /** Null until all rows are in. */
  get result(): RowRun | null {
    return this.#mergedRows === this.#length ? new RowRun(this.#pieces) : null;
  }

  /** Takes about `budget` steps, each a comparison or the copying of a few rows; returns how many of them are left. */
  advance(keys: KeyReader, budget: number): number {
    let steps = budget;
    if (this.#isInOrder === null && steps > 0) {
      steps -= 1;
      // All of the right behind all of the left: nothing is compared.
      this.#isInOrder = keys.compare(this.left.last, keys, this.right.first) <= 0;
      this.#leftPiece = this.left.take();
      this.#rightPiece = this.right.take();
    }
    while (steps > 0 && this.#mergedRows < this.#length) {
      const both = this.#leftPiece !== null && this.#rightPiece !== null;
      steps -= both && this.#isInOrder !== true ? this.#compare(keys, steps) : this.#copy(steps);
      if (this.#leftAt === this.#leftPiece?.length) {
        this.#leftPiece = this.left.take();
        this.#leftAt = 0;
      }
      if (this.#rightAt === this.#rightPiece?.length) {
        this.#rightPiece = this.right.take();
        this.#rightAt = 0;
      }
      if (this.#mergedAt === this.#merged.length) this.#nextMerged();
    }
    return steps;
  }

  /** Up to the end of a piece; returns the steps that it took. */
  #compare(keys: KeyReader, steps: number): number {
    const [left, right, merged] = [this.#leftPiece!, this.#rightPiece!, this.#merged];
    let [leftAt, rightAt, mergedAt] = [this.#leftAt, this.#rightAt, this.#mergedAt];
    const end = Math.min(merged.length, mergedAt + steps);
    while (mergedAt < end && leftAt < left.length && rightAt < right.length) {
      const takeLeft = keys.compare(left[leftAt]!, keys, right[rightAt]!) <= 0;
      merged[mergedAt] = takeLeft ? left[leftAt]! : right[rightAt]!;
      if (takeLeft) leftAt += 1;
      else rightAt += 1;
      mergedAt += 1;
    }
    const taken = mergedAt - this.#mergedAt;
    [this.#leftAt, this.#rightAt, this.#mergedAt] = [leftAt, rightAt, mergedAt];
    this.#mergedRows += taken;
    return taken;
  }

  /** What is left of one run when the other has ended; or the left run, then the right one. Up to the end of a piece, like `#compare`. */
  #copy(steps: number): number {
    const isLeft = this.#leftPiece !== null;
    const from = (isLeft ? this.#leftPiece : this.#rightPiece)!;
    const start = isLeft ? this.#leftAt : this.#rightAt;
    const room = this.#merged.length - this.#mergedAt;
    const count = Math.min(steps * COPIED_FOR_ONE, from.length - start, room);
    this.#merged.set(from.subarray(start, start + count), this.#mergedAt);
    if (isLeft) this.#leftAt += count;
    else this.#rightAt += count;
    this.#mergedAt += count;
    this.#mergedRows += count;
    return Math.ceil(count / COPIED_FOR_ONE);
  }

  #nextMerged(): void {
    assert(this.#mergedAt === this.#merged.length, "pieces are full");
    this.#pieces.push(this.#merged);
    this.#merged = new Uint32Array(Math.min(PIECE_ROWS, this.#length - this.#mergedRows));
    this.#mergedAt = 0;
  }
}
