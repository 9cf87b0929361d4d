/**
 * How hits are to be put in order: from `rank_params` (`strategy` and a JSON object `params`) or from a function score, which is functions
 * with their parameters as text.
 *
 *   boost          any number of them: they weigh the hits of each search
 *   rrf, weighted  one: fuses the lists of several searches
 *   decay          one: the same, by the largest, the sum or the mean of the scores, and weighs what comes out
 *   model          refused: there is no service of models
 *
 * A hybrid search that says nothing is fused by reciprocal ranks.
 */

import { type MilvusError, invalidParameter, unexpectedParameter } from "../base/errors.ts";
import type { TemplateValues } from "../expr/templates.ts";
import { type CollectionInfo, type CollectionSchema, type FieldSchema, fieldByName } from "../model/schema.ts";
import { TIME_ZONE_KEY, timeZoneOf } from "../model/timestamptz.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import type { Fusion } from "../rank/fusion.ts";
import { type Boost, planBoost } from "./boost.ts";
import { type Decay, planDecay } from "./decay.ts";
import type { FunctionScore, RerankFunction } from "./requests.ts";

const DEFAULT_K = 60;
const K_BELOW = 16_384;
const RERANK = 3;
const NOTHING: ReadonlyMap<string, string> = new Map();

export interface Rerank {
  /** Of the hits of each search. */
  readonly boost: Boost | null;
  /** Null: the list of the one search as it is. */
  readonly fusion: Fusion | null;
  /** Of the fused list. */
  readonly decay: Decay | null;
}

/** The fields that a rerank reads. */
export function rerankFields({ boost, decay }: Rerank): FieldSchema[] {
  return [...(boost?.fields ?? []), ...(decay === null ? [] : [decay.field])];
}

/** Nothing is weighed and nothing fused. */
export const UNRANKED: Rerank = { boost: null, fusion: null, decay: null };

/** Of a search alone. */
export function planRerank(
  collection: CollectionInfo,
  score: FunctionScore | null | undefined,
  { params, templates }: { readonly params: ReadonlyMap<string, string>; readonly templates: TemplateValues },
): Rerank {
  if (score == null) return UNRANKED;
  const { boosts, others } = sorted(score);
  const boost = boostOf(collection, score, boosts, params, templates);
  return {
    boost,
    ...(others.length === 0 ? { fusion: null, decay: null } : fromFunctions(collection.schema, others, 1)),
  };
}

/** Of a hybrid search. */
export function planFusion(
  collection: CollectionInfo,
  rankParams: ReadonlyMap<string, string>,
  score: FunctionScore | null,
  searches: readonly { readonly templates: TemplateValues }[],
): Rerank & { readonly fusion: Fusion } {
  const { boosts, others } = sorted(score);
  const boost = boostOf(collection, score, boosts, rankParams, searches[0]!.templates);
  if (others.length > 0) return { boost, ...fromFunctions(collection.schema, others, searches.length) };
  const given = boosts.length > 0 ? NOTHING : rankParams;
  return { boost, decay: null, fusion: checked(fromRankParams(given), searches.length) };
}

function sorted(score: FunctionScore | null | undefined): {
  readonly boosts: readonly RerankFunction[];
  readonly others: readonly RerankFunction[];
} {
  const functions = score?.functions ?? [];
  for (const { type, outputFieldNames } of functions) {
    if (type !== RERANK) throw invalidParameter("the function of a function score is not rerank function.");
    if (outputFieldNames.length > 0) {
      throw invalidParameter(`Rerank function should not have output field, but now is ${outputFieldNames.length}`);
    }
  }
  const isBoost = (one: RerankFunction): boolean => nameOf(one) === "boost";
  return { boosts: functions.filter(isBoost), others: functions.filter((one) => !isBoost(one)) };
}

function nameOf({ params }: RerankFunction): string {
  return (lowerKeys(params).get("reranker") ?? "").toLowerCase();
}

function lowerKeys(params: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...params].map(([key, value]) => [key.toLowerCase(), value]));
}

function boostOf(
  { schema, properties }: CollectionInfo,
  score: FunctionScore | null | undefined,
  boosts: readonly RerankFunction[],
  params: ReadonlyMap<string, string>,
  templates: TemplateValues,
): Boost | null {
  const timeZone = params.get(TIME_ZONE_KEY) || timeZoneOf(properties);
  return planBoost(schema, boosts, score?.params ?? NOTHING, templates, timeZone);
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

function fromFunctions(
  schema: CollectionSchema,
  functions: readonly RerankFunction[],
  listCount: number,
): { readonly fusion: Fusion; readonly decay: Decay | null } {
  const [one] = functions;
  if (functions.length > 1) throw invalidParameter("Currently only supports one rerank");
  const name = nameOf(one!);
  const { inputFieldNames } = one!;
  const given = lowerKeys(one!.params);
  switch (name) {
    case "":
      throw invalidParameter("reranker name not specified");
    case "rrf":
    case "weighted":
      if (inputFieldNames.length > 0) {
        throw invalidParameter(
          `The ${name} function does not support input parameters, but got [${inputFieldNames.join(" ")}]`,
        );
      }
      return { fusion: checked(name === "rrf" ? ranks(given) : weights(given), listCount), decay: null };
    case "decay":
      return planDecay(schema, inputFieldNames, given);
    case "model":
      throw modelRefusal(schema, inputFieldNames, given);
    default:
      throw invalidParameter(`unsupported reranker ${name}`);
  }
}

/** What is wrong with it is said first. */
function modelRefusal(
  schema: CollectionSchema,
  inputs: readonly string[],
  params: ReadonlyMap<string, string>,
): MilvusError {
  if (inputs.length !== 1) {
    return invalidParameter(`model reranker requires exactly 1 input field, got ${inputs.length}`);
  }
  const field = fieldByName(schema, inputs[0]!);
  if (field === null) return invalidParameter(`input field ${inputs[0]} not found in collection schema`);
  if (field.dataType !== DataType.VarChar) {
    return invalidParameter(`model input field ${field.name} must be VarChar, got ${dataTypeName(field.dataType)}`);
  }
  const text = params.get("queries");
  if (text === undefined) return invalidParameter("rerank function missing required param: queries");
  let queries: unknown;
  try {
    queries = JSON.parse(text);
  } catch (error) {
    return invalidParameter(`parse rerank params [queries] failed: ${String(error)}`);
  }
  if (!Array.isArray(queries) || queries.length === 0) return invalidParameter("rerank queries must not be empty");
  if (!PROVIDERS.has((params.get("provider") ?? "").toLowerCase())) {
    return invalidParameter("unknown rerank model provider");
  }
  return invalidParameter("the reranker model is not supported: there is no service of models here");
}

const PROVIDERS: ReadonlySet<string> = new Set([
  "vllm",
  "tei",
  "cohere",
  "voyageai",
  "ali",
  "siliconflow",
  "huggingface",
  "zilliz",
]);

function ranks(given: ReadonlyMap<string, string>): Fusion {
  const text = given.get("k");
  const k = text === undefined ? DEFAULT_K : Number(text);
  if (text?.trim() === "" || Number.isNaN(k)) throw invalidParameter(`Param k:${text} is not a number`);
  return { kind: "rrf", k };
}

function weights(given: ReadonlyMap<string, string>): Fusion {
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
  if (fusion.kind === "merge") return fusion;
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
