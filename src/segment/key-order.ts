/**
 * The rows of a growing segment in key order, kept up to date by merging in what came since the last question.
 *
 * Always true:
 *  - `order` lists every row it covers once, by key, then by row number, which in a growing segment is by time;
 *  - `rank` orders rows by key and, inside one key, the newest first: the order in which equal scores are reported.
 */

import type { KeyReader } from "./key-reader.ts";
import { mergeByKey, sortByKey } from "./key-sort.ts";

/** Rows sorted at once at least: a few milliseconds. */
const SORT_ROWS = 65_536;

/** Age in a growing segment, where rows come in the order of time. */
export const laterRowFirst: CompareAge = (left, right) => right - left;

export class KeyOrder {
  #order: Uint32Array = new Uint32Array(0);
  #rank: Uint32Array = new Uint32Array(0);

  get memoryBytes(): number {
    return this.#order.byteLength + this.#rank.byteLength;
  }

  /**
   * Sorts what came since the last time if it is much by now. Called after every append, it spreads the work of the sort that a flush
   * needs anyway, so that no single step takes long.
   */
  keepUp(keys: KeyReader): void {
    const known = this.#order.length;
    if (keys.rowCount - known >= Math.max(SORT_ROWS, known / 4)) this.order(keys);
  }

  /** All rows of `keys`. */
  order(keys: KeyReader): Uint32Array {
    const known = this.#order.length;
    if (known < keys.rowCount) {
      const added = new Uint32Array(keys.rowCount - known);
      for (let at = 0; at < added.length; at += 1) added[at] = known + at;
      this.#order = mergeByKey(keys, this.#order, sortByKey(keys, added));
    }
    return this.#order;
  }

  /** One entry a row of `keys`. */
  rank(keys: KeyReader): Uint32Array {
    if (this.#rank.length < keys.rowCount) this.#rank = rankOf(keys, this.order(keys), laterRowFirst);
    return this.#rank;
  }
}

/** Negative when `left` is the newer of two rows of one key. */
export type CompareAge = (left: number, right: number) => number;

/** The place of every row when rows are ordered by key, the newest of a key first; `order` is by key. */
export function rankOf(keys: KeyReader, order: Uint32Array, compareAge: CompareAge): Uint32Array {
  const rank = new Uint32Array(order.length);
  const sorted = newestFirst(keys, order.slice(), compareAge);
  for (let at = 0; at < sorted.length; at += 1) rank[sorted[at]!] = at;
  return rank;
}

/** Puts the newest row of every key first; `rows` is by key. In place. */
export function newestFirst(keys: KeyReader, rows: Uint32Array, compareAge: CompareAge): Uint32Array {
  let start = 0;
  for (let end = 1; end <= rows.length; end += 1) {
    if (end < rows.length && keys.equals(rows[start]!, keys, rows[end]!)) continue;
    if (end - start > 1) rows.subarray(start, end).sort(compareAge);
    start = end;
  }
  return rows;
}
