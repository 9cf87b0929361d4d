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
  /** Hits wanted a query, those that an offset skips included; of a search in groups the hits of its first question. */
  readonly k: number;
  readonly filter: string;
  /** How often the shards were asked: a search in groups asks until its groups are full. */
  readonly questions: number;
  /** Of all questions together. */
  readonly segments: readonly SegmentExplanation[];
  readonly visitedRows: number;
  readonly codeDistances: number;
  readonly exactScores: number;
  /** Of the segments', each counting by the rows that might be returned; null where that of one of them is not known. */
  readonly estimatedRecall: number | null;
  /** Of a hybrid search: what each of its searches did. Empty for others. */
  readonly searches: readonly SearchExplanation[];
}

/** Whether the search wants to be explained: `explain` beside the parameters of the index, or in their place. */
export function wantsExplanation(search: ReadonlyMap<string, unknown>): boolean {
  const given = search.get("explain");
  if (given === undefined || given === false || given === "false" || given === "False" || given === "") return false;
  if (given === true || given === "true" || given === "True") return true;
  throw invalidParameter(`Type conflict in json: param 'explain' (${JSON.stringify(given)}) should be a boolean`);
}

/** Null when the plan asks for none. `questions`: what the shards answered to each, of this search alone. */
export function explanationOf(
  vector: VectorPlan,
  index: IndexInfo | undefined,
  filter: string,
  questions: readonly (readonly Hits[])[],
): SearchExplanation | null {
  if (vector.explain !== true) return null;
  const answers = questions.map((lists) => lists.flatMap(({ explanations }) => explanations ?? []));
  return {
    indexName: index?.indexName ?? "",
    indexType: index?.indexType ?? "",
    metricType: vector.metric,
    queryCount: vector.queryCount,
    k: vector.k,
    filter,
    questions: questions.length,
    ...summed(together(answers)),
    searches: [],
  };
}

/** Of a hybrid search, whose searches are explained or not. */
export function jointExplanation(searches: readonly (SearchExplanation | null)[], k: number): SearchExplanation | null {
  const explained = searches.filter((search) => search !== null);
  if (explained.length === 0) return null;
  const once = (name: "indexName" | "indexType" | "metricType" | "filter"): string =>
    [...new Set(explained.map((search) => search[name]))].join(", ");
  return {
    indexName: once("indexName"),
    indexType: once("indexType"),
    metricType: once("metricType"),
    queryCount: explained[0]!.queryCount,
    k,
    filter: once("filter"),
    questions: Math.max(...explained.map(({ questions }) => questions)),
    ...summed(explained.flatMap(({ segments }) => segments)),
    searches: explained,
  };
}

/** Each segment once, with what it did for all questions. */
function together(answers: readonly (readonly SegmentExplanation[])[]): SegmentExplanation[] {
  const segments = new Map<bigint, SegmentExplanation[]>();
  for (const answer of answers) {
    for (const segment of answer) {
      const before = segments.get(segment.segmentId);
      if (before === undefined) segments.set(segment.segmentId, [segment]);
      else before.push(segment);
    }
  }
  return Array.from(segments.values(), (parts) => {
    const [first] = parts;
    if (parts.length === 1) return first!;
    const { visitedRows, codeDistances, exactScores, estimatedRecall } = summed(parts);
    const strategies = new Set(parts.map(({ strategy }) => strategy));
    return {
      ...first!,
      visitedRows,
      codeDistances,
      exactScores,
      estimatedRecall,
      strategy: strategies.size === 1 ? first!.strategy : "mixed",
      reason: `asked ${parts.length} times; first: ${first!.reason}`,
    };
  });
}

function summed(
  segments: readonly SegmentExplanation[],
): Pick<SearchExplanation, "segments" | "visitedRows" | "codeDistances" | "exactScores" | "estimatedRecall"> {
  const sum = (value: (segment: SegmentExplanation) => number): number =>
    segments.reduce((total, segment) => total + value(segment), 0);
  const allowed = sum(({ allowedRows }) => allowedRows);
  const isKnown = segments.every(({ allowedRows, estimatedRecall }) => allowedRows === 0 || estimatedRecall !== null);
  const found = sum(({ allowedRows, estimatedRecall }) => allowedRows * (estimatedRecall ?? 0));
  return {
    segments,
    visitedRows: sum(({ visitedRows }) => visitedRows),
    codeDistances: sum(({ codeDistances }) => codeDistances),
    exactScores: sum(({ exactScores }) => exactScores),
    estimatedRecall: !isKnown ? null : allowed === 0 ? 1 : found / allowed,
  };
}
