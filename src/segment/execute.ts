/**
 * Runs a plan on one segment: which rows are visible, which of them pass the filter, which are nearest or wanted.
 *
 * Always true:
 *  - the segment is held from the first look to the last copied value;
 *  - one call sees one set of rows, whatever is appended or deleted while it waits;
 *  - filters are evaluated in slices with turns of the event loop between them, and an abort is noticed there.
 *
 * Not here: which segments answer, merging of their answers (rank).
 */

import type { Timestamp } from "../base/timestamp.ts";
import { type FilterPlan, planFilter } from "../expr/plan.ts";
import type { ColumnSource } from "../expr/scan.ts";
import { type Bitset, countBits, fullBitset, hasBit, rowsOf } from "../model/bitset.ts";
import { type ArrayColumn, type Column, type ColumnBatch, type KeyColumn, takeRows } from "../model/columns.ts";
import type { FilterExplanation } from "../model/explain.ts";
import type { Expiry } from "../model/expiry.ts";
import { type Filter, elementPart } from "../model/filter.ts";
import type { Hits } from "../model/plan.ts";
import { primaryKeyField, TIMESTAMP_FIELD } from "../model/schema.ts";
import { columnsOnce, passingPicked, passingRows, type FilterSource, type Reading } from "./filter-rows.ts";
import { keyReader } from "./key-reader.ts";
import { Pace } from "../storage/pace.ts";
import type { Pause } from "../base/turns.ts";
import type { RowView, Segment, VectorSearch } from "./segment.ts";

export interface SegmentSearch {
  readonly search: VectorSearch;
  readonly filter: FilterPlan | null;
  readonly timestamp: Timestamp;
  /** Rows that are not seen; absent: none. */
  readonly expiry?: Expiry;
}

export interface SegmentRetrieve {
  readonly filter: FilterPlan | null;
  /** Only these keys; null means all. */
  readonly keys: KeyColumn | null;
  readonly timestamp: Timestamp;
  /** Rows that are not seen; absent: none. */
  readonly expiry?: Expiry;
  /** The first keys; null means all. */
  readonly limit: number | null;
  readonly fieldIds: readonly bigint[];
}

export async function searchSegment(segment: Segment, plan: SegmentSearch, reading: Reading): Promise<Hits> {
  return await held(segment, async () => {
    const view = segment.view(plan.timestamp, plan.expiry);
    let filter: FilterExplanation | null = null;
    const explained =
      plan.search.explain === true
        ? { ...reading, explainFilter: (explanation: FilterExplanation) => void (filter = explanation) }
        : reading;
    const allowed =
      plan.filter === null ? null : await passingRows(segment, plan.filter, view.rowCount, view.visible, explained);
    const picked = plan.filter === null ? null : await pickedElements(segment, plan.filter.filter, view, reading);
    const { signal } = reading;
    const search = plan.filter === null ? { ...plan.search, isUnfiltered: true } : plan.search;
    const found = await segment.search(search, view, allowed, signal, picked, pauseOf(reading));
    const { offsets, rows, scores, elements, explanation } = found;
    const keys = takeRows(segment.keys(), rows) as KeyColumn;
    const segmentIds = new BigInt64Array(rows.length).fill(segment.segmentId);
    const explanations = explanation === undefined ? {} : { explanations: [{ ...explanation, filter }] };
    return {
      offsets,
      rows,
      scores,
      keys,
      segmentIds,
      ...(elements === undefined ? {} : { elements }),
      ...explanations,
    };
  });
}

/** The elements that a filter leaves of the arrays; null: it picks none. */
async function pickedElements(
  segment: Segment,
  filter: Filter,
  view: RowView,
  reading: Reading,
): Promise<Bitset | null> {
  const part = elementPart(filter);
  if (part === null) return null;
  const arrays = (fieldId: bigint): ArrayColumn => segment.column(fieldId) as ArrayColumn;
  const count = arrays(part.field.fieldId).offsets[view.rowCount]!;
  // Elements as the rows of a segment of their own: by the kernel where it can.
  const elements: FilterSource = {
    indexesOver: () => [],
    filters: segment.filters,
    column: (fieldId) => arrays(fieldId).elements,
    places: async () => null,
  };
  return await passingRows(elements, planFilter(part.inner), count, null, reading);
}

/** The wanted fields, the key and `TIMESTAMP_FIELD` of the rows, by ascending key, each key once (its newest matching version). */
export async function retrieveSegment(segment: Segment, plan: SegmentRetrieve, reading: Reading): Promise<ColumnBatch> {
  return await held(segment, async () => {
    const rows = await matchingRows(segment, plan, reading);
    const chosen = firstOfEachKey(segment, await segment.sortByKey(rows, plan.limit, pauseOf(reading)), plan.limit);
    const fieldIds = new Set([...plan.fieldIds, primaryKeyField(segment.schema).fieldId, TIMESTAMP_FIELD]);
    return await segment.take([...fieldIds], chosen, pauseOf(reading));
  });
}

/** Visible rows that match; a key with several versions counts several times. */
export async function countSegment(
  segment: Segment,
  plan: Pick<SegmentRetrieve, "filter" | "keys" | "timestamp" | "expiry">,
  reading: Reading,
): Promise<number> {
  return await held(segment, async () => {
    if (plan.keys !== null) return (await matchingRows(segment, plan, reading)).length;
    const view = segment.view(plan.timestamp, plan.expiry);
    const matching = await matchingBits(segment, plan.filter, view, reading);
    return matching === null ? view.rowCount : countBits(matching);
  });
}

/** Lends the visible rows that match, ascending, and the columns of scalars as they were seen. */
export async function visitSegment(
  segment: Segment,
  plan: Pick<SegmentRetrieve, "filter" | "keys" | "timestamp" | "expiry">,
  visit: (rows: Uint32Array, source: ColumnSource) => Promise<void>,
  reading: Reading,
): Promise<void> {
  await held(segment, async () => {
    const rows = await matchingRows(segment, plan, reading);
    await visit(
      rows,
      columnsOnce((fieldId) => segment.column(fieldId)),
    );
  });
}

export function pauseOf({ runtime }: Pick<Reading, "runtime">): Pause {
  // Most reads have nothing long to do.
  let pace: Pace | null = null;
  return () => (pace ??= new Pace(runtime)).pause();
}

async function held<T>(segment: Segment, work: () => Promise<T>): Promise<T> {
  segment.acquire();
  try {
    return await work();
  } finally {
    segment.release();
  }
}

/** Ascending row numbers. */
async function matchingRows(
  segment: Segment,
  plan: Pick<SegmentRetrieve, "filter" | "keys" | "timestamp" | "expiry">,
  reading: Reading,
): Promise<Uint32Array> {
  const view = segment.view(plan.timestamp, plan.expiry);
  if (plan.keys === null) {
    return rowsOf((await matchingBits(segment, plan.filter, view, reading)) ?? fullBitset(view.rowCount));
  }
  const rows = segment
    .rowsOfKeys(plan.keys)
    .filter((row) => row < view.rowCount && (view.visible === null || hasBit(view.visible, row)));
  if (plan.filter === null || rows.length === 0) return rows;
  // The filter looks at these rows alone, as if they were a segment.
  const picked = (fieldId: bigint): Column => takeRows(segment.column(fieldId), rows);
  const passing = await passingPicked(plan.filter, picked, rows.length, reading);
  return rows.filter((_, at) => hasBit(passing, at));
}

/** Null means all rows of the view. */
async function matchingBits(
  segment: Segment,
  filter: FilterPlan | null,
  view: RowView,
  reading: Reading,
): Promise<Bitset | null> {
  if (filter === null) return view.visible;
  return await passingRows(segment, filter, view.rowCount, view.visible, reading);
}

/** The newest row of every key, of the first `limit` keys; `rows` is by key, the newest first. */
function firstOfEachKey(segment: Segment, rows: Uint32Array, limit: number | null): Uint32Array {
  const keys = keyReader(segment.keys());
  const chosen = new Uint32Array(limit === null ? rows.length : Math.min(limit, rows.length));
  let count = 0;
  for (let at = 0; at < rows.length && count < chosen.length; at += 1) {
    if (at > 0 && keys.equals(rows[at - 1]!, keys, rows[at]!)) continue;
    chosen[count] = rows[at]!;
    count += 1;
  }
  return chosen.subarray(0, count);
}
