/** Hybrid searches: several searches of one snapshot, their hits fused into one list. */

import { invalidParameter } from "../base/errors.ts";
import type { HybridSearchRequest, Target } from "../proxy/requests.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { type Vector, searchQueries } from "./query-vectors.ts";
import { type FilterParams, type ReadOptions, filterSelection, freshness } from "./read-options.ts";
import { type RankOptions, type Rerank, functionScore, rankParameters } from "./rerank.ts";
import type { MetricType } from "./collection-options.ts";
import type { FieldValue } from "./values.ts";

export interface SubSearchOptions {
  /** The vector field. */
  readonly field: string;
  readonly vector: Vector;
  readonly filter?: string;
  readonly filterParams?: FilterParams;
  /** Hits that go into the fusion; `limit + offset` of the whole if not given. */
  readonly limit?: number;
  readonly metricType?: MetricType;
  readonly params?: Readonly<Record<string, FieldValue>>;
}

export interface HybridSearchOptions extends Omit<ReadOptions, "filter" | "filterParams">, RankOptions {
  readonly searches: readonly SubSearchOptions[];
  /** `{ strategy: "rrf" }` if not given. */
  readonly rerank?: Rerank;
  /** Hits: 1 to 16,384; 10 if not given. */
  readonly limit?: number;
  readonly offset?: number;
  readonly roundDecimal?: number;
  /** Whether to tell what was done: the answer is `{ hits, explanation }` then. */
  readonly explain?: boolean;
}

const DEFAULT_LIMIT = 10;

export function hybridRequest(target: Target, options: HybridSearchOptions, lastWrite: Timestamp): HybridSearchRequest {
  const { searches, rerank = { strategy: "rrf" }, limit = DEFAULT_LIMIT, offset = 0 } = options;
  if (searches.length === 0) throw invalidParameter("a hybrid search is made of at least one search");
  const rankParams = new Map([
    ["limit", String(limit)],
    ["offset", String(offset)],
  ]);
  if (rerank.strategy !== "decay") {
    rankParams.set("strategy", rerank.strategy);
    rankParams.set("params", JSON.stringify(rankParameters(rerank)));
  }
  if (options.explain === true) rankParams.set("explain", "true");
  if (options.roundDecimal !== undefined) rankParams.set("round_decimal", String(options.roundDecimal));
  return {
    ...target,
    ...freshness(options.consistencyLevel, lastWrite, options.asOf),
    partitionNames: options.partitions ?? [],
    outputFields: options.outputFields ?? [],
    searches: searches.map((search) => {
      const params = new Map([
        ["anns_field", search.field],
        ["topk", String(search.limit ?? limit + offset)],
      ]);
      if (search.metricType !== undefined) params.set("metric_type", search.metricType);
      if (search.params !== undefined) params.set("params", JSON.stringify(search.params));
      return {
        ...filterSelection(search.filter, search.filterParams),
        queries: searchQueries([search.vector]),
        params,
      };
    }),
    rankParams,
    rerank: functionScore(options, rerank),
  };
}
