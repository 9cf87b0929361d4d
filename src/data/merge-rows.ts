/**
 * Which rows of several segments go into the one that takes their place, and in which order.
 *
 * Always true:
 *  - a row is left out only if no read at the safe timestamp or later sees it: some delete at or before it hides it, it has expired by
 *    then, or it was truncated;
 *  - the rest is in the order of keys; rows of one key in the order of their inserts, and within that in the order of the segments;
 *  - `readableFrom` is exact: a read at that timestamp or later misses nothing, and an earlier one may.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { halvesOf } from "../segment/delete-times.ts";
import type { KeyReader } from "../segment/key-reader.ts";
import { Pace } from "../storage/pace.ts";

/** The rows of one segment, sorted by key. */
export interface SortedRows {
  readonly keys: KeyReader;
  readonly inserts: BigUint64Array;
  /** The smallest delete that hides each row, all ones where none does; null: no row is hidden. */
  readonly deletes: BigUint64Array | null;
  /** When each row expires by a field of its own; null: none does. */
  readonly expires: BigUint64Array | null;
}

export interface Horizon {
  readonly safeTimestamp: Timestamp;
  /** Rows inserted then or before have expired at the safe timestamp. */
  readonly expiredUntil: Timestamp;
  /** The safe timestamp as rows tell their own time. */
  readonly expiredMicroseconds: bigint;
  /** Rows inserted then or before are gone for every read. */
  readonly truncatedUntil: Timestamp;
}

export interface MergedRows {
  /** By output row: which segment, and which row there. The rows of one segment ascend. */
  readonly segments: Uint16Array;
  readonly rows: Uint32Array;
  readonly readableFrom: Timestamp;
}

/** Rows compared between two looks at the clock. */
const STEP = 2_048;

export async function mergeRows(
  parents: readonly SortedRows[],
  horizon: Horizon,
  runtime: Runtime,
): Promise<MergedRows> {
  const pace = new Pace(runtime);
  let readableFrom = 0n;
  const kept: Uint32Array[] = [];
  for (const parent of parents) {
    const survivors = await survivingRows(parent, horizon, pace);
    kept.push(survivors.rows);
    if (survivors.readableFrom > readableFrom) readableFrom = survivors.readableFrom;
  }
  const rowCount = kept.reduce((sum, rows) => sum + rows.length, 0);
  const segments = new Uint16Array(rowCount);
  const rows = new Uint32Array(rowCount);
  const heap = new Heads(parents, kept);
  for (let at = 0; at < rowCount; at += 1) {
    const segment = heap.first();
    segments[at] = segment;
    rows[at] = heap.take();
    if (at % STEP === STEP - 1) await pace.pause();
  }
  return { segments, rows, readableFrom };
}

async function survivingRows(
  { keys, inserts, deletes, expires }: SortedRows,
  { safeTimestamp, expiredUntil, expiredMicroseconds, truncatedUntil }: Horizon,
  pace: Pace,
): Promise<{ readonly rows: Uint32Array; readonly readableFrom: Timestamp }> {
  assert(inserts.length === keys.rowCount, "every row has a timestamp");
  const rows = new Uint32Array(keys.rowCount);
  const insertHalves = halvesOf(inserts);
  const deleteHalves = deletes === null ? null : halvesOf(deletes);
  const safe = halvesOf(BigUint64Array.of(safeTimestamp));
  const expired = halvesOf(BigUint64Array.of(expiredUntil));
  const expiryHalves = expires === null ? null : halvesOf(expires);
  const now = halvesOf(BigUint64Array.of(expiredMicroseconds));
  const truncated = halvesOf(BigUint64Array.of(truncatedUntil));
  let count = 0;
  let latestDelete = -1;
  let hasExpired = false;
  for (let row = 0; row < keys.rowCount; row += 1) {
    if (row % STEP === STEP - 1) await pace.pause();
    if (isAtMost(insertHalves, row, truncated)) continue;
    if (isAtMost(insertHalves, row, expired) || (expiryHalves !== null && isAtMost(expiryHalves, row, now))) {
      hasExpired = true;
      continue;
    }
    if (deleteHalves !== null && isAtMost(deleteHalves, row, safe)) {
      if (latestDelete < 0 || deletes![row]! > deletes![latestDelete]!) latestDelete = row;
      continue;
    }
    rows[count] = row;
    count += 1;
  }
  const fromDeletes = latestDelete < 0 ? 0n : deletes![latestDelete]!;
  return { rows: rows.slice(0, count), readableFrom: hasExpired ? safeTimestamp : fromDeletes };
}

function isAtMost(halves: Uint32Array, row: number, limit: Uint32Array): boolean {
  const high = halves[row * 2 + 1]!;
  return high === limit[1]! ? halves[row * 2]! <= limit[0]! : high < limit[1]!;
}

/** The next row of every segment that has one, as a binary heap with the smallest on top. */
class Heads {
  readonly #parents: readonly SortedRows[];
  readonly #kept: readonly Uint32Array[];
  readonly #insertHalves: readonly Uint32Array[];
  /** Place of each segment's next row in its list. */
  readonly #next: Uint32Array;
  readonly #heap: number[] = [];

  constructor(parents: readonly SortedRows[], kept: readonly Uint32Array[]) {
    this.#parents = parents;
    this.#kept = kept;
    this.#insertHalves = parents.map(({ inserts }) => halvesOf(inserts));
    this.#next = new Uint32Array(parents.length);
    for (const [segment, rows] of kept.entries()) if (rows.length > 0) this.#heap.push(segment);
    for (let at = this.#heap.length >> 1; at >= 0; at -= 1) this.#sink(at);
  }

  first(): number {
    return this.#heap[0]!;
  }

  take(): number {
    const segment = this.#heap[0]!;
    const place = this.#next[segment]!;
    this.#next[segment] = place + 1;
    if (place + 1 === this.#kept[segment]!.length) {
      const last = this.#heap.pop()!;
      if (this.#heap.length > 0) this.#heap[0] = last;
    }
    this.#sink(0);
    return this.#kept[segment]![place]!;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    for (let at = start; ;) {
      let least = at;
      for (let child = at * 2 + 1; child <= at * 2 + 2; child += 1) {
        if (child < heap.length && this.#compare(heap[child]!, heap[least]!) < 0) least = child;
      }
      if (least === at) return;
      const moved = heap[at]!;
      heap[at] = heap[least]!;
      heap[least] = moved;
      at = least;
    }
  }

  #compare(left: number, right: number): number {
    const leftRow = this.#kept[left]![this.#next[left]!]!;
    const rightRow = this.#kept[right]![this.#next[right]!]!;
    const order = this.#parents[left]!.keys.compare(leftRow, this.#parents[right]!.keys, rightRow);
    if (order !== 0) return order;
    const leftTimes = this.#insertHalves[left]!;
    const rightTimes = this.#insertHalves[right]!;
    return (
      leftTimes[leftRow * 2 + 1]! - rightTimes[rightRow * 2 + 1]! ||
      leftTimes[leftRow * 2]! - rightTimes[rightRow * 2]! ||
      left - right
    );
  }
}
