/**
 * Hybrid search: several searches of one snapshot a shard, each reduced alone, then fused into one list.
 *
 * Always true: a sub-search finds what the same search alone would find at that snapshot; it asks for its own `topk` hits, or for as many
 * as the whole search shows when it says nothing.
 */

import { pauseOf } from "../segment/execute.ts";
import { inTurns } from "../base/turns.ts";
import { invalidParameter, unexpectedParameter } from "../base/errors.ts";
import type { Hits, SearchPlan } from "../model/plan.ts";
import { primaryKeyField } from "../model/schema.ts";
import { collapseElements } from "../rank/collapse.ts";
import { reduceHits } from "../rank/reduce.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import { checkElements } from "./array-search.ts";
import type { ProxyContext } from "./context.ts";
import { checkHybridArraySearch, planCollapses } from "./element-scope.ts";
import { type SearchExplanation, explanationOf, jointExplanation, wantsExplanation } from "./explain.ts";
import { parsePlanFilter } from "./filters.ts";
import { timeView } from "./shown-times.ts";
import { groupScorer, groupedHybrid } from "./grouped-hybrid.ts";
import { groupFields } from "./group-values.ts";
import { checkGroupedSearch, groupingFields, planGrouping } from "./grouping.ts";
import { requireLoaded, requireLoadedFields } from "./loaded.ts";
import { outputFieldsInTurns, planOutput } from "./output.ts";
import { booleanParam, integerParam } from "./params.ts";
import { checkIsolation, partitionsOfFilter } from "./partition-pruning.ts";
import { partitionsForRead } from "./partitions.ts";
import { readTime } from "./read-time.ts";
import { planFusion, rerankFields } from "./rerank.ts";
import { fused, weighed } from "./reranked.ts";
import type { HybridSearchRequest, SearchResponse, SubSearch } from "./requests.ts";
import { hitCounts, refuseBoost, rounded } from "./search.ts";
import { fetchFields, releaseShards, searchShards, sessionTimestamp } from "./searched-shards.ts";
import {
  MAX_WINDOW,
  type Window,
  checkDecimals,
  checkQueryCount,
  indexOf,
  searchWindow,
  vectorPlan,
} from "./vector-plan.ts";

export const MAX_SEARCHES = 1024;
const NO_PARAMS: ReadonlyMap<string, string> = new Map();

export async function hybridSearch(
  context: ProxyContext,
  request: HybridSearchRequest,
  signal: AbortSignal,
): Promise<SearchResponse> {
  const { runtime } = context;
  const described = await context.describeAll(request);
  const { collection } = described;
  const { schema } = collection;
  const { searches, rankParams } = request;
  for (const { queries } of searches) context.quotas.take(described, "searchVectors", queries.queryCount);
  if (searches.length === 0) throw invalidParameter("a hybrid search takes at least one ann search request");
  if (searches.length > MAX_SEARCHES) throw invalidParameter(`maximum of ann search requests is ${MAX_SEARCHES}`);
  checkQueryCounts(searches);
  refuseUnsupported(request);
  const rerank = planFusion(collection, rankParams, request.rerank, searches);
  const window = rankWindow(rankParams);
  const decimals = checkDecimals(rankParams);
  const output = planOutput(schema, request.outputFields, false, described.load?.fieldIds);
  const times = timeView(collection, rankParams);
  const { partitionNames } = request;
  const ignoreGrowing = booleanParam(rankParams, "ignore_growing");
  const explains = wantsExplanation(rankParams);
  const plans = searches.map((search): SearchPlan => {
    const filter = parsePlanFilter(
      "query",
      search.expression,
      { ...collection, indexes: described.indexes, load: described.load },
      search.templates,
      search.params,
    );
    checkIsolation(collection, filter);
    const vector = subPlan(described, search, window);
    checkElements(schema, vector, filter, NO_PARAMS);
    return {
      collectionId: collection.collectionId,
      partitionIds: partitionsOfFilter(collection, partitionNames, filter),
      filter,
      vector: { ...vector, ...(explains ? { explain: true } : {}) },
      ignoreGrowing: ignoreGrowing || booleanParam(search.params, "ignore_growing"),
    };
  });
  requireLoaded(described, "search", partitionsForRead(collection, partitionNames));
  const grouping = planGrouping(schema, rankParams);
  const vectors = plans.map(({ vector }) => vector);
  const collapses = planCollapses(schema, vectors, searches, grouping);
  requireLoadedFields(described, {
    ...output,
    fields: [...output.fields, ...groupingFields(grouping), ...rerankFields(rerank)],
  });
  const time = readTime(collection, { ...request, params: rankParams }, await context.timestamp());
  const fieldIds = output.fields.map((field) => field.fieldId);
  const explained = (asked: readonly (readonly (readonly Hits[])[])[]): SearchExplanation | null =>
    jointExplanation(
      plans.map(({ vector }, at) =>
        explanationOf(vector, indexOf(described, vector), searches[at]!.expression, asked[at]!),
      ),
      window.offset + window.limit,
    );
  const answer = {
    collectionName: schema.name,
    limit: window.limit,
    outputFields: output.names,
    primaryFieldName: primaryKeyField(schema).name,
    buckets: null,
    iterator: null,
  };
  if (grouping !== null) {
    refuseBoost(rerank);
    for (const [at, { vector }] of plans.entries()) {
      checkGroupedSearch(false, vector.range !== null, searches[at]!.queries.type);
    }
    const scorer = groupScorer(rankParams);
    const asked = { collection, plans, rerank, grouping, scorer, window, fieldIds };
    const found = await groupedHybrid(context, asked, time, signal);
    return {
      ...answer,
      counts: hitCounts(found.hits),
      keys: found.hits.keys,
      scores: rounded(found.hits.scores, decimals),
      ...(found.hits.elements === undefined ? {} : { elements: found.hits.elements }),
      fields: await inTurns(outputFieldsInTurns(output, found.batch, times), pauseOf(context)),
      sessionTimestamp: found.sessionTimestamp,
      explanation: explained(found.asked),
      groupBy: { fields: groupFields(grouping.parts, found.values, times), isSingular: grouping.isSingular },
    };
  }
  const shards = await searchShards(context, collection, plans, time, signal);
  try {
    const lists = await Promise.all(
      plans.map(async ({ vector }, at) => {
        const parts = shards.map((shard) => shard.hits[at]!);
        const found = await reduceHits(parts, vector.metric, { offset: 0, limit: vector.k }, runtime, signal);
        const hits = await weighed(context, schema, shards, rerank, found, vector.metric, signal);
        const collapse = collapses[at]!;
        return collapse === null ? hits : collapseElements(hits, vector.metric, collapse);
      }),
    );
    const metrics = plans.map(({ vector }) => vector.metric);
    const hits = await fused(context, schema, shards, rerank, lists, metrics, window, signal);
    const batch = await fetchFields(context, schema, shards, fieldIds, hits);
    return {
      ...answer,
      counts: hitCounts(hits),
      keys: hits.keys,
      scores: rounded(hits.scores, decimals),
      ...(hits.elements === undefined ? {} : { elements: hits.elements }),
      fields: await inTurns(outputFieldsInTurns(output, batch, times), pauseOf(context)),
      sessionTimestamp: sessionTimestamp(shards),
      groupBy: null,
      explanation: explained(plans.map((_, at) => [shards.map((shard) => shard.hits[at]!)])),
    };
  } finally {
    releaseShards(context, shards);
  }
}

function checkQueryCounts(searches: readonly SubSearch[]): void {
  const wanted = searches[0]!.queries.queryCount;
  for (const { queries } of searches) {
    if (queries.queryCount !== wanted) {
      throw unexpectedParameter(wanted, queries.queryCount, "sub search request nq should be the same");
    }
  }
  checkQueryCount(wanted);
}

function refuseUnsupported({ rankParams, searches }: HybridSearchRequest): void {
  for (const params of [rankParams, ...searches.map((search) => search.params)]) {
    if ((params.get("order_by_fields") ?? "") !== "") {
      throw invalidParameter("order_by is not supported for hybrid search");
    }
  }
}

function rankWindow(rankParams: ReadonlyMap<string, string>): Window {
  if ((rankParams.get("limit") ?? "") === "") throw invalidParameter("limit not found in rank_params");
  const limit = integerParam(rankParams, "limit", 0);
  const offset = integerParam(rankParams, "offset", 0);
  const window = "invalid max query result window";
  if (offset < 0) throw invalidParameter(`${window}, offset [${offset}] is invalid, should be gte than 0`);
  if (limit < 1) throw invalidParameter(`${window}, limit [${limit}] is invalid, should be greater than 0`);
  if (offset + limit > MAX_WINDOW) {
    throw invalidParameter(
      `${window}, (offset+limit) should be in range [1, ${MAX_WINDOW}], but got ${offset + limit}`,
    );
  }
  return { limit, offset };
}

/** The offset of a sub-search means nothing, nor do its groups: pages are cut from the fused list, and groups made of it. */
function subPlan(described: DescribedCollection, search: SubSearch, window: Window): SearchPlan["vector"] {
  const params = new Map(search.params);
  for (const name of ["offset", "group_by_field", "group_by_fields"]) params.delete(name);
  if ((params.get("topk") ?? "") === "") params.set("topk", String(window.limit + window.offset));
  const sub = { ...search, params };
  checkHybridArraySearch(described.collection, sub);
  return vectorPlan(described, sub, searchWindow(sub));
}
