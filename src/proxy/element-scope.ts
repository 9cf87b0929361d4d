/**
 * Searches of elements in a hybrid search. Where every search is one of elements of the same struct, elements are what is fused, told apart by
 * key and place. Else rows are, and the hits of each search of elements are made rows first, as its `element_scope` says:
 *
 *     {"collapse": {"strategy": "max" | "sum" | "avg" | "topk_sum" | "topk_avg", "topk": 3}}      without one: max
 */

import { invalidParameter, milvusError, unexpectedParameter } from "../base/errors.ts";
import type { VectorPlan } from "../model/plan.ts";
import { isListQueries } from "../model/queries.ts";
import { type CollectionInfo, type CollectionSchema, type FieldSchema, primaryKeyField } from "../model/schema.ts";
import { structOfField } from "../model/structs.ts";
import { DataType, isDistance } from "../model/types.ts";
import type { Collapse } from "../rank/collapse.ts";
import { isElementSearch } from "./array-search.ts";
import type { Grouping } from "./grouping.ts";
import { booleanParam, jsonParams, numberParam } from "./params.ts";
import type { SubSearch } from "./requests.ts";
import { searchedField } from "./vector-plan.ts";

const KEY = "element_scope";
const BEST: Collapse = { mode: "best", most: 1 };
const STRATEGIES: ReadonlyMap<string, { readonly mode: Collapse["mode"]; readonly takesMost: boolean }> = new Map([
  ["max", { mode: "best", takesMost: false }],
  ["sum", { mode: "sum", takesMost: false }],
  ["avg", { mode: "average", takesMost: false }],
  ["topk_sum", { mode: "sum", takesMost: true }],
  ["topk_avg", { mode: "average", takesMost: true }],
]);

/** Before anything else is looked at: @throws 1100 for what such a search takes only when it is alone. */
export function checkHybridArraySearch(collection: CollectionInfo, { params, queries }: SubSearch): void {
  const field = searchedField(collection, params.get("anns_field") ?? "");
  if (field.dataType !== DataType.ArrayOfVector) return;
  const isOfLists = queries.type > DataType.ArrayOfStruct;
  const kind = isOfLists ? "embedding-list" : "element-level";
  const refused = (what: string): Error =>
    unexpectedParameter(
      "",
      "",
      `${what} is not supported for vector array (${kind}) fields in hybrid search, fieldName:${field.name}`,
    );
  if (isOfLists && numberParam(jsonParams(params), "radius") !== null) throw refused("range search");
  if (booleanParam(params, "iterator")) throw refused("search iterator");
}

/** Of each search how its elements become rows; null: what it finds stays as it is. */
export function planCollapses(
  schema: CollectionSchema,
  vectors: readonly VectorPlan[],
  searches: readonly SubSearch[],
  grouping: Grouping | null,
): readonly (Collapse | null)[] {
  const isOfElements = vectors.map((vector) => isElementSearch(schema, vector));
  const given = searches.map((search, at) => givenCollapse(search, vectors[at]!, isOfElements[at]!));
  const struct = structOfField(schema, vectors[0]!.fieldId);
  const staysElements =
    isOfElements.every(Boolean) && vectors.every(({ fieldId }) => structOfField(schema, fieldId) === struct);
  if (grouping !== null) checkGroups(schema, grouping, vectors, isOfElements, staysElements);
  if (!staysElements) return given.map((collapse, at) => (isOfElements[at]! ? (collapse ?? BEST) : null));
  if (given.some((collapse) => collapse !== null)) {
    throw invalidParameter(`${KEY} is not allowed for same-struct element-level hybrid search`);
  }
  return given;
}

function checkGroups(
  schema: CollectionSchema,
  { parts }: Grouping,
  vectors: readonly VectorPlan[],
  isOfElements: readonly boolean[],
  staysElements: boolean,
): void {
  const refused = (what: string, field?: FieldSchema): Error =>
    unexpectedParameter("", "", `${what} in hybrid search${field === undefined ? "" : `, fieldName:${field.name}`}`);
  for (const [at, { fieldId, queries }] of vectors.entries()) {
    const field = schema.fields.find((candidate) => candidate.fieldId === fieldId)!;
    if (isListQueries(queries)) {
      throw refused("group by search is not supported for vector array (embedding-list) fields", field);
    }
    if (isOfElements[at]! && !staysElements) {
      throw refused("group by search is only supported for same-struct element-level vector array fields", field);
    }
  }
  if (staysElements && (parts.length !== 1 || parts[0]!.field !== primaryKeyField(schema))) {
    throw refused("only group by primary key is supported for same-struct element-level vector array fields");
  }
}

/** Null: the search says nothing. */
function givenCollapse({ params }: SubSearch, { metric }: VectorPlan, isOfElements: boolean): Collapse | null {
  const scope = jsonParams(params).get(KEY);
  if (scope === undefined) return null;
  const { collapse } = objectOf(scope, KEY, ["collapse"]);
  if (collapse === undefined) throw missing(`${KEY}.collapse is required`);
  const { strategy, topk } = objectOf(collapse, `${KEY}.collapse`, ["strategy", "topk"]);
  if (strategy !== undefined && typeof strategy !== "string") {
    throw invalidParameter(`${KEY}.collapse.strategy must be a string`);
  }
  const name = (strategy ?? "").trim();
  if (name === "") throw missing(`${KEY}.collapse.strategy is required`);
  const known = STRATEGIES.get(name);
  if (known === undefined) throw invalidParameter(`unsupported ${KEY}.collapse.strategy: ${name}`);
  const { mode, takesMost } = known;
  if (topk !== undefined) {
    if (typeof topk !== "number" || !Number.isInteger(topk)) {
      throw invalidParameter(`${KEY}.collapse.topk must be an integer`);
    }
    if (topk <= 0) throw invalidParameter(`${KEY}.collapse.topk must be positive`);
    if (!takesMost) throw invalidParameter(`${KEY}.collapse.topk is only valid for topk strategies`);
  } else if (takesMost) {
    throw missing(`${KEY}.collapse.topk is required for strategy ${name}`);
  }
  if (!isOfElements) {
    throw invalidParameter(`${KEY} is only supported for element-level search on struct array vector sub-fields`);
  }
  if (mode === "sum" && isDistance(metric)) {
    throw invalidParameter(`${KEY}.collapse.strategy ${name} is only supported for positively related metrics`);
  }
  return { mode, most: topk ?? Number.POSITIVE_INFINITY };
}

function objectOf(value: unknown, name: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidParameter(`${name} must be a JSON object`);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalidParameter(`unsupported ${name} key: ${unknown}`);
  return value as Readonly<Record<string, unknown>>;
}

function missing(text: string): Error {
  return milvusError("ParameterMissing", text);
}
