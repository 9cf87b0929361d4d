/**
 * Names of sub-fields in filters: `s[sub]` are the arrays of a sub-field, `s[0][sub]` is one element of each, and inside of `match_…`
 * and `element_filter` `$[sub]` is that of the element which is looked at.
 *
 * Here they become names of fields, which `s[sub]` is one of, and keys into those; and calls of `match_…` become filters.
 */

import type { FieldPlace, Filter, MatchFilter, MatchMode } from "../model/filter.ts";
import { type CollectionSchema, type StructSchema, dynamicField, fieldByName } from "../model/schema.ts";
import { structByName, subFieldName, subFields } from "../model/structs.ts";
import { DataType } from "../model/types.ts";
import { FilterError } from "./failure.ts";
import type { PathKey } from "./lexer.ts";
import { ELEMENT, type Syntax } from "./syntax.ts";
import type { Typed } from "./typed.ts";

export interface NamedPlace {
  readonly name: string;
  readonly keys: readonly PathKey[];
}

export function subFieldPlace(schema: CollectionSchema, { name, keys }: NamedPlace): NamedPlace {
  if (name === ELEMENT) {
    throw new FilterError(`${spelled(name, keys)} syntax can only be used inside ElementFilter or MATCH_*`);
  }
  const bare = keys.find(({ isBare }) => isBare === true)?.key;
  if (bare === undefined) {
    if (structByName(schema, name) !== null) throw new FilterError(`struct field not found: ${spelled(name, keys)}`);
    return { name, keys };
  }
  const isDocument = fieldByName(schema, name) !== null || dynamicField(schema) !== null;
  if (structByName(schema, name) === null && isDocument) {
    throw new FilterError(`json key must be enclosed in double quotes or single quotes: ${bare}`);
  }
  const stored = subFieldName(name, bare);
  const indexes = keys.slice(0, -1);
  const isWellFormed = keys.at(-1)?.isBare === true && indexes.length <= 1 && indexes.every(({ isIndex }) => isIndex);
  if (!isWellFormed || fieldByName(schema, stored) === null) {
    throw new FilterError(`struct field not found: ${spelled(name, keys)}`);
  }
  return { name: stored, keys: indexes };
}

/** What a name stands for inside of `match_…` over `struct`. */
export function elementPlace(schema: CollectionSchema, struct: StructSchema, { name, keys }: NamedPlace): FieldPlace {
  if (name !== ELEMENT) {
    throw new FilterError(
      `only $[sub-field] can be used inside match expression for field: ${struct.name}, got: ${spelled(name, keys)}`,
    );
  }
  const field = fieldByName(schema, subFieldName(struct.name, keys[0]!.key));
  if (field === null) throw new FilterError(`struct field not found: ${subFieldName(struct.name, keys[0]!.key)}`);
  return { fieldId: field.fieldId, dataType: field.elementType, path: [] };
}

const MODES: Readonly<Record<string, MatchMode>> = {
  element_filter: "element",
  match_any: "any",
  match_all: "all",
  match_least: "least",
  match_most: "most",
  match_exact: "exact",
};

type Call = Syntax & { readonly kind: "call" };

export function isMatchCall({ name }: Call): boolean {
  return Object.hasOwn(MODES, name);
}

/** `within`: the struct that the call is inside of already; `typed`: of an operand, `inner`: of the condition on elements. */
export function matchFilter(
  syntax: Call,
  schema: CollectionSchema,
  within: StructSchema | null,
  typed: (operand: Syntax) => Typed,
  inner: (operand: Syntax, struct: StructSchema) => Filter,
): MatchFilter {
  const { name, operands, threshold } = syntax;
  const mode = MODES[name]!;
  const shown = mode === "element" ? "ElementFilter" : name.toUpperCase();
  if (within !== null) {
    throw new FilterError(
      `nested ${shown} is not supported, already inside match expression for field: ${within.name}`,
    );
  }
  const isCounted = mode === "least" || mode === "most" || mode === "exact";
  const [subject, condition, ...others] = operands;
  if (condition === undefined || others.length > 0 || isCounted !== (threshold !== null)) {
    throw new FilterError(`function ${name} with ${operands.length} arguments not found`);
  }
  const isName = subject!.kind === "name" && subject!.keys.length === 0;
  const struct = isName ? structByName(schema, subject!.name) : null;
  if (struct === null) throw new FilterError(`struct field not found: ${isName ? subject!.name : "an expression"}`);
  const counted = subFields(schema, struct).find(({ dataType }) => dataType === DataType.Array);
  if (counted === undefined) throw new FilterError(`struct ${struct.name} has no sub-field to filter by`);
  const { fieldId, dataType, elementType } = counted;
  const field = { fieldId, dataType, path: [], elementType };
  return {
    kind: "match",
    mode,
    count: isCounted ? countOf(shown, typed(threshold!)) : 0,
    field,
    inner: inner(condition, struct),
  };
}

function countOf(name: string, typed: Typed): number {
  if (typed.kind !== "constant" || typeof typed.value !== "bigint") {
    throw new FilterError(`count in ${name} must be an integer`);
  }
  const least = name === "MATCH_LEAST" ? 1n : 0n;
  if (typed.value < least) {
    throw new FilterError(
      `count in ${name} ${least === 1n ? "must be positive" : "cannot be negative"}, got: ${typed.value}`,
    );
  }
  return Number(typed.value);
}

/** It picks elements, so it stands alone or last under one `and`, and nowhere deeper. */
export function holdsElementFilter(filter: Filter): boolean {
  const isPicking = (inner: Filter): boolean => inner.kind === "match" && inner.mode === "element";
  return isPicking(filter) || (filter.kind === "and" && filter.operands.some(isPicking));
}

function spelled(name: string, keys: readonly PathKey[]): string {
  return (
    name + keys.map(({ key, isIndex, isBare }) => (isIndex || isBare === true ? `[${key}]` : `["${key}"]`)).join("")
  );
}
