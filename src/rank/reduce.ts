/**
 * Many answers to one question become one: hits of segments, nodes and shards, and rows of queries.
 *
 * Always true:
 *  - hits are ordered by score in the metric's direction, then by key; of one key the best hit stays, of equally good ones that of
 *    the larger segment id, then of the larger row number;
 *  - rows are ordered by key; of one key the newest stays, of equally new ones that of the earlier list;
 *  - merging in any tree of steps gives what one merge gives, as long as every step but the last keeps offset + limit entries;
 *  - an input is sorted as an output is.
 *
 * Places travel with the hits, so that output fields are fetched for the winners only.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { inTurns } from "../base/turns.ts";
import { bytesColumn, type ColumnBatch, type FixedColumn, fixedValues, type KeyColumn } from "../model/columns.ts";
import type { Hits } from "../model/plan.ts";
import { TIMESTAMP_FIELD } from "../model/schema.ts";
import type { Metric } from "../model/types.ts";
import { DataType, isDistance } from "../model/types.ts";
import { ElementKeys } from "../segment/element-keys.ts";
import { pauseOf } from "../segment/execute.ts";
import { type KeyReader, keyReader } from "../segment/key-reader.ts";
import { gatherBatchInTurns } from "./gather.ts";
import { gatherHits } from "./gather-hits.ts";
import { KeyIndex } from "./key-index.ts";
import { MergeHeap } from "./merge-heap.ts";

/** Entries looked at between two turns of the event loop: a few milliseconds. */
const SLICE_ENTRIES = 16_384;

export interface Window {
  readonly offset: number;
  /** Null means all. */
  readonly limit: number | null;
}

export function emptyHits(queryCount: number, keyType: DataType): Hits {
  const keys: KeyColumn =
    keyType === DataType.VarChar
      ? bytesColumn(keyType, [])
      : { kind: "fixed", type: keyType, values: fixedValues(DataType.Int64, 0) as BigInt64Array, valid: null };
  return {
    offsets: new Uint32Array(queryCount + 1),
    keys,
    scores: new Float32Array(0),
    segmentIds: new BigInt64Array(0),
    rows: new Uint32Array(0),
  };
}

/** The lists answer the same queries with keys of one type; at least one. */
export async function reduceHits(
  lists: readonly Hits[],
  metric: Metric,
  window: Window,
  runtime: Runtime,
  signal?: AbortSignal,
): Promise<Hits> {
  const queryCount = sameQueryCount(lists);
  if (lists.reduce((sum, { rows }) => sum + rows.length, 0) <= SLICE_ENTRIES) return reduceFew(lists, metric, window);
  if (lists.length === 1 && isWithin(lists[0]!, window)) return lists[0]!;
  const merge = new HitMerge(lists, metric);
  const offsets = new Uint32Array(queryCount + 1);
  let looked = 0;
  for (let query = 0; query < queryCount; query += 1) {
    looked += merge.mergeQuery(query, window);
    offsets[query + 1] = merge.sources.length;
    if (looked < SLICE_ENTRIES) continue;
    looked = 0;
    await runtime.yield();
    signal?.throwIfAborted();
  }
  return gatherHits(lists, offsets, Uint32Array.from(merge.sources), Uint32Array.from(merge.entries));
}

/** The same in one go, of so few hits that nobody has to wait. */
export function reduceFew(lists: readonly Hits[], metric: Metric, window: Window): Hits {
  const queryCount = sameQueryCount(lists);
  if (lists.length === 1 && isWithin(lists[0]!, window)) return lists[0]!;
  const merge = new HitMerge(lists, metric);
  const offsets = new Uint32Array(queryCount + 1);
  for (let query = 0; query < queryCount; query += 1) {
    merge.mergeQuery(query, window);
    offsets[query + 1] = merge.sources.length;
  }
  return gatherHits(lists, offsets, Uint32Array.from(merge.sources), Uint32Array.from(merge.entries));
}

/** Whether the window takes every hit. */
function isWithin({ offsets }: Hits, { offset, limit }: Window): boolean {
  if (offset !== 0) return false;
  if (limit === null) return true;
  for (let query = 0; query + 1 < offsets.length; query += 1) {
    if (offsets[query + 1]! - offsets[query]! > limit) return false;
  }
  return true;
}

/** Batches with the same fields, the key and `TIMESTAMP_FIELD` among them, each sorted by key, no key twice in one; at least one. */
export async function reduceRows(
  lists: readonly ColumnBatch[],
  keyFieldId: bigint,
  window: Window,
  runtime: Runtime,
  signal?: AbortSignal,
): Promise<ColumnBatch> {
  // Nothing is copied where all rows are in one list: so it is with most collections, whose growing rows are few or none.
  const filled = lists.filter(({ rowCount }) => rowCount > 0);
  const batches = filled.length === 0 ? lists.slice(0, 1) : filled;
  const isWhole = window.offset === 0 && (window.limit === null || window.limit >= batches[0]!.rowCount);
  if (batches.length === 1 && isWhole) return batches[0]!;
  const keys = batches.map((batch) => keyReader(batch.columns.get(keyFieldId) as KeyColumn));
  const times = batches.map((batch) => (batch.columns.get(TIMESTAMP_FIELD) as FixedColumn).values as BigInt64Array);
  const heads = new Uint32Array(batches.length);
  const heap = new MergeHeap((left, right) => {
    const order = keys[left]!.compare(heads[left]!, keys[right]!, heads[right]!);
    if (order !== 0) return order;
    const newer = times[right]![heads[right]!]! - times[left]![heads[left]!]!;
    return newer === 0n ? left - right : newer < 0n ? -1 : 1;
  });
  for (let list = 0; list < batches.length; list += 1) if (batches[list]!.rowCount > 0) heap.add(list);

  const end = window.limit === null ? Infinity : window.offset + window.limit;
  const sources: number[] = [];
  const entries: number[] = [];
  let distinct = 0;
  let last: { readonly keys: KeyReader; readonly entry: number } | null = null;
  for (let looked = 1; heap.size > 0 && distinct < end; looked += 1) {
    const list = heap.top;
    const entry = heads[list]!;
    if (last === null || !keys[list]!.equals(entry, last.keys, last.entry)) {
      if (distinct >= window.offset) {
        sources.push(list);
        entries.push(entry);
      }
      distinct += 1;
      last = { keys: keys[list]!, entry };
    }
    heads[list] = entry + 1;
    if (heads[list] === batches[list]!.rowCount) heap.drop();
    else heap.advance();
    if (looked % SLICE_ENTRIES !== 0) continue;
    await runtime.yield();
    signal?.throwIfAborted();
  }
  const gathered = gatherBatchInTurns(batches, Uint32Array.from(sources), Uint32Array.from(entries));
  return await inTurns(gathered, pauseOf({ runtime }));
}

/** What may come once among the hits of a query. */
export function keysOfHits({ keys, elements }: Hits): KeyReader {
  const reader = keyReader(keys);
  if (elements === undefined) return reader;
  return new ElementKeys(
    reader,
    elements.length,
    (at) => at,
    (at) => elements[at]!,
  );
}

class HitMerge {
  /** Of every hit that stays, in order: its list and its place there. */
  readonly sources: number[] = [];
  readonly entries: number[] = [];
  readonly #lists: readonly Hits[];
  readonly #keys: readonly KeyReader[];
  readonly #sign: 1 | -1;
  readonly #heads: Uint32Array;

  constructor(lists: readonly Hits[], metric: Metric) {
    this.#lists = lists;
    this.#keys = lists.map(keysOfHits);
    this.#sign = isDistance(metric) ? 1 : -1;
    this.#heads = new Uint32Array(lists.length);
  }

  /** Returns how many hits it looked at. */
  mergeQuery(query: number, { offset, limit }: Window): number {
    const heap = new MergeHeap(this.#compare);
    let most = 0;
    for (let list = 0; list < this.#lists.length; list += 1) {
      const { offsets } = this.#lists[list]!;
      const count = offsets[query + 1]! - offsets[query]!;
      this.#heads[list] = offsets[query]!;
      most += count;
      if (count > 0) heap.add(list);
    }
    const end = Math.min(most, limit === null ? most : offset + limit);
    const seen = new KeyIndex(this.#keys, end);
    let looked = 0;
    while (heap.size > 0 && seen.size < end) {
      const list = heap.top;
      const entry = this.#heads[list]!;
      looked += 1;
      const known = seen.size;
      if (seen.placeOf(list, entry) === known && known >= offset) {
        this.sources.push(list);
        this.entries.push(entry);
      }
      this.#heads[list] = entry + 1;
      if (entry + 1 === this.#lists[list]!.offsets[query + 1]) heap.drop();
      else heap.advance();
    }
    return looked;
  }

  readonly #compare = (left: number, right: number): number => {
    const leftList = this.#lists[left]!;
    const rightList = this.#lists[right]!;
    const leftEntry = this.#heads[left]!;
    const rightEntry = this.#heads[right]!;
    const leftScore = leftList.scores[leftEntry]!;
    const rightScore = rightList.scores[rightEntry]!;
    // Scores may be infinite, so they are compared and not subtracted.
    if (leftScore !== rightScore) return leftScore < rightScore ? -this.#sign : this.#sign;
    const byKey = this.#keys[left]!.compare(leftEntry, this.#keys[right]!, rightEntry);
    if (byKey !== 0) return byKey;
    const bySegment = rightList.segmentIds[rightEntry]! - leftList.segmentIds[leftEntry]!;
    if (bySegment !== 0n) return bySegment < 0n ? -1 : 1;
    return rightList.rows[rightEntry]! - leftList.rows[leftEntry]! || left - right;
  };
}

export function sameQueryCount(lists: readonly Hits[]): number {
  const first = lists[0];
  assert(first !== undefined, "there is something to merge");
  for (const list of lists) {
    assert(list.offsets.length === first.offsets.length, "the lists answer the same queries");
    assert(list.keys.kind === first.keys.kind, "the lists have keys of one type");
  }
  return first.offsets.length - 1;
}
