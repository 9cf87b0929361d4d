/** How a program wants hits ranked, and the function score or the parameters that it becomes. */

import type { FunctionScore, RerankFunction } from "../proxy/requests.ts";

const RERANK = 3;

/** Scores fall with the distance of a number from `origin`: to `decay` of themselves at `scale` beyond `offset`. Larger is better then. */
export interface DecayRerank {
  readonly strategy: "decay";
  /** A field of numbers. */
  readonly field: string;
  readonly function: "gauss" | "exp" | "linear";
  readonly origin: number;
  readonly scale: number;
  /** 0 if not given. */
  readonly offset?: number;
  /** Between 0 and 1; 0.5 if not given. */
  readonly decay?: number;
  /** What the scores of several searches become first; `max` if not given. */
  readonly scoreMode?: "max" | "sum" | "avg";
  readonly normScore?: boolean;
}

export type Rerank =
  /** Reciprocal ranks: 1 / (k + rank), summed; k is 60 if not given. */
  | { readonly strategy: "rrf"; readonly k?: number }
  /** Scores, one weight from 0 to 1 for each search; `normScore` brings them to one scale first. */
  | { readonly strategy: "weighted"; readonly weights: readonly number[]; readonly normScore?: boolean }
  | DecayRerank;

/** Weights for some of the rows that a search finds. */
export interface Boost {
  /** The rows; all if not given. */
  readonly filter?: string;
  readonly weight: number;
  /** The weight times a number between 0 and 1, drawn by the seed for each value of the field, or each key. */
  readonly random?: { readonly seed: number; readonly field?: string };
}

export interface RankOptions {
  readonly boosts?: readonly Boost[];
  /** What becomes of a score and its weight: `multiply` if not given. */
  readonly boostMode?: "multiply" | "sum";
  /** What becomes of several weights of one row: `multiply` if not given. */
  readonly functionMode?: "multiply" | "sum";
}

/** Null: nothing to be said as functions. */
export function functionScore(
  { boosts = [], boostMode, functionMode }: RankOptions,
  rerank: Rerank | undefined,
): FunctionScore | null {
  const functions: RerankFunction[] = boosts.map(({ filter, weight, random }) =>
    rerankFunction([], {
      reranker: "boost",
      weight: String(weight),
      ...(filter === undefined ? {} : { filter }),
      ...(random === undefined ? {} : { random_score: JSON.stringify(random) }),
    }),
  );
  if (rerank?.strategy === "decay") functions.push(decayFunction(rerank));
  else if (rerank !== undefined && functions.length > 0) {
    const params = Object.entries(rankParameters(rerank)).map(([key, value]) => [key, JSON.stringify(value)]);
    functions.push(rerankFunction([], { reranker: rerank.strategy, ...Object.fromEntries(params) }));
  }
  if (functions.length === 0) return null;
  const modes = { boost_mode: boostMode, function_mode: functionMode };
  return { functions, params: new Map(Object.entries(modes).flatMap(([key, mode]) => (mode ? [[key, mode]] : []))) };
}

/** As Milvus names them. */
export function rankParameters(rerank: Exclude<Rerank, DecayRerank>): Readonly<Record<string, unknown>> {
  if (rerank.strategy === "rrf") return rerank.k === undefined ? {} : { k: rerank.k };
  const { weights, normScore } = rerank;
  return { weights, ...(normScore === undefined ? {} : { norm_score: normScore }) };
}

function decayFunction({ field, scoreMode, normScore, ...curve }: DecayRerank): RerankFunction {
  const { strategy: reranker, ...numbers } = curve;
  const given = Object.entries(numbers).map(([key, value]) => [key, String(value)] as const);
  return rerankFunction([field], {
    reranker,
    ...Object.fromEntries(given),
    ...(scoreMode === undefined ? {} : { score_mode: scoreMode }),
    ...(normScore === undefined ? {} : { norm_score: String(normScore) }),
  });
}

function rerankFunction(inputFieldNames: readonly string[], params: Readonly<Record<string, string>>): RerankFunction {
  return { type: RERANK, inputFieldNames, outputFieldNames: [], params: new Map(Object.entries(params)) };
}
