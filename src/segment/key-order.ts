/**
 * The rows of a growing segment in key order, kept up to date as rows come.
 *
 * Rows are sorted some thousand at a time; the sorted runs are merged, neighbours of like size, a few steps for every row that comes. So
 * no append takes longer because there are many rows, and whoever wants the order of all finds most of the work done.
 *
 * Always true:
 *  - the runs cover the rows from the first on, each a stretch of row numbers, in their order;
 *  - an order lists every row it covers once, by key, then by row number, which in a growing segment is by time;
 *  - `rank` orders rows by key and, inside one key, the newest first: the order in which equal scores are reported.
 */

import { assert } from "../base/assert.ts";
import { KeyMerge } from "./key-merge.ts";
import type { KeyReader } from "./key-reader.ts";
import { sortByKey } from "./key-sort.ts";
import { RowRun } from "./row-run.ts";
import { drained } from "../base/turns.ts";

/** Sorted at once: a few milliseconds. */
export const SORT_ROWS = 16_384;
/** Steps of merges for each row that comes: more than the levels of merges that its row goes through until there are a hundred million. */
export const MERGE_STEPS = 16;
/** Between two turns of who asks for all rows. */
export const STEPS_A_TURN = 32_768;
/** The same where they are only copied: a fraction of a millisecond. */
const COPIED_A_TURN = 1 << 20;
const LIKE = 2;

/** Age in a growing segment, where rows come in the order of time. */
export const laterRowFirst: CompareAge = (left, right) => right - left;

export class KeyOrder {
  #runs: RowRun[] = [];
  /** Rows in runs. */
  #sortedRows = 0;
  /** Of two neighbours among the runs. */
  #merge: KeyMerge | null = null;
  /** The latest, so that it has every row of the runs. */
  #keys: KeyReader | null = null;
  #rank: Uint32Array = new Uint32Array(0);
  #steps = 0;

  get memoryBytes(): number {
    let bytes = this.#rank.byteLength + (this.#merge?.memoryBytes ?? 0);
    for (const run of this.#runs) bytes += run.memoryBytes;
    return bytes;
  }

  /** Rows sorted and merged so far, a row once for each time. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Called after every append: sorts and merges as much as the rows that came since the last call allow. May be stopped where it yields, and
   * then come to its end after later rows.
   */
  *keepUp(keys: KeyReader): Generator<void, void> {
    let budget = (keys.rowCount - (this.#keys?.rowCount ?? 0)) * MERGE_STEPS;
    this.#adopt(keys);
    while (keys.rowCount - this.#sortedRows >= SORT_ROWS) {
      this.#sort(SORT_ROWS);
      yield;
    }
    while (budget > 0 && this.#chooseMerge(Infinity, LIKE)) {
      const turn = Math.min(budget, STEPS_A_TURN);
      budget -= turn - this.#advance(turn);
      yield;
    }
  }

  /** All rows of `keys`, and maybe rows that came since. Nobody changes it. */
  order(keys: KeyReader): Uint32Array {
    return drained(this.orderInTurns(keys));
  }

  /** The same, to be stopped where it yields. Rows may come meanwhile. */
  *orderInTurns(keys: KeyReader): Generator<void, Uint32Array> {
    this.#adopt(keys);
    const { rowCount } = keys;
    while (this.#sortedRows < rowCount) {
      this.#sort(Math.min(SORT_ROWS, rowCount - this.#sortedRows));
      yield;
    }
    while (this.#runs.length > 0 && (this.#runs[0]!.length < rowCount || this.#merge?.left === this.#runs[0])) {
      const hasMerge = this.#chooseMerge(rowCount, Infinity);
      assert(hasMerge, "runs that are not one can be merged");
      this.#advance(STEPS_A_TURN);
      yield;
    }
    return this.#runs.length === 0 ? new Uint32Array(0) : yield* this.#joined(this.#runs[0]!);
  }

  /** One entry a row of `keys`, and maybe of rows that came since. */
  rank(keys: KeyReader): Uint32Array {
    return drained(this.rankInTurns(keys));
  }

  /** The same, to be stopped where it yields. */
  *rankInTurns(keys: KeyReader): Generator<void, Uint32Array> {
    if (this.#rank.length >= keys.rowCount) return this.#rank;
    const order = yield* this.orderInTurns(keys);
    const rank = yield* rankOf(this.#keys!, order, laterRowFirst);
    if (rank.length > this.#rank.length) this.#rank = rank;
    return rank;
  }

  /** In one array, which is all the run has then: who asked once asks again. */
  *#joined(run: RowRun): Generator<void, Uint32Array> {
    const { pieces } = run;
    if (pieces.length === 1) return pieces[0]!;
    const rows = new Uint32Array(run.length);
    let end = 0;
    for (const piece of pieces) {
      rows.set(piece, end);
      end += piece.length;
      if (end % COPIED_A_TURN < piece.length) yield;
    }
    if (this.#runs[0] === run && this.#merge?.left !== run) this.#runs[0] = new RowRun([rows]);
    return rows;
  }

  #adopt(keys: KeyReader): void {
    if (keys.rowCount >= (this.#keys?.rowCount ?? 0)) this.#keys = keys;
  }

  #sort(count: number): void {
    const rows = new Uint32Array(count);
    for (let at = 0; at < count; at += 1) rows[at] = this.#sortedRows + at;
    this.#runs.push(RowRun.inPieces(sortByKey(this.#keys!, rows)));
    this.#sortedRows += count;
    this.#steps += count;
  }

  /**
   * Goes on with the merge that is under way or begins the smallest one of two neighbours that begin below `limit`, the first at most `like` times as long
   * as the second. False when there is none.
   */
  #chooseMerge(limit: number, like: number): boolean {
    if (this.#merge !== null) return true;
    let best = -1;
    let bestRows = Infinity;
    let start = 0;
    for (let at = 0; at + 1 < this.#runs.length; at += 1) {
      const [left, right] = [this.#runs[at]!.length, this.#runs[at + 1]!.length];
      start += left;
      if (start >= limit) break;
      if (left > right * like || left + right >= bestRows) continue;
      best = at;
      bestRows = left + right;
    }
    if (best >= 0) this.#merge = new KeyMerge(this.#runs[best]!, this.#runs[best + 1]!);
    return best >= 0;
  }

  #advance(budget: number): number {
    const merge = this.#merge!;
    const left = merge.advance(this.#keys!, budget);
    this.#steps += budget - left;
    const { result } = merge;
    if (result === null) return left;
    const at = this.#runs.indexOf(merge.left);
    assert(at >= 0 && this.#runs[at + 1] === merge.right, "what is merged are neighbours");
    this.#runs = this.#runs.toSpliced(at, 2, result);
    this.#merge = null;
    return left;
  }
}

/** Negative when `left` is the newer of two rows of one key. */
export type CompareAge = (left: number, right: number) => number;

/**
 * The place of every row when rows are ordered by key, the newest of a key first; `order` is by key. To be stopped where it yields, as
 * what follows.
 */
export function* rankOf(keys: KeyReader, order: Uint32Array, compareAge: CompareAge): Generator<void, Uint32Array> {
  const rank = new Uint32Array(order.length);
  const sorted = yield* newestFirst(keys, order.slice(), compareAge);
  for (let at = 0; at < sorted.length; at += 1) {
    if (at % STEPS_A_TURN === STEPS_A_TURN - 1) yield;
    rank[sorted[at]!] = at;
  }
  return rank;
}

/** Puts the newest row of every key first; `rows` is by key. In place. */
export function* newestFirst(keys: KeyReader, rows: Uint32Array, compareAge: CompareAge): Generator<void, Uint32Array> {
  let start = 0;
  for (let end = 1; end <= rows.length; end += 1) {
    if (end % STEPS_A_TURN === 0) yield;
    if (end < rows.length && keys.equals(rows[start]!, keys, rows[end]!)) continue;
    if (end - start > 1) rows.subarray(start, end).sort(compareAge);
    start = end;
  }
  return rows;
}
