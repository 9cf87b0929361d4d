/**
 * What a growing and a sealed segment have in common for a reader.
 *
 * Always true:
 *  - a row is visible at T iff `insertTimestamp <= T` and no delete of its key has `insertTimestamp < deleteTimestamp <= T`;
 *  - row numbers are stable for the life of the object, `rowCount` never shrinks;
 *  - between `acquire` and its `release` nothing that the reader may touch is freed.
 */

import type { HashBits } from "../kernel/kernel.ts";
import type { Bitset } from "../model/bitset.ts";
import type { Column, ColumnBatch, KeyColumn } from "../model/columns.ts";
import type { Expiry } from "../model/expiry.ts";
import type { QueryVectors } from "../model/queries.ts";
import type { SegmentExplanation } from "../model/explain.ts";
import type { CollectionSchema } from "../model/schema.ts";
import type { Metric } from "../model/types.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { FilterSource } from "./filter-rows.ts";
import type { Pause } from "../base/turns.ts";

export interface VectorSearch {
  readonly fieldId: bigint;
  readonly queries: QueryVectors;
  readonly queryCount: number;
  readonly metric: Metric;
  readonly k: number;
  readonly range: { readonly outer: number; readonly inner: number | null } | null;
  readonly hashBits?: HashBits;
  readonly bands?: number;
  /** The declared type of that index. */
  readonly indexType?: string;
  /** What is said to the index of the field, by Milvus's names; what it does not know is ignored. */
  readonly indexParams?: ReadonlyMap<string, unknown>;
  /** No filter bars rows; those that may not be found were deleted. */
  readonly isUnfiltered?: boolean;
  /** Whether the hits tell what was done. */
  readonly explain?: boolean;
}

/** Hits of one segment: `hits.offsets[q] .. hits.offsets[q + 1]` are those of query q, best first, ties by key. */
export interface SegmentHits {
  readonly offsets: Uint32Array;
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
  /** Of a search of elements: which of the row's array. */
  readonly elements?: Uint32Array;
  /** Where the search asks for it. */
  readonly explanation?: SegmentExplanation;
}

/** Rows that one read may see, frozen when it was taken. */
export interface RowView {
  readonly rowCount: number;
  /** Null means all `rowCount` rows. */
  readonly visible: Bitset | null;
}

export interface Segment extends FilterSource {
  readonly segmentId: bigint;
  readonly partitionId: bigint;
  readonly schema: CollectionSchema;
  readonly state: "growing" | "sealed";
  readonly rowCount: number;
  /** Bytes in memory, by what the segment counts itself. */
  readonly memoryBytes: number;

  /** The rows visible at `timestamp`, without those that have expired. */
  view(timestamp: Timestamp, expiry?: Expiry): RowView;
  /** A scalar column over at least `rowCount` rows, for filters. Vectors are only searched or taken. */
  column(fieldId: bigint): Column;
  keys(): KeyColumn;
  /** Every row version of these keys, visible or not: ascending row numbers, each once. */
  rowsOfKeys(keys: KeyColumn): Uint32Array;
  /** These rows (ascending) by key, the newest version of a key first; at least those of the first `limit` keys. A new array. */
  sortByKey(rows: Uint32Array, limit?: number | null, pause?: Pause): Promise<Uint32Array>;
  /**
   * Nearest rows (exactly, or as an index finds them) among those of `view` that are in `allowed` too (null: all), ties by key, each key once.
   * Of arrays of vectors the nearest elements, unless the queries are lists; `picked`: those of its elements that count.
   */
  search(
    search: VectorSearch,
    view: RowView,
    allowed: Bitset | null,
    signal?: AbortSignal,
    picked?: Bitset | null,
    pause?: Pause,
  ): Promise<SegmentHits>;
  /** Copies of the named fields of the named rows, in that order. `ROW_ID_FIELD` and `TIMESTAMP_FIELD` are answered too. */
  take(fieldIds: readonly bigint[], rows: Uint32Array, pause?: Pause): Promise<ColumnBatch>;
  /**
   * Hides versions of these keys from their delete's timestamp on; repeating a delete changes nothing. Only versions inserted before
   * the upper bound are hidden (null: before the timestamp itself). Returns how many row versions it hid.
   */
  applyDeletes(keys: KeyColumn, timestamps: BigUint64Array, upperBounds: BigUint64Array | null): number;

  /** Readers hold a segment while they work; `close` takes effect when the last one lets go. */
  acquire(): void;
  release(): void;
  close(): void;
}
