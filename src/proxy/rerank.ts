/**
 * How the lists of a hybrid search are to become one: from `rank_params` (`strategy` and a JSON object `params`) or from a function
 * score, which is one function with its parameters as text. Nothing said: reciprocal ranks.
 */

import { type MilvusError, invalidParameter, unexpectedParameter } from "../base/errors.ts";
import type { Fusion } from "../rank/fusion.ts";
import type { RerankFunction } from "./requests.ts";

const DEFAULT_K = 60;
const K_BELOW = 16_384;
const RERANK = 3;
/** What Milvus has besides. */
const OTHERS: ReadonlySet<string> = new Set(["decay", "model", "boost", "expr"]);

export function planFusion(
  rankParams: ReadonlyMap<string, string>,
  functions: readonly RerankFunction[] | null,
  listCount: number,
): Fusion {
  if (functions === null || functions.length === 0) return checked(fromRankParams(rankParams), listCount);
  if (functions.length > 1) throw invalidParameter("Currently only supports one rerank");
  return checked(fromFunction(functions[0]!), listCount);
}

function fromRankParams(rankParams: ReadonlyMap<string, string>): Fusion {
  const strategy = (rankParams.get("strategy") ?? "").toLowerCase();
  if (strategy === "") return { kind: "rrf", k: DEFAULT_K };
  if (strategy !== "rrf" && strategy !== "weighted") throw invalidParameter(`unsupported rank type ${strategy}`);
  const text = rankParams.get("params");
  if (text === undefined) throw invalidParameter("params not found in rank_params");
  const params = parsed(text, (reason) => invalidParameter(`Parse rerank params failed, err: ${reason}`));
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw invalidParameter("Parse rerank params failed, err: it is not an object");
  }
  const { k, weights, norm_score: normScore } = params as Readonly<Record<string, unknown>>;
  if (strategy === "rrf") {
    if (k === undefined) return { kind: "rrf", k: DEFAULT_K };
    if (typeof k !== "number") throw invalidParameter("The type of rank param k should be float");
    return { kind: "rrf", k };
  }
  if (weights === undefined) throw invalidParameter("weights not found in rank_params");
  return { kind: "weighted", weights: weightList(weights), normalize: normalization(normScore ?? false) };
}

function fromFunction({ type, inputFieldNames, outputFieldNames, params }: RerankFunction): Fusion {
  if (type !== RERANK) throw invalidParameter("the function of a function score is not rerank function.");
  if (outputFieldNames.length > 0) {
    throw invalidParameter(`Rerank function should not have output field, but now is ${outputFieldNames.length}`);
  }
  const given = new Map([...params].map(([key, value]) => [key.toLowerCase(), value]));
  const name = (given.get("reranker") ?? "").toLowerCase();
  if (name === "") throw invalidParameter("reranker name not specified");
  if (OTHERS.has(name)) throw invalidParameter(`the reranker ${name} is not supported yet`);
  if (name !== "rrf" && name !== "weighted") throw invalidParameter(`unsupported reranker ${name}`);
  if (inputFieldNames.length > 0) {
    throw invalidParameter(
      `The ${name} function does not support input parameters, but got [${inputFieldNames.join(" ")}]`,
    );
  }
  if (name === "rrf") {
    const text = given.get("k");
    const k = text === undefined ? DEFAULT_K : Number(text);
    if (text?.trim() === "" || Number.isNaN(k)) throw invalidParameter(`Param k:${text} is not a number`);
    return { kind: "rrf", k };
  }
  const text = given.get("weights");
  if (text === undefined) throw invalidParameter("weights not found");
  const refusal = (): MilvusError => invalidParameter(`Parse weights param failed, weight should be []float: ${text}`);
  return {
    kind: "weighted",
    weights: weightList(parsed(text, refusal)),
    normalize: normalization(given.get("norm_score") ?? false),
  };
}

function checked(fusion: Fusion, listCount: number): Fusion {
  if (fusion.kind === "rrf") {
    if (fusion.k > 0 && fusion.k < K_BELOW) return fusion;
    throw invalidParameter(`The rank params k should be in range (0, ${K_BELOW})`);
  }
  if (!fusion.weights.every((weight) => weight >= 0 && weight <= 1)) {
    throw invalidParameter("rank param weight should be in range [0, 1]");
  }
  if (fusion.weights.length !== listCount) {
    const text = "the length of weights param mismatch with ann search requests";
    throw unexpectedParameter(listCount, fusion.weights.length, text);
  }
  return fusion;
}

function weightList(given: unknown): number[] {
  if (!Array.isArray(given)) throw invalidParameter("The weights param should be an array");
  return given.map((weight) => {
    if (typeof weight !== "number") throw invalidParameter("The type of rank param weight should be float");
    return weight;
  });
}

function normalization(given: unknown): boolean {
  if (typeof given === "boolean") return given;
  if (typeof given === "string" && /^(true|false)$/i.test(given)) return given.toLowerCase() === "true";
  throw invalidParameter(`norm_score params must be true/false, but got ${String(given)}`);
}

function parsed(text: string, refusal: (reason: string) => MilvusError): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : String(error));
  }
}
