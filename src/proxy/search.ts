/**
 * Search: parameters to a plan, one question to every shard, the answers merged, the wanted fields fetched for the winners, from the
 * snapshots that were searched.
 */

import { pauseOf } from "../segment/execute.ts";
import { inTurns } from "../base/turns.ts";
import { invalidParameter } from "../base/errors.ts";
import { type ColumnBatch, type KeyColumn, columnRows, takeBatch } from "../model/columns.ts";
import type { Hits, SearchPlan } from "../model/plan.ts";
import { type CollectionSchema, primaryKeyField } from "../model/schema.ts";
import type { Metric } from "../model/types.ts";
import { gatherHits } from "../rank/gather-hits.ts";
import { emptyHits, reduceHits } from "../rank/reduce.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import { aggregatedSearch } from "./aggregated-search.ts";
import { checkElements } from "./array-search.ts";
import { planFault } from "./boost.ts";
import type { ProxyContext } from "./context.ts";
import { type SearchExplanation, explanationOf } from "./explain.ts";
import { parsePlanFilter } from "./filters.ts";
import {
  type SearchPage,
  checkIteratedCollection,
  firstPlan,
  nextBound,
  pageLength,
  pagePlan,
  searchPage,
} from "./iterate.ts";
import { groupScorer, groupedHybrid } from "./grouped-hybrid.ts";
import { groupedSearch } from "./grouped-search.ts";
import { groupFields } from "./group-values.ts";
import { type Grouping, checkGroupedSearch, groupingFields, planGrouping } from "./grouping.ts";
import type { PlainTerms } from "./known-plans.ts";
import { requireLoaded, requireLoadedFields, requireLoadedVector } from "./loaded.ts";
import { type OrderKey, planOrder, rowOrder } from "./ordering.ts";
import { outputFieldsInTurns, planOutput } from "./output.ts";
import { booleanParam } from "./params.ts";
import { checkIsolation, partitionsOfFilter } from "./partition-pruning.ts";
import { partitionsForRead } from "./partitions.ts";
import { readTime } from "./read-time.ts";
import { type Rerank, UNRANKED, planRerank, rerankFields } from "./rerank.ts";
import { fused, weighed } from "./reranked.ts";
import type { SearchRequest, SearchResponse } from "./requests.ts";
import { type AggregationPlan, checkAggregationRequest, planSearchAggregation } from "./search-aggregation.ts";
import { checkSearchKeys, queriesOfKeys } from "./search-by-keys.ts";
import { timeView } from "./shown-times.ts";
import { type SearchedShard, fetchFields, releaseShards, searchShards, sessionTimestamp } from "./searched-shards.ts";
import {
  type Window,
  checkDecimals,
  checkQueryCount,
  indexOf,
  searchWindow,
  searchedField,
  vectorPlan,
} from "./vector-plan.ts";

/** All that a search says but for its filter and when it reads. */
interface SearchTerms extends PlainTerms {
  /** Of an iterator; null: it is none, or none whose pages the server knows. */
  readonly page: SearchPage | null;
  readonly isIterator: boolean;
  readonly aggregation: AggregationPlan | null;
  readonly grouping: Grouping | null;
  readonly order: readonly OrderKey[];
  readonly rerank: Rerank;
}

const PLAIN: Omit<SearchTerms, keyof PlainTerms> = {
  page: null,
  isIterator: false,
  aggregation: null,
  grouping: null,
  order: [],
  rerank: UNRANKED,
};

export async function search(
  context: ProxyContext,
  asked: SearchRequest,
  signal: AbortSignal,
): Promise<SearchResponse> {
  const described = await context.describeAll(asked);
  context.quotas.take(described, "searchVectors", asked.queries.queryCount);
  const { collection } = described;
  const request = asked.keys === undefined ? asked : await withVectors(context, described, asked, asked.keys, signal);
  const { schema } = collection;
  const { queryCount } = request.queries;
  const known = context.plans.find(described, request);
  const terms = known === null ? searchTerms(context, described, request) : { ...PLAIN, ...known };
  if (known === null && isPlain(terms)) context.plans.keep(described, request, terms);
  const { window, page, vector, aggregation, grouping, order, rerank, output, times } = terms;
  const isReranked = rerank.boost !== null || rerank.fusion !== null;
  const filter = parsePlanFilter(
    "query",
    request.expression,
    { ...collection, indexes: described.indexes, load: described.load },
    request.templates,
    request.params,
  );
  checkIsolation(collection, filter);
  checkElements(schema, vector, filter, request.params);
  const plan: SearchPlan = {
    collectionId: collection.collectionId,
    partitionIds: partitionsOfFilter(collection, request.partitionNames, filter),
    filter,
    vector,
    ignoreGrowing: booleanParam(request.params, "ignore_growing"),
  };
  requireLoaded(described, "search", plan.partitionIds);
  const read = [
    ...groupingFields(aggregation ?? grouping),
    ...(aggregation?.fields ?? []),
    ...rerankFields(rerank),
    ...order.map(({ field }) => field),
  ];
  requireLoadedFields(described, { ...output, fields: [...output.fields, ...read] });
  const now = await context.timestamp();
  const time = readTime(collection, request, now);
  const fieldIds = output.fields.map((field) => field.fieldId);
  const decimals = checkDecimals(request.params);
  const answer = {
    collectionName: schema.name,
    limit: window.limit,
    outputFields: output.names,
    primaryFieldName: primaryKeyField(schema).name,
    buckets: null,
    groupBy: null,
    iterator: null,
    explanation: null,
  };
  const explained = (questions: readonly (readonly Hits[])[]): SearchExplanation | null =>
    explanationOf(vector, indexOf(described, vector), request.expression, questions);
  const told = (scores: Float32Array): Float32Array => rounded(scores, decimals);
  if (aggregation !== null) {
    const shown = { output, times, told };
    const { buckets, found } = await aggregatedSearch(context, collection, plan, aggregation, shown, time, signal);
    const { keys } = emptyHits(queryCount, primaryKeyField(schema).dataType);
    const counts = new Uint32Array(queryCount);
    const { sessionTimestamp: session } = found;
    return {
      ...answer,
      counts,
      keys,
      scores: new Float32Array(),
      fields: [],
      sessionTimestamp: session,
      buckets,
      explanation: explained(found.questions),
    };
  }
  if (grouping !== null) {
    const { fusion } = rerank;
    const found =
      fusion === null
        ? await groupedSearch(context, collection, plan, grouping, window, fieldIds, time, signal)
        : await groupedHybrid(
            context,
            {
              collection,
              plans: [plan],
              rerank: { ...rerank, fusion },
              grouping,
              scorer: groupScorer(request.params),
              window,
              fieldIds,
            },
            time,
            signal,
          );
    return {
      ...answer,
      counts: hitCounts(found.hits),
      keys: found.hits.keys,
      scores: told(found.hits.scores),
      ...(found.hits.elements === undefined ? {} : { elements: found.hits.elements }),
      fields: await inTurns(outputFieldsInTurns(output, found.batch, times), pauseOf(context)),
      sessionTimestamp: found.sessionTimestamp,
      explanation: explained(found.questions),
      groupBy: { fields: groupFields(grouping.parts, found.values, times), isSingular: grouping.isSingular },
    };
  }
  const wanted = [...new Set([...fieldIds, ...order.map(({ field }) => field.fieldId)])];
  const shards = await searchShards(context, collection, [plan], time, signal, {
    keep: wanted.length > 0 || isReranked,
  });
  try {
    const reduce = (from: readonly Hits[], part: Window): Promise<Hits> =>
      reduceHits(from, vector.metric, part, context.runtime, signal);
    const found = await reduce(
      shards.map((shard) => shard.hits[0]!),
      { offset: 0, limit: vector.k },
    );
    const nearest =
      page === null
        ? await reranked(context, schema, shards, rerank, found, vector.metric, window, signal)
        : await reduce([found], { offset: 0, limit: pageLength(found, page) });
    const fetched = await fetchFields(context, schema, shards, wanted, nearest);
    const { hits, batch } = order.length === 0 ? { hits: nearest, batch: fetched } : ordered(nearest, fetched, order);
    return {
      ...answer,
      counts: hitCounts(hits),
      limit: page === null ? window.limit : page.batchSize,
      keys: hits.keys,
      scores: told(hits.scores),
      ...(hits.elements === undefined ? {} : { elements: hits.elements }),
      fields: await inTurns(outputFieldsInTurns(output, batch, times), pauseOf(context)),
      sessionTimestamp: sessionTimestamp(shards),
      explanation: explained([shards.map((shard) => shard.hits[0]!)]),
      iterator: page === null ? null : { token: page.token, lastBound: nextBound(hits, vector, page) },
    };
  } finally {
    releaseShards(context, shards);
  }
}

function isPlain({ page, isIterator, aggregation, grouping, order, rerank }: SearchTerms): boolean {
  const isOfOneList = page === null && !isIterator && aggregation === null && grouping === null;
  return isOfOneList && order.length === 0 && rerank === UNRANKED;
}

function searchTerms(context: ProxyContext, described: DescribedCollection, request: SearchRequest): SearchTerms {
  const { collection } = described;
  const { schema } = collection;
  const { queryCount } = request.queries;
  if (request.aggregation !== undefined) checkAggregationRequest(request);
  const aggregation =
    request.aggregation === undefined ? null : planSearchAggregation(schema, request.aggregation, queryCount);
  const page = searchPage(request.params, queryCount, context.runtime);
  checkIteratedCollection(
    collection,
    request.params,
    (given) =>
      `collection id:${given} in the request is not consistent to that in the search context,alias or database may have been changed: ${collection.collectionId}`,
  );
  const window = searchWindow(request);
  const plain = vectorPlan(described, request, window);
  const isIterator = booleanParam(request.params, "iterator");
  const vector = page !== null ? pagePlan(plain, page) : isIterator ? firstPlan(plain) : plain;
  const grouping = planGrouping(schema, request.params);
  if (grouping !== null || aggregation !== null)
    checkGroupedSearch(isIterator, vector.range !== null, request.queries.type);
  const order = planOrder(schema, request.params, "search");
  if (order.length > 0 && isIterator) {
    throw invalidParameter("order_by is not supported when using search iterator");
  }
  if (order.length > 0 && grouping !== null)
    throw invalidParameter("order_by is not supported yet with group_by_field");
  const rerank = planRerank(collection, request.rerank, request);
  const isReranked = rerank.boost !== null || rerank.fusion !== null;
  if (isReranked && (grouping !== null || isIterator)) refuseBoost(rerank);
  if (isReranked && isIterator) {
    throw invalidParameter("function_score is not supported when using search iterator");
  }
  if (isReranked && order.length > 0) {
    throw invalidParameter(
      "order_by and function rerank cannot be used together: they specify conflicting sort criteria",
    );
  }
  const output = planOutput(schema, request.outputFields, false, described.load?.fieldIds);
  const times = timeView(collection, request.params);
  return { window, page, isIterator, vector, aggregation, grouping, order, rerank, output, times };
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
  requireLoadedVector(described, field);
  const scope = { partitionIds, ignoreGrowing: booleanParam(request.params, "ignore_growing") };
  const time = readTime(collection, request, await context.timestamp());
  const queries = await queriesOfKeys(context, collection, keys, field, scope, time, signal);
  return { ...request, queries };
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

/** The window of the hits: what is weighed is all of them, what is ranked is the window. */
async function reranked(
  context: ProxyContext,
  schema: CollectionSchema,
  shards: readonly SearchedShard[],
  rerank: Rerank,
  found: Hits,
  metric: Metric,
  window: Window,
  signal: AbortSignal,
): Promise<Hits> {
  const best = await weighed(context, schema, shards, rerank, found, metric, signal);
  const shown = window.offset === 0 ? best : await reduceHits([best], metric, window, context.runtime, signal);
  const { fusion } = rerank;
  if (fusion === null) return shown;
  const all = { offset: 0, limit: null };
  return fused(context, schema, shards, { ...rerank, fusion }, [shown], [metric], all, signal);
}

/** Segments of Milvus weigh, and cannot then group or go on. */
export function refuseBoost({ boost }: Rerank): void {
  if (boost === null) return;
  throw planFault("don't support use segment scorer with group_by or search_iterator");
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
