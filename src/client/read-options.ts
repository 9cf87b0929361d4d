/** What a program says about reads and deletes, and the requests that it becomes. */

import { invalidParameter } from "../base/errors.ts";
import { MAX_TIMESTAMP, type Timestamp, composeTimestamp } from "../base/timestamp.ts";
import { ConsistencyLevel, DataType } from "../model/types.ts";
import type { Freshness, QueryRequest, SearchRequest, Target } from "../proxy/requests.ts";
import type { ConsistencyLevelName, MetricType } from "./collection-options.ts";
import { type Vector, searchQueries } from "./query-vectors.ts";
import { type DecayRerank, type RankOptions, functionScore } from "./rerank.ts";
import type { FieldValue, Key } from "./values.ts";

/** Values of the variables of a filter: `filter: "age > {age}", filterParams: { age: 5 }`. */
export type FilterParams = Readonly<Record<string, FilterParam>>;
export type FilterParam = bigint | number | string | boolean | readonly FilterParam[];

/** A timestamp of the database's own clock, or a date (everything written in that millisecond included). */
export type PointInTime = bigint | Date;

export interface CallOptions {
  /**
   * Rejects the promise with the signal's reason at once. A read is given up; a write that had reached the engine may still happen.
   */
  readonly signal?: AbortSignal;
}

export interface PartitionsOption extends CallOptions {
  /** Names of partitions; the whole collection if not given. */
  readonly partitions?: readonly string[];
}

export interface ReadOptions extends CallOptions {
  /** Milvus's filter language: `'year > 1990 and tag in ["a", "b"]'`. Keys of the dynamic field are named like fields. */
  readonly filter?: string;
  readonly filterParams?: FilterParams;
  /** Fields, keys of the dynamic field, or `"*"` for all. */
  readonly outputFields?: readonly string[];
  /** Names of partitions; all if not given. */
  readonly partitions?: readonly string[];
  readonly consistencyLevel?: ConsistencyLevelName;
  /** Rows as they were then: the `timestamp` of a write, or a point in time. */
  readonly asOf?: PointInTime;
}

interface CommonSearchOptions extends ReadOptions, RankOptions {
  /** Hits a query: 1 to 16,384; 10 if not given. */
  readonly limit?: number;
  /** Hits to skip first; `offset + limit` is at most 16,384. */
  readonly offset?: number;
  /** The vector field, where there are several. */
  readonly field?: string;
  /** Must be that of the index, and is so if not given. */
  readonly metricType?: MetricType;
  /** As in Milvus: `radius` and `range_filter` for a ring, `ef`, `nprobe`… of the index. */
  readonly params?: Readonly<Record<string, FieldValue>>;
  /** Whether to tell what was done: the answer is `{ hits, explanation }` then. */
  readonly explain?: boolean;
  /** Digits behind the point that scores are rounded to: 0 to 6. */
  readonly roundDecimal?: number;
  /**
   * The nearest of each group of equal values of this field, or of these fields; `limit` counts groups then. One of them may be a place in a
   * document: `more["a"]["b"]`, or a key of the dynamic field.
   */
  readonly groupBy?: string | readonly string[];
  /** What counts at such a place; other values are in the group of null. If not given, the JSON text of any value. */
  readonly groupType?: "Bool" | "Int8" | "Int16" | "Int32" | "Int64" | "VarChar";
  /** Hits of each group: 1 to 10; 1 if not given. */
  readonly groupSize?: number;
  /** Scores that fall with the distance of a number. */
  readonly rerank?: DecayRerank;
  /** The hits in another order than by score: `"year:desc"`, `"title:asc:nulls_last"`. */
  readonly orderBy?: readonly string[];
}

export interface SearchOneOptions extends CommonSearchOptions {
  readonly vector: Vector;
  readonly vectors?: never;
}

export interface SearchManyOptions extends CommonSearchOptions {
  /** One vector a query. */
  readonly vectors: readonly Vector[];
  readonly vector?: never;
}

export type SearchOptions = SearchOneOptions | SearchManyOptions;

export interface QueryOptions extends ReadOptions {
  /** Rows with these keys; not together with `filter`. */
  readonly ids?: readonly Key[];
  /** Rows at most, in the order of their keys; needed where there is neither `filter` nor `ids`. */
  readonly limit?: number;
  readonly offset?: number;
  /** Another order than by key, with a `limit`: `"year:desc"`, `"title:asc:nulls_last"`. */
  readonly orderBy?: readonly string[];
}

/** Every row that passes, a page at a time. */
export interface IterateOptions extends Omit<ReadOptions, "asOf"> {
  /** Rows a page, at most: 1 to 16,384; 1,000 if not given. */
  readonly batchSize?: number;
}

/** Every hit up to `limit`, a page at a time. */
export interface SearchIterateOptions extends Omit<
  SearchOneOptions,
  "offset" | "asOf" | "groupBy" | "groupType" | "groupSize" | "orderBy" | "explain" | "rerank" | keyof RankOptions
> {
  readonly batchSize?: number;
}

export interface CountOptions extends CallOptions {
  readonly filter?: string;
  readonly filterParams?: FilterParams;
  readonly partitions?: readonly string[];
  readonly consistencyLevel?: ConsistencyLevelName;
  readonly asOf?: PointInTime;
}

export type DeleteOptions = CallOptions & { readonly partition?: string } & (
    | { readonly ids: readonly Key[]; readonly filter?: never; readonly filterParams?: never }
    | { readonly filter: string; readonly filterParams?: FilterParams; readonly ids?: never }
  );

const DEFAULT_LIMIT = 10;
const ID_VARIABLE = "elanus_ids";

/** `Session`, with the client's last write as its guarantee, unless another level is asked for. */
export function freshness(
  level: ConsistencyLevelName | undefined,
  lastWrite: Timestamp,
  asOf?: PointInTime,
): Freshness {
  const name = level ?? "Session";
  const consistencyLevel = ConsistencyLevel[name];
  if (consistencyLevel === undefined) throw invalidParameter(`there is no consistency level ${String(level)}`);
  const guaranteeTimestamp = name === "Session" ? lastWrite : 0n;
  const past = asOf === undefined ? {} : { asOf: timestampOf(asOf) };
  return { consistencyLevel, useDefaultConsistency: false, guaranteeTimestamp, ...past };
}

function timestampOf(point: PointInTime): Timestamp {
  if (typeof point === "bigint" && point > 0n && point <= MAX_TIMESTAMP) return point;
  const milliseconds = point instanceof Date ? point.getTime() : Number.NaN;
  if (Number.isInteger(milliseconds) && milliseconds > 0) return composeTimestamp(milliseconds + 1) - 1n;
  throw invalidParameter(`asOf is a timestamp (a bigint) or a Date after 1970, not ${String(point)}`);
}

export interface Selection {
  readonly expression: string;
  readonly templates: QueryRequest["templates"];
}

export function filterSelection(filter: string | undefined, params: FilterParams = {}): Selection {
  if (filter !== undefined && typeof filter !== "string")
    throw invalidParameter(`a filter is a text, not ${typeof filter}`);
  const templates = new Map(Object.entries(params).map(([name, value]) => [name, templateValue(value)]));
  return { expression: filter ?? "", templates };
}

/** JavaScript writes 1990 and 1990.0 alike; a whole number is an integer to the filter language, which takes it for a float where one is. */
function templateValue(value: FilterParam): FilterParam {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  return Array.isArray(value) ? value.map((element: FilterParam) => templateValue(element)) : value;
}

export function keySelection(keyName: string, keyType: DataType, ids: readonly Key[]): Selection {
  const values = ids.map((id): bigint | string => {
    if (keyType === DataType.VarChar && typeof id === "string") return id;
    if (keyType === DataType.Int64 && typeof id === "bigint") return id;
    if (keyType === DataType.Int64 && Number.isSafeInteger(id)) return BigInt(id);
    const wanted = keyType === DataType.VarChar ? "strings" : "integers (a bigint beyond 2^53 - 1)";
    throw invalidParameter(`the keys of ${keyName} are ${wanted}, not ${typeof id} ${String(id)}`);
  });
  return { expression: `${keyName} in {${ID_VARIABLE}}`, templates: new Map([[ID_VARIABLE, values]]) };
}

export function searchRequest(target: Target, options: SearchOptions, lastWrite: Timestamp): SearchRequest {
  const params = new Map<string, string>([["topk", String(options.limit ?? DEFAULT_LIMIT)]]);
  if (options.offset !== undefined) params.set("offset", String(options.offset));
  if (options.field !== undefined) params.set("anns_field", options.field);
  if (options.metricType !== undefined) params.set("metric_type", options.metricType);
  if (options.explain === true) params.set("explain", "true");
  if (options.params !== undefined) params.set("params", JSON.stringify(options.params));
  if (options.roundDecimal !== undefined) params.set("round_decimal", String(options.roundDecimal));
  if (options.groupBy !== undefined) {
    if (typeof options.groupBy === "string") params.set("group_by_field", options.groupBy);
    else params.set("group_by_fields", options.groupBy.join(","));
  }
  if (options.groupType !== undefined) params.set("json_type", options.groupType);
  if (options.groupSize !== undefined) params.set("group_size", String(options.groupSize));
  if (options.orderBy !== undefined) params.set("order_by_fields", options.orderBy.join(","));
  return {
    ...target,
    ...freshness(options.consistencyLevel, lastWrite, options.asOf),
    ...filterSelection(options.filter, options.filterParams),
    partitionNames: options.partitions ?? [],
    queries: searchQueries(options.vectors ?? [options.vector]),
    outputFields: options.outputFields ?? [],
    params,
    rerank: functionScore(options, options.rerank),
  };
}

export function queryRequest(
  target: Target,
  options: QueryOptions,
  selection: Selection,
  lastWrite: Timestamp,
): QueryRequest {
  const params = new Map<string, string>();
  if (options.limit !== undefined) params.set("limit", String(options.limit));
  if (options.offset !== undefined) params.set("offset", String(options.offset));
  if (options.orderBy !== undefined) params.set("order_by_fields", options.orderBy.join(","));
  return {
    ...target,
    ...freshness(options.consistencyLevel, lastWrite, options.asOf),
    ...selection,
    partitionNames: options.partitions ?? [],
    outputFields: options.outputFields ?? ["*"],
    params,
  };
}
