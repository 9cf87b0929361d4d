/** Search aggregation as a program asks for it and reads it: buckets of the nearest rows, in buckets. */

import { invalidParameter } from "../base/errors.ts";
import type { AggregationSpec, Bucket as StoredBucket, HitValue } from "../model/buckets.ts";
import type { SearchOneOptions } from "./read-options.ts";
import type { RankOptions } from "./rerank.ts";
import { type FieldValue, type Key, int64, parseJson } from "./values.ts";

export interface Aggregation {
  /** What a bucket has in common. */
  readonly fields: readonly string[];
  /** Buckets. */
  readonly size: number;
  /** Buckets looked for, of which the first `size` in the order are told; as many if not given. */
  readonly searchSize?: number;
  /** `{ total: { sum: "price" }, all: { count: "*" }, best: { max: "_score" } }` */
  readonly metrics?: Readonly<Record<string, Metric>>;
  /** By metrics, `_count` or `_key`: `[{ total: "desc" }]`. */
  readonly order?: readonly Order[];
  /** The best rows of each bucket, or the first in another order, of fields or `_score`. */
  readonly topHits?: { readonly size: number; readonly sort?: readonly Order[] };
  /** Buckets in each bucket. */
  readonly sub?: Aggregation;
}

type Operator = "count" | "sum" | "avg" | "min" | "max";
type Metric = { readonly [operator in Operator]?: string };
type Order = Readonly<Record<string, "asc" | "desc">>;

export type SearchAggregationOptions = Omit<
  SearchOneOptions,
  "limit" | "offset" | "groupBy" | "groupType" | "groupSize" | "orderBy" | "explain" | "rerank" | keyof RankOptions
> & { readonly aggregation: Aggregation };

export interface Bucket {
  readonly key: Readonly<Record<string, FieldValue>>;
  /** Rows found that are in it. */
  readonly count: number;
  /** Those of no value are not there. */
  readonly metrics: Readonly<Record<string, FieldValue>>;
  readonly hits: readonly BucketHit[];
  readonly buckets: readonly Bucket[];
}

export interface BucketHit {
  readonly id: Key;
  readonly score: number;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

export function aggregationSpec(asked: Aggregation): AggregationSpec {
  const { fields, size, searchSize = 0, metrics = {}, order = [], topHits, sub } = asked;
  return {
    fields,
    size,
    searchSize,
    metrics: new Map(
      Object.entries(metrics).map(([alias, metric]) => {
        const [operator, fieldName] = only(metric, "a metric");
        return [alias, { operator, fieldName }];
      }),
    ),
    order: order.map((entry) => {
      const [key, direction] = only(entry, "an order");
      return { key, direction };
    }),
    topHits:
      topHits === undefined
        ? null
        : {
            size: topHits.size,
            sort: (topHits.sort ?? []).map((entry) => {
              const [fieldName, direction] = only(entry, "an order");
              return { fieldName, direction, nullFirst: false };
            }),
          },
    sub: sub === undefined ? null : aggregationSpec(sub),
  };
}

function only(entry: object, what: string): [string, string] {
  const [first, second] = Object.entries(entry) as [string, string][];
  if (first !== undefined && second === undefined) return first;
  throw invalidParameter(`${what} names one thing, not ${JSON.stringify(entry)}`);
}

export function bucketOf({ key, count, metrics, hits, buckets }: StoredBucket): Bucket {
  return {
    key: Object.fromEntries(key.map(({ name, value }) => [name, valueOf(value)])),
    count,
    metrics: Object.fromEntries(Array.from(metrics, ([alias, value]) => [alias, valueOf(value)])),
    hits: hits.map((hit) => ({
      id: valueOf(hit.key) as Key,
      score: hit.score,
      fields: Object.fromEntries(hit.fields.map(({ name, value }) => [name, valueOf(value)])),
    })),
    buckets: buckets.map(bucketOf),
  };
}

function valueOf(value: HitValue): FieldValue {
  if (typeof value === "bigint") return int64(value);
  return value instanceof Uint8Array ? parseJson(Buffer.from(value).toString()) : value;
}
