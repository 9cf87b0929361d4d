/** Explanations of searches: what the shards say of their segments, put together for people. */

import { invalidParameter } from "../base/errors.ts";
import type { IndexInfo } from "../model/catalog.ts";
import type { SegmentExplanation } from "../model/explain.ts";
import type { Hits, VectorPlan } from "../model/plan.ts";

export interface SearchExplanation {
  readonly indexName: string;
  readonly indexType: string;
  readonly metricType: string;
  readonly queryCount: number;
  /** Hits wanted a query, those that an offset skips included. */
  readonly k: number;
  readonly filter: string;
  readonly segments: readonly SegmentExplanation[];
  readonly visitedRows: number;
  readonly codeDistances: number;
  readonly exactScores: number;
  /** Of the segments', each counting by the rows that might be returned. */
  readonly estimatedRecall: number;
}

/** Whether the search wants to be explained: `explain` beside the parameters of the index, or in their place. */
export function wantsExplanation(search: ReadonlyMap<string, unknown>): boolean {
  const given = search.get("explain");
  if (given === undefined || given === false || given === "false" || given === "False" || given === "") return false;
  if (given === true || given === "true" || given === "True") return true;
  throw invalidParameter(`Type conflict in json: param 'explain' (${JSON.stringify(given)}) should be a boolean`);
}

/** Null when the plan asks for none. */
export function explanationOf(
  vector: VectorPlan,
  index: IndexInfo | undefined,
  filter: string,
  shards: readonly { readonly hits: readonly Hits[] }[],
): SearchExplanation | null {
  if (vector.explain !== true) return null;
  const segments = shards.flatMap(({ hits }) => hits[0]?.explanations ?? []);
  const sum = (value: (segment: SegmentExplanation) => number): number =>
    segments.reduce((total, segment) => total + value(segment), 0);
  const allowed = sum(({ allowedRows }) => allowedRows);
  return {
    indexName: index?.indexName ?? "",
    indexType: index?.indexType ?? "",
    metricType: vector.metric,
    queryCount: vector.queryCount,
    k: vector.k,
    filter,
    segments,
    visitedRows: sum(({ visitedRows }) => visitedRows),
    codeDistances: sum(({ codeDistances }) => codeDistances),
    exactScores: sum(({ exactScores }) => exactScores),
    estimatedRecall:
      allowed === 0 ? 1 : sum(({ allowedRows, estimatedRecall }) => allowedRows * estimatedRecall) / allowed,
  };
}
