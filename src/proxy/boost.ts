/**
 * The reranker `boost`: weights for the rows that pass a filter.
 *
 * Each function gives its weight, or its weight times a number between 0 and 1 that is drawn by a seed, to the rows that pass its filter, or to
 * all. What several give one row is multiplied or added (`function_mode`), and the score is multiplied by it or it is added (`boost_mode`). A row
 * that no function means keeps its score.
 *
 * Always true: the hits of a search before its offset are weighed, no others; the same seed draws the same number for the same value, of
 * the field that is named or else of the key.
 */

import { type MilvusError, invalidParameter, milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { FilterError } from "../expr/failure.ts";
import { parseFilter } from "../expr/filter.ts";
import { type FilterPlan, planFilter } from "../expr/plan.ts";
import type { TemplateValues } from "../expr/templates.ts";
import { hasBit } from "../model/bitset.ts";
import type { Column, ColumnBatch } from "../model/columns.ts";
import { filterFieldIds } from "../model/filter.ts";
import type { Hits } from "../model/plan.ts";
import { type CollectionSchema, type FieldSchema, fieldByName } from "../model/schema.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { keyReader } from "../segment/key-reader.ts";
import { passingPicked } from "../segment/filter-rows.ts";
import type { RerankFunction } from "./requests.ts";

type Mode = "multiply" | "sum";

interface BoostFunction {
  readonly filter: FilterPlan | null;
  readonly weight: number;
  readonly random: { readonly field: FieldSchema | null; readonly seed: bigint } | null;
}

export interface Boost {
  readonly functions: readonly BoostFunction[];
  readonly functionMode: Mode;
  readonly boostMode: Mode;
  /** What filters and draws read. */
  readonly fields: readonly FieldSchema[];
}

/** Null: none of the functions boosts. */
export function planBoost(
  schema: CollectionSchema,
  functions: readonly RerankFunction[],
  modes: ReadonlyMap<string, string>,
  templates: TemplateValues,
  timeZone: string,
): Boost | null {
  if (functions.length === 0) return null;
  const planned = functions.map(({ params }) => boostFunction(schema, params, templates, timeZone));
  const fieldIds = planned.flatMap(({ filter, random }) => [
    ...(filter === null ? [] : filterFieldIds(filter.filter)),
    ...(random?.field ? [random.field.fieldId] : []),
  ]);
  return {
    functions: planned,
    functionMode: mode(modes.get("function_mode"), "function"),
    boostMode: mode(modes.get("boost_mode"), "boost"),
    fields: schema.fields.filter(({ fieldId }) => fieldIds.includes(fieldId)),
  };
}

/** The scores of the hits; the batch has the fields of the boost. */
export async function boostedScores(
  boost: Boost,
  hits: Hits,
  batch: ColumnBatch,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Float32Array> {
  const count = hits.rows.length;
  const weights = new Float32Array(count);
  const isMeant = new Uint8Array(count);
  const column = (fieldId: bigint): Column => batch.columns.get(fieldId)!;
  for (const { filter, weight, random } of boost.functions) {
    const passing = filter === null ? null : await passingPicked(filter, column, count, { runtime, signal });
    const draw = random === null ? null : drawing(random, hits, column);
    for (let row = 0; row < count; row += 1) {
      if (passing !== null && !hasBit(passing, row)) continue;
      const given = Math.fround(weight) * (draw === null ? 1 : draw(row));
      weights[row] = isMeant[row] === 0 ? given : combined(boost.functionMode, weights[row]!, given);
      isMeant[row] = 1;
    }
  }
  return hits.scores.map((score, row) =>
    isMeant[row] === 0 ? score : combined(boost.boostMode, score, weights[row]!),
  );
}

function combined(mode: Mode, left: number, right: number): number {
  return mode === "sum" ? left + right : left * right;
}

function drawing(
  { field, seed }: NonNullable<BoostFunction["random"]>,
  hits: Hits,
  column: (fieldId: bigint) => Column,
): (row: number) => number {
  const seedBits = mixed(Number(BigInt.asUintN(32, seed)) ^ mixed(Number(BigInt.asUintN(32, seed >> 32n))));
  const keys = keyReader(hits.keys);
  const values = field === null ? null : (column(field.fieldId) as Column & { readonly kind: "fixed" }).values;
  const bits = (row: number): number => {
    if (values === null) return keys.hash(row);
    const value = BigInt(values[row]!);
    return Number(BigInt.asUintN(32, value)) ^ mixed(Number(BigInt.asUintN(32, value >> 32n)));
  };
  return (row) => mixed(seedBits ^ mixed(bits(row))) / 2 ** 32;
}

/** Every bit of the input changes half of the bits of the output: the last steps of MurmurHash3. */
function mixed(bits: number): number {
  let hash = bits + 0x9e3779b9;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function boostFunction(
  schema: CollectionSchema,
  params: ReadonlyMap<string, string>,
  templates: TemplateValues,
  timeZone: string,
): BoostFunction {
  const text = params.get("filter") ?? "";
  let filter: FilterPlan | null = null;
  try {
    const parsed = parseFilter(text, schema, templates, timeZone);
    filter = parsed === null ? null : planFilter(parsed);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw planFault(`parse expr failed with error: {cannot parse expression: ${text}, error: ${error.message}}`);
  }
  const given = params.get("weight");
  if (given === undefined) throw planFault("must set weight params for weight scorer");
  const weight = given.trim() === "" ? Number.NaN : Number(given);
  if (Number.isNaN(weight)) {
    throw planFault(
      `parse function scorer weight params failed with error: {strconv.ParseFloat: parsing "${given}": invalid syntax}`,
    );
  }
  const draw = params.get("random_score");
  return { filter, weight, random: draw === undefined ? null : randomScore(schema, draw) };
}

function randomScore(schema: CollectionSchema, text: string): BoostFunction["random"] {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw planFault(error instanceof Error ? error.message : String(error));
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw planFault(`random_score is a JSON object, not ${text}`);
  }
  const { field: name, seed = 0 } = given as { readonly field?: unknown; readonly seed?: unknown };
  if (typeof seed !== "number" || !Number.isInteger(seed)) throw planFault("random seed must be number");
  if (name === undefined) return { field: null, seed: BigInt(seed) };
  if (typeof name !== "string") throw planFault("random seed field name must be string");
  const field = fieldByName(schema, name);
  if (field === null) throw milvusError("FieldNotFound", "random seed field not found", { field: name });
  if (field.dataType !== DataType.Int64) {
    throw planFault(`only support int64 field as random seed, but got ${dataTypeName(field.dataType)}`);
  }
  return { field, seed: BigInt(seed) };
}

function mode(given: string | undefined, name: "boost" | "function"): Mode {
  const word = (given ?? "multiply").toLowerCase();
  if (word === "multiply" || word === "sum") return word;
  throw planFault(`unknown ${name} mode: ${given}`);
}

export function planFault(text: string): MilvusError {
  return invalidParameter(`failed to create query plan: ${text}`);
}
