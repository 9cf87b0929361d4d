/**
 * Search: parameters to a plan, one question to every shard, the answers merged, the wanted fields fetched for the winners, from the
 * snapshots that were searched.
 */

import { invalidParameter, milvusError, unexpectedParameter } from "../base/errors.ts";
import { defaultMetric } from "../index/metrics.ts";
import { searchParams } from "../index/parameters.ts";
import type { IndexInfo } from "../model/catalog.ts";
import { type ColumnBatch, type KeyColumn, columnRows, takeBatch } from "../model/columns.ts";
import type { Hits, SearchPlan, VectorPlan } from "../model/plan.ts";
import { type CollectionInfo, type FieldSchema, primaryKeyField, vectorFields } from "../model/schema.ts";
import { DataType, Metric, dataTypeName, isDistance, isVectorType } from "../model/types.ts";
import { gatherHits } from "../rank/gather-hits.ts";
import { reduceHits } from "../rank/reduce.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import type { ProxyContext } from "./context.ts";
import { explanationOf, wantsExplanation } from "./explain.ts";
import { parsePlanFilter } from "./filters.ts";
import { checkIteratedCollection, nextBound, pageLength, pagePlan, searchPage } from "./iterate.ts";
import { groupedSearch } from "./grouped-search.ts";
import { groupFields } from "./group-values.ts";
import { checkGroupedSearch, groupingFields, planGrouping } from "./grouping.ts";
import { type OrderKey, planOrder, rowOrder } from "./ordering.ts";
import { type OutputPlan, outputFields, planOutput } from "./output.ts";
import { booleanParam, integerParam, jsonParams, numberParam } from "./params.ts";
import { checkIsolation, partitionsOfFilter } from "./partition-pruning.ts";
import { partitionsForRead } from "./partitions.ts";
import { readTime } from "./read-time.ts";
import type { SearchRequest, SearchResponse, SubSearch } from "./requests.ts";
import { queryVectors } from "./query-vectors.ts";
import { checkSearchKeys, queriesOfKeys } from "./search-by-keys.ts";
import { timeView } from "./shown-times.ts";
import { fetchFields, releaseShards, searchShards, sessionTimestamp } from "./searched-shards.ts";

export const MAX_WINDOW = 16_384;

export interface Window {
  readonly limit: number;
  readonly offset: number;
}

export async function search(
  context: ProxyContext,
  asked: SearchRequest,
  signal: AbortSignal,
): Promise<SearchResponse> {
  const described = await context.describeAll(asked);
  const { collection } = described;
  const request = asked.keys === undefined ? asked : await withVectors(context, described, asked, asked.keys, signal);
  const { schema } = collection;
  const page = searchPage(request.params, request.queries.queryCount, context.runtime);
  checkIteratedCollection(
    collection,
    request.params,
    (given) =>
      `collection id:${given} in the request is not consistent to that in the search context,alias or database may have been changed: ${collection.collectionId}`,
  );
  const window = searchWindow(request);
  const plain = vectorPlan(described, request, window);
  const vector = page === null ? plain : pagePlan(plain, page);
  const grouping = planGrouping(schema, request.params);
  if (grouping !== null)
    checkGroupedSearch(booleanParam(request.params, "iterator"), vector.range !== null, request.queries.type);
  const order = planOrder(schema, request.params, "search");
  if (order.length > 0 && booleanParam(request.params, "iterator")) {
    throw invalidParameter("order_by is not supported when using search iterator");
  }
  if (order.length > 0 && grouping !== null)
    throw invalidParameter("order_by is not supported yet with group_by_field");
  const output = planOutput(schema, request.outputFields, false);
  const times = timeView(collection, request.params);
  const filter = parsePlanFilter("query", request.expression, collection, request.templates, request.params);
  checkIsolation(collection, filter);
  const plan: SearchPlan = {
    collectionId: collection.collectionId,
    partitionIds: partitionsOfFilter(collection, request.partitionNames, filter),
    filter,
    vector,
    ignoreGrowing: booleanParam(request.params, "ignore_growing"),
  };
  requireLoaded(described, "search", plan.partitionIds);
  requireLoadedFields(described, { ...output, fields: [...output.fields, ...groupingFields(grouping)] });
  const now = await context.timestamp();
  const time = readTime(collection, request, now);
  const fieldIds = output.fields.map((field) => field.fieldId);
  const decimals = checkDecimals(request.params);
  const answer = {
    collectionName: schema.name,
    limit: window.limit,
    outputFields: output.names,
    iterator: null,
    explanation: null,
  };
  if (grouping !== null) {
    const found = await groupedSearch(context, collection, plan, grouping, window, fieldIds, time, signal);
    return {
      ...answer,
      counts: hitCounts(found.hits),
      keys: found.hits.keys,
      scores: rounded(found.hits.scores, decimals),
      fields: outputFields(output, found.batch, times),
      primaryFieldName: primaryKeyField(schema).name,
      sessionTimestamp: found.sessionTimestamp,
      groupBy: { fields: groupFields(grouping.parts, found.values, times), isSingular: grouping.isSingular },
    };
  }
  const shards = await searchShards(context, collection, [plan], time, signal);
  try {
    const reduce = (from: readonly Hits[], part: Window): Promise<Hits> =>
      reduceHits(from, vector.metric, part, context.runtime, signal);
    const found = await reduce(
      shards.map((shard) => shard.hits[0]!),
      page === null ? window : { offset: 0, limit: vector.k },
    );
    const nearest = page === null ? found : await reduce([found], { offset: 0, limit: pageLength(found, page) });
    const wanted = [...new Set([...fieldIds, ...order.map(({ field }) => field.fieldId)])];
    const fetched = await fetchFields(context, schema, shards, wanted, nearest);
    const { hits, batch } = order.length === 0 ? { hits: nearest, batch: fetched } : ordered(nearest, fetched, order);
    return {
      ...answer,
      counts: hitCounts(hits),
      limit: page === null ? window.limit : page.batchSize,
      keys: hits.keys,
      scores: rounded(hits.scores, decimals),
      fields: outputFields(output, batch, times),
      primaryFieldName: primaryKeyField(schema).name,
      sessionTimestamp: sessionTimestamp(shards),
      groupBy: null,
      explanation: explanationOf(vector, indexOf(described, vector), request.expression, shards),
      iterator: page === null ? null : { token: page.token, lastBound: nextBound(hits, vector, page) },
    };
  } finally {
    releaseShards(context, shards);
  }
}

/** The request with the vectors of the rows that its keys name. */
async function withVectors(
  context: ProxyContext,
  described: DescribedCollection,
  request: SearchRequest,
  keys: KeyColumn,
  signal: AbortSignal,
): Promise<SearchRequest> {
  const { collection } = described;
  checkQueryCount(columnRows(keys));
  checkSearchKeys(collection, keys);
  const field = searchedField(collection, request.params.get("anns_field") ?? "");
  const partitionIds = partitionsForRead(collection, request.partitionNames);
  requireLoaded(described, "search", partitionIds);
  const scope = { partitionIds, ignoreGrowing: booleanParam(request.params, "ignore_growing") };
  const time = readTime(collection, request, await context.timestamp());
  const queries = await queriesOfKeys(context, collection, keys, field, scope, time, signal);
  return { ...request, queries };
}

export function requireLoaded(
  described: DescribedCollection,
  action: string,
  partitionIds: readonly bigint[] | null,
): void {
  const { load, collection } = described;
  if (load === null) {
    throw milvusError("CollectionNotLoaded", `failed to ${action}`, { collection: collection.schema.name });
  }
  const loaded = load.partitionIds;
  const missing = partitionIds?.find((partitionId) => loaded !== null && !loaded.includes(partitionId));
  if (missing !== undefined) throw milvusError("PartitionNotLoaded", `failed to ${action}`, { partition: missing });
}

export function requireLoadedFields({ load }: DescribedCollection, output: OutputPlan): void {
  if (load === null || load.fieldIds.length === 0) return;
  const absent = output.fields.find((field) => !load.fieldIds.includes(field.fieldId));
  if (absent === undefined) return;
  const key = absent.isDynamic ? output.dynamicKeys?.[0] : undefined;
  if (key !== undefined) throw invalidParameter(`field ${key} cannot be returned since dynamic field not loaded`);
  throw invalidParameter(`field ${absent.name} is not loaded`);
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
  const index = described.indexes.find((candidate) => candidate.fieldId === field.fieldId);
  const search = jsonParams(params);
  const indexParams = searchParams(ruledAs(field, index), search, window.limit + window.offset);
  const metric = searchMetric(field, index, params.get("metric_type") || String(search.get("metric_type") ?? ""));
  return {
    fieldId: field.fieldId,
    queries: queryVectors(field, queries, numberParam(search, "drop_ratio_search") ?? 0),
    queryCount: queries.queryCount,
    metric,
    ...(metric === Metric.MHJACCARD ? { hashBits: hashBits(index) } : {}),
    k: window.limit + window.offset,
    range: ring(search, metric),
    ...(index === undefined ? {} : { indexType: index.indexType }),
    ...(indexParams.size === 0 ? {} : { indexParams }),
    ...(wantsExplanation(search) ? { explain: true } : {}),
  };
}

function indexOf({ indexes }: DescribedCollection, { fieldId }: VectorPlan): IndexInfo | undefined {
  return indexes.find((index) => index.fieldId === fieldId);
}

function searchedField(collection: CollectionInfo, name: string): FieldSchema {
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

function searchMetric(field: FieldSchema, index: IndexInfo | undefined, wanted: string): Metric {
  if (index === undefined) throw invalidParameter("metric type not set for vector index");
  const built = index.metricType === "" ? defaultMetric(field.dataType) : (index.metricType.toUpperCase() as Metric);
  const asked = wanted.toUpperCase();
  if (asked !== "" && asked !== built) throw unexpectedParameter(built, wanted, "metric type not match");
  return built;
}

/** The index type whose search parameters count: sparse vectors are searched alike, whatever the index is called. */
function ruledAs(field: FieldSchema, index: IndexInfo | undefined): string {
  return field.dataType === DataType.SparseFloatVector ? "SPARSE_INVERTED_INDEX" : (index?.indexType ?? "");
}

/** MinHash signatures: the width of a hash that the index was made for. */
function hashBits(index: IndexInfo | undefined): VectorPlan["hashBits"] {
  const given = Number(index?.userParams.find(({ key }) => key === "mh_element_bit_width")?.value ?? 8);
  return given as VectorPlan["hashBits"];
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

/** The hits of each query in another order; those that it calls alike stay nearest first. */
function ordered(
  hits: Hits,
  batch: ColumnBatch,
  order: readonly OrderKey[],
): { readonly hits: Hits; readonly batch: ColumnBatch } {
  const compare = rowOrder(order, batch);
  const rows = new Uint32Array(hits.rows.length);
  for (let query = 0; query + 1 < hits.offsets.length; query += 1) {
    const [start, end] = [hits.offsets[query]!, hits.offsets[query + 1]!];
    rows.set(Array.from({ length: end - start }, (_, at) => start + at).toSorted(compare), start);
  }
  return { hits: gatherHits([hits], hits.offsets, new Uint32Array(rows.length), rows), batch: takeBatch(batch, rows) };
}

/** Of each query. */
export function hitCounts({ offsets }: Hits): Uint32Array {
  return Uint32Array.from({ length: offsets.length - 1 }, (_, query) => offsets[query + 1]! - offsets[query]!);
}

export function rounded(scores: Float32Array, decimals: number): Float32Array {
  if (decimals < 0) return scores;
  const unit = 10 ** decimals;
  return scores.map((score) => Math.floor(score * unit + 0.5) / unit);
}
