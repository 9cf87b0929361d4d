/**
 * The reranker `decay`: scores fall with the distance of a number from an origin.
 *
 *   d = max(0, |x - origin| - offset)
 *   gauss    exp(ln(decay) d^2 / scale^2)
 *   exp      exp(ln(decay) d / scale)
 *   linear   max(decay, 1 - d (1 - decay) / scale)
 *
 * A row without the number comes last.
 */

import { isNumberType } from "../expr/cast.ts";
import { assert } from "../base/assert.ts";
import { invalidParameter } from "../base/errors.ts";
import { type Column, columnRows } from "../model/columns.ts";
import { type CollectionSchema, type FieldSchema, fieldByName } from "../model/schema.ts";
import { dataTypeName } from "../model/types.ts";
import type { Fusion } from "../rank/fusion.ts";

const LEAST_DECAY = 0.001;
const MOST_DECAY = 0.999;
const FUNCTIONS = ["gauss", "exp", "linear"] as const;
const MODES = ["max", "sum", "avg"] as const;

export interface Decay {
  readonly field: FieldSchema;
  readonly factor: (value: number) => number;
}

export function planDecay(
  schema: CollectionSchema,
  inputs: readonly string[],
  params: ReadonlyMap<string, string>,
): { readonly decay: Decay; readonly fusion: Fusion } {
  const name = params.get("function")?.toLowerCase();
  const numbers = decayNumbers(params);
  const { origin, scale, offset, decay } = numbers;
  if (name === undefined) throw invalidParameter("decay function not specified");
  if (origin === null) throw invalidParameter("decay origin not specified");
  if (scale === null) throw invalidParameter("decay scale not specified");
  const mode = MODES.find((known) => known === (params.get("score_mode") ?? "max").toLowerCase());
  if (mode === undefined) {
    throw invalidParameter(`unsupported score_mode: ${params.get("score_mode")}, only supports [${MODES.join(", ")}]`);
  }
  if (inputs.length !== 1) {
    throw invalidParameter(`decay reranker requires exactly 1 input field, got ${inputs.length}`);
  }
  const field = numericField(schema, inputs[0]!);
  if (scale <= 0) throw invalidParameter(`decay: scale must be > 0, got ${scale.toFixed(6)}`);
  if (offset < 0) throw invalidParameter(`decay: offset must be >= 0, got ${offset.toFixed(6)}`);
  if (decay <= 0 || decay >= 1) {
    throw invalidParameter(`Decay function param: decay must 0 < decay < 1, but got ${decay.toFixed(6)}`);
  }
  if (decay < LEAST_DECAY || decay > MOST_DECAY) {
    const range = `${LEAST_DECAY.toFixed(6)} and ${MOST_DECAY.toFixed(6)}`;
    throw invalidParameter(`decay: decay must be between ${range} for numerical stability, got ${decay.toFixed(6)}`);
  }
  const curve = curveOf(name, scale, decay);
  const normalize = /^(1|t|T|TRUE|true|True)$/.test(params.get("norm_score") ?? "");
  return {
    decay: { field, factor: (value) => curve(Math.max(0, Math.abs(value - origin) - offset)) },
    fusion: { kind: "merge", mode, normalize },
  };
}

function decayNumbers(params: ReadonlyMap<string, string>): {
  readonly origin: number | null;
  readonly scale: number | null;
  readonly offset: number;
  readonly decay: number;
} {
  const read = (name: string): number | null => {
    const text = params.get(name);
    if (text === undefined) return null;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isNaN(value)) throw invalidParameter(`decay param ${name}: ${text} is not a number`);
    return value;
  };
  return { origin: read("origin"), scale: read("scale"), offset: read("offset") ?? 0, decay: read("decay") ?? 0.5 };
}

function numericField(schema: CollectionSchema, name: string): FieldSchema {
  const field = fieldByName(schema, name);
  if (field === null) throw invalidParameter(`input field ${name} not found in collection schema`);
  if (isNumberType(field.dataType)) return field;
  throw invalidParameter(`decay input field ${name} must be numeric, got ${dataTypeName(field.dataType)}`);
}

function curveOf(name: string, scale: number, decay: number): (distance: number) => number {
  const fall = Math.log(decay);
  switch (name) {
    case "gauss":
      return (distance) => Math.exp((fall * distance ** 2) / scale ** 2);
    case "exp":
      return (distance) => Math.exp((fall * distance) / scale);
    case "linear":
      return (distance) => Math.max(decay, 1 - (distance * (1 - decay)) / scale);
    default:
      throw invalidParameter(`decay: invalid function "${name}", must be one of [${FUNCTIONS.join(", ")}]`);
  }
}

/** No number where the row has none. */
export function decayedScores({ factor }: Decay, scores: Float32Array, column: Column): Float32Array {
  assert(column.kind === "fixed" && columnRows(column) === scores.length, "every hit has its number, or null");
  const { values, valid } = column;
  return scores.map((score, row) => (valid?.[row] === 0 ? Number.NaN : score * factor(Number(values[row]))));
}
