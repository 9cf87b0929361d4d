/**
 * Search aggregation as plain data: what is asked for, level in level, and the buckets that come back.
 */

import type { Scalar } from "./scalars.ts";

/** One level, as it was sent; nothing about it has been checked. */
export interface AggregationSpec {
  readonly fields: readonly string[];
  /** Buckets shown; 0: one. */
  readonly size: number;
  /** Buckets looked for, of which the first `size` in the order are shown; 0: as many as are shown. */
  readonly searchSize: number;
  readonly metrics: ReadonlyMap<string, { readonly operator: string; readonly fieldName: string }>;
  readonly order: readonly { readonly key: string; readonly direction: string }[];
  readonly topHits: {
    readonly size: number;
    readonly sort: readonly { readonly fieldName: string; readonly direction: string; readonly nullFirst: boolean }[];
  } | null;
  readonly sub: AggregationSpec | null;
}

/** Int64 is a bigint, Float and Double are numbers, JSON is its bytes, vectors and arrays are text. */
export type HitValue = Scalar | Uint8Array;

export interface BucketHit {
  readonly key: bigint | string;
  readonly score: number;
  readonly fields: readonly {
    readonly fieldId: bigint;
    readonly name: string;
    readonly isFloat: boolean;
    readonly value: HitValue;
  }[];
}

export interface Bucket {
  readonly key: readonly { readonly fieldId: bigint; readonly name: string; readonly value: Scalar }[];
  /** Of the rows that were found. */
  readonly count: number;
  /** By alias; those of no value are not there. Whole numbers are bigints. */
  readonly metrics: ReadonlyMap<string, NonNullable<Scalar>>;
  readonly hits: readonly BucketHit[];
  readonly buckets: readonly Bucket[];
}
