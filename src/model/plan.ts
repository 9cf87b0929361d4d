/**
 * What is to be read, as plain data: the proxy makes it, delegators and query nodes carry it out. Ids and timestamps, no names.
 */

import type { Timestamp } from "../base/timestamp.ts";
import type { SegmentExplanation } from "./explain.ts";
import type { Column, ColumnBatch, KeyColumn } from "./columns.ts";
import type { Expiry } from "./expiry.ts";
import type { Filter } from "./filter.ts";
import type { QueryVectors } from "./queries.ts";
import type { Metric } from "./types.ts";

export interface VectorPlan {
  readonly fieldId: bigint;
  readonly queries: QueryVectors;
  readonly queryCount: number;
  readonly metric: Metric;
  /** Hits wanted a query. */
  readonly k: number;
  /** Distances: `inner <= score < outer`; similarities: `outer < score <= inner`. */
  readonly range: { readonly outer: number; readonly inner: number | null } | null;
  /** MHJACCARD: bits of one hash of a signature. */
  readonly hashBits?: 8 | 16 | 32 | 64;
  /** MHJACCARD: into so many bands; rows that share one are hits with score 1. Absent: hits have their share of equal hashes. */
  readonly bands?: number;
  /** The type of the index that is declared; rows that are not flushed yet may then be found through a graph. Absent: exactly. */
  readonly indexType?: string;
  /** What is said to the index, by Milvus's names: `ef`, `nprobe`, `level`… Absent: nothing. */
  readonly indexParams?: ReadonlyMap<string, unknown>;
  /** Whether the answer tells what was done. */
  readonly explain?: boolean;
}

export interface SearchPlan {
  readonly collectionId: bigint;
  /** Null means all. */
  readonly partitionIds: readonly bigint[] | null;
  readonly filter: Filter | null;
  readonly vector: VectorPlan;
  readonly ignoreGrowing: boolean;
  /** Which rows have expired; the delegator says so. Absent: none. */
  readonly expiry?: Expiry;
}

export interface RetrievePlan {
  readonly collectionId: bigint;
  readonly partitionIds: readonly bigint[] | null;
  readonly filter: Filter | null;
  /** Only these keys; the filter, if any, holds besides. */
  readonly keys: KeyColumn | null;
  readonly fieldIds: readonly bigint[];
  /** The first rows by key; null means all. */
  readonly limit: number | null;
  readonly ignoreGrowing: boolean;
  /** Which rows have expired; the delegator says so. Absent: none. */
  readonly expiry?: Expiry;
}

export type AggregateOperator = "count" | "sum" | "min" | "max";

export interface Aggregate {
  readonly operator: AggregateOperator;
  /** Null counts rows; otherwise nulls are left out. */
  readonly fieldId: bigint | null;
}

/** Every visible row that matches counts, a key with several versions several times. */
export interface AggregatePlan {
  readonly collectionId: bigint;
  readonly partitionIds: readonly bigint[] | null;
  readonly filter: Filter | null;
  /** None: everything is one group. */
  readonly groupFieldIds: readonly bigint[];
  readonly aggregates: readonly Aggregate[];
  readonly ignoreGrowing: boolean;
  /** Which rows have expired; the delegator says so. Absent: none. */
  readonly expiry?: Expiry;
}

/** Groups and what is known of them so far; tables of different rows can be merged. */
export interface GroupTable {
  readonly groupCount: number;
  /** One column for each of `groupFieldIds`. */
  readonly keys: readonly Column[];
  /** One for each aggregate. */
  readonly states: readonly AggregateState[];
}

export interface AggregateState {
  /** Of each group: the values that were looked at, or the rows. */
  readonly counts: BigInt64Array;
  /** Their sum (Int64 or Double) or their extreme, null where there are none; null for `count`. */
  readonly values: Column | null;
}

/** Where a hit's row is. */
export interface HitPlaces {
  readonly segmentIds: BigInt64Array;
  readonly rows: Uint32Array;
}

/** Hits of several queries: those of query q are `offsets[q] .. offsets[q + 1]`, best first, ties by key, each key once. */
export interface Hits extends HitPlaces {
  readonly offsets: Uint32Array;
  readonly keys: KeyColumn;
  readonly scores: Float32Array;
  /** Of a search of elements: which of the row's array each hit is; then the key and this come once together, ties by both. */
  readonly elements?: Uint32Array;
  /** Of each segment that was searched, where the plan asks for it. */
  readonly explanations?: readonly SegmentExplanation[];
}

/** Of several searches of one snapshot. */
export interface SearchAnswer {
  /** The snapshot that was read. */
  readonly timestamp: Timestamp;
  /** Keeps the snapshot's segments for `fetch` until released or expired. Null: nobody asked for it. */
  readonly leaseId: bigint | null;
  /** In the order of the plans. */
  readonly hits: readonly Hits[];
}

export interface RetrieveAnswer {
  readonly timestamp: Timestamp;
  /** The wanted fields, the key and `TIMESTAMP_FIELD`, by ascending key, each key once (its newest version). */
  readonly batch: ColumnBatch;
}
