/** What a search says of its vectors: field, metric, window, ring and the parameters of the index, checked. */

import { invalidParameter, milvusError, unexpectedParameter } from "../base/errors.ts";
import { bandsAlone, hashBitsOf } from "../index/bands.ts";
import { defaultMetric } from "../index/metrics.ts";
import { searchParams } from "../index/parameters.ts";
import type { IndexInfo } from "../model/catalog.ts";
import type { VectorPlan } from "../model/plan.ts";
import { isListQueries } from "../model/queries.ts";
import { type CollectionInfo, type FieldSchema, vectorFields } from "../model/schema.ts";
import { DataType, Metric, dataTypeName, isDistance, isVectorType } from "../model/types.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import { checkArraySearch } from "./array-search.ts";
import { wantsExplanation } from "./explain.ts";
import { requireLoadedVector } from "./loaded.ts";
import { booleanParam, integerParam, jsonParams, numberParam } from "./params.ts";
import { queryVectors } from "./query-vectors.ts";
import type { SubSearch } from "./requests.ts";

export const MAX_WINDOW = 16_384;
/** How a filter and a search go together is decided by what it costs; both words are Milvus's, and change no answer. */
const HINTS: ReadonlySet<unknown> = new Set(["iterative_filter", "disable", "", undefined]);

export interface Window {
  readonly limit: number;
  readonly offset: number;
}

export function searchWindow(request: SubSearch): Window {
  const { params, queries } = request;
  if (!params.has("topk")) throw milvusError("ParameterMissing", "topk is required");
  const asked = integerParam(params, "topk", 0);
  // Iterators may ask for more than a window holds: they come back for the rest.
  const limit = booleanParam(params, "iterator") ? Math.min(asked, MAX_WINDOW) : asked;
  const range = `it should be in range [1, ${MAX_WINDOW}]`;
  if (limit < 1 || limit > MAX_WINDOW) throw invalidParameter(`topk [${limit}] is invalid, ${range}, but got ${limit}`);
  const offset = integerParam(params, "offset", 0);
  if (offset < 0 || offset > MAX_WINDOW)
    throw invalidParameter(`offset [${offset}] is invalid, ${range}, but got ${offset}`);
  if (offset + limit > MAX_WINDOW) {
    throw invalidParameter(`offset+topk [${offset + limit}] is invalid, ${range}, but got ${offset + limit}`);
  }
  checkQueryCount(queries.queryCount);
  checkDecimals(params);
  return { limit, offset };
}

export function checkQueryCount(queryCount: number): void {
  if (queryCount >= 1 && queryCount <= MAX_WINDOW) return;
  throw invalidParameter(
    `nq [${queryCount}] is invalid, nq (number of search vector per search request) should be in range [1, ${MAX_WINDOW}], but got ${queryCount}`,
  );
}

/** What `round_decimal` says; -1 for nothing. */
export function checkDecimals(params: ReadonlyMap<string, string>): number {
  const decimals = integerParam(params, "round_decimal", -1);
  if (decimals >= -1 && decimals <= 6) return decimals;
  throw invalidParameter(`round_decimal [${decimals}] is invalid, should be -1 or an integer in range [0, 6]`);
}

export function vectorPlan(described: DescribedCollection, request: SubSearch, window: Window): VectorPlan {
  const { queries, params } = request;
  const field = searchedField(described.collection, params.get("anns_field") ?? "");
  requireLoadedVector(described, field);
  const index = described.indexes.find((candidate) => candidate.fieldId === field.fieldId);
  const search = jsonParams(params);
  const hints = search.get("hints");
  if (!HINTS.has(hints)) throw invalidParameter(`hints: ${String(hints)} not supported`);
  const metric = searchMetric(field, index, params.get("metric_type") || String(search.get("metric_type") ?? ""));
  const vectors = queryVectors(field, queries, numberParam(search, "drop_ratio_search") ?? 0);
  const hits = window.limit + window.offset;
  const indexParams = searchParams(ruledAs(field, index), search, hits, isListQueries(vectors));
  if (field.dataType === DataType.ArrayOfVector)
    checkArraySearch(field, metric, isListQueries(vectors), params, search);
  return {
    fieldId: field.fieldId,
    queries: vectors,
    queryCount: queries.queryCount,
    metric,
    ...(metric === Metric.MHJACCARD ? signatureTerms(field, index, indexParams) : {}),
    k: hits,
    range: ring(search, metric),
    ...(index === undefined ? {} : { indexType: index.indexType }),
    ...(indexParams.size === 0 ? {} : { indexParams }),
    ...(wantsExplanation(search) ? { explain: true } : {}),
  };
}

export function indexOf({ indexes }: DescribedCollection, { fieldId }: VectorPlan): IndexInfo | undefined {
  return indexes.find((index) => index.fieldId === fieldId);
}

export function searchedField(collection: CollectionInfo, name: string): FieldSchema {
  const vectors = vectorFields(collection.schema);
  if (name === "") {
    if (vectors.length > 1)
      throw invalidParameter("multiple anns_fields exist, please specify a anns_field in search_params");
    return vectors[0]!;
  }
  const field = collection.schema.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw invalidParameter(`failed to get field schema by name: fieldName(${name}) not found`);
  if (!isVectorType(field.dataType)) {
    throw invalidParameter(
      `field ${name} is of type ${dataTypeName(field.dataType)} and cannot be searched by vectors`,
    );
  }
  return field;
}

export function searchMetric(field: FieldSchema, index: IndexInfo | undefined, wanted: string): Metric {
  if (index === undefined) throw invalidParameter("metric type not set for vector index");
  const built = index.metricType === "" ? defaultMetric(field) : (index.metricType.toUpperCase() as Metric);
  const asked = wanted.toUpperCase();
  if (asked !== "" && asked !== built) throw unexpectedParameter(built, wanted, "metric type not match");
  return built;
}

/** The index type whose search parameters count: sparse vectors are searched alike, whatever the index is called. */
function ruledAs(field: FieldSchema, index: IndexInfo | undefined): string {
  return field.dataType === DataType.SparseFloatVector ? "SPARSE_INVERTED_INDEX" : (index?.indexType ?? "");
}

/** What MinHash signatures are cut into: hashes, and bands where hits say only that one is shared. */
function signatureTerms(
  { dimension }: FieldSchema,
  index: IndexInfo | undefined,
  search: ReadonlyMap<string, unknown>,
): Pick<VectorPlan, "hashBits" | "bands"> {
  const declared = (index?.userParams ?? []).map(({ key, value }) => [key, value] as const);
  const params = new Map<string, unknown>([...declared, ...search]);
  const bands = index?.indexType === "MINHASH_LSH" ? bandsAlone(params, dimension) : null;
  return { hashBits: hashBitsOf(params), ...(bands === null ? {} : { bands }) };
}

/** `radius` is the outer bound, `range_filter` the inner one. */
function ring(search: ReadonlyMap<string, unknown>, metric: Metric): VectorPlan["range"] {
  const outer = numberParam(search, "radius");
  const inner = numberParam(search, "range_filter");
  if (outer === null) {
    if (inner !== null) throw invalidParameter("range_filter requires radius to be set");
    return null;
  }
  if (inner !== null) {
    const isOrdered = isDistance(metric) ? inner < outer : inner > outer;
    if (!isOrdered) {
      const word = isDistance(metric) ? "less" : "greater";
      throw invalidParameter(`range_filter(${inner}) must be ${word} than radius(${outer})`);
    }
  }
  return { outer, inner };
}
