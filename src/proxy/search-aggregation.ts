/**
 * Search aggregation: what is asked for, checked against the schema, and what is to be searched for it.
 *
 * The rows are those of a search in groups by the fields of all levels together: as many groups as the levels may show one in the other,
 * each with as many rows as any level shows hits. Counts and metrics are of these rows and no others.
 */

import { type MilvusError, invalidParameter } from "../base/errors.ts";
import type { AggregationSpec } from "../model/buckets.ts";
import { type CollectionSchema, type FieldSchema, dynamicField, fieldByName } from "../model/schema.ts";
import { DataType, dataTypeName, isVectorType } from "../model/types.ts";
import { checkAggregated } from "./aggregates.ts";
import { type GroupPart, checkGroupable } from "./grouping.ts";
import { booleanParam, integerParam } from "./params.ts";
import type { SearchRequest } from "./requests.ts";

const MAX_LEVELS = 4;
const MAX_ENTRIES = 10_000;
const OPERATORS: ReadonlySet<string> = new Set(["avg", "sum", "count", "min", "max"]);

/** What a metric or a sort looks at. */
export type Source =
  | { readonly kind: "field"; readonly field: FieldSchema }
  | { readonly kind: "score" }
  /** Every row is one. */
  | { readonly kind: "row" };

export interface MetricPlan {
  readonly alias: string;
  readonly operator: string;
  readonly source: Source;
}

export interface LevelPlan {
  readonly fields: readonly FieldSchema[];
  readonly size: number;
  readonly metrics: readonly MetricPlan[];
  readonly order: readonly { readonly key: string; readonly isDescending: boolean }[];
  readonly topHits: {
    readonly size: number;
    readonly sort: readonly { readonly source: Source; readonly isDescending: boolean; readonly nullsFirst: boolean }[];
  } | null;
}

export interface AggregationPlan {
  readonly levels: readonly LevelPlan[];
  readonly parts: readonly GroupPart[];
  /** Rows of a group. */
  readonly groupSize: number;
  readonly groupCount: number;
  /** What metrics and sorts read. */
  readonly fields: readonly FieldSchema[];
}

export function planSearchAggregation(
  schema: CollectionSchema,
  spec: AggregationSpec,
  queryCount: number,
): AggregationPlan {
  const specs: AggregationSpec[] = [];
  for (let at: AggregationSpec | null = spec; at !== null; at = at.sub) specs.push(at);
  if (specs.length > MAX_LEVELS) {
    throw invalidParameter(`search_aggregation nesting exceeds max ${MAX_LEVELS} levels`);
  }
  const seen = new Set<FieldSchema>();
  const levels = specs.map((one) => levelPlan(schema, one, seen));
  const groupCount = specs.reduce((product, one) => product * searchSizeOf(one), 1);
  const groupSize = Math.max(1, ...levels.map(({ topHits }) => topHits?.size ?? 1));
  if (queryCount * groupCount * groupSize > MAX_ENTRIES) {
    throw invalidParameter("number of search_aggregation result entries is too large");
  }
  const fields = levels.flatMap(({ metrics, topHits }) => [...metrics, ...(topHits?.sort ?? [])].flatMap(fieldOf));
  return {
    levels,
    parts: levels.flatMap((level) => level.fields.map((field) => ({ field, place: null }))),
    groupSize,
    groupCount,
    fields: [...new Set(fields)],
  };
}

/** What does not go together with an aggregation. */
export function checkAggregationRequest({ params, rerank }: SearchRequest): void {
  for (const key of ["group_by_field", "group_by_fields"]) {
    if ((params.get(key) ?? "").trim() !== "") {
      throw invalidParameter(`${key} and search_aggregation cannot be used simultaneously`);
    }
  }
  if (booleanParam(params, "iterator")) {
    throw invalidParameter("search iterator is not supported with search_aggregation");
  }
  if (integerParam(params, "offset", 0) > 0) throw invalidParameter("offset is not supported with search_aggregation");
  if ((params.get("order_by_fields") ?? "") !== "") {
    throw invalidParameter("order_by_fields is not supported with search_aggregation");
  }
  if (rerank !== null && rerank !== undefined) {
    throw invalidParameter("function_score is not supported with search_aggregation");
  }
}

function searchSizeOf({ size, searchSize }: AggregationSpec): number {
  return searchSize === 0 ? Math.max(1, size) : searchSize;
}

function levelPlan(schema: CollectionSchema, spec: AggregationSpec, seen: Set<FieldSchema>): LevelPlan {
  if (spec.fields.length === 0) throw invalidParameter("group_by level has no fields");
  if (spec.size < 0) throw invalidParameter("search_aggregation size must be non-negative");
  if (spec.searchSize < 0) throw invalidParameter("search_aggregation search_size must be non-negative");
  const size = Math.max(1, spec.size);
  if (searchSizeOf(spec) < size) {
    throw invalidParameter("search_aggregation search_size must be greater than or equal to size");
  }
  const own = new Set<FieldSchema>();
  for (const name of spec.fields) {
    const field = plainField(schema, name, "group_by field", (reason) => `invalid group_by field "${name}": ${reason}`);
    if (field.dataType === DataType.Float || field.dataType === DataType.Double) {
      throw invalidParameter(
        `group_by field "${name}": FLOAT / DOUBLE fields are not supported with search_aggregation (BucketKeyEntry has no float variant; equality on floats is fragile)`,
      );
    }
    checkGroupable(field);
    if (own.has(field)) throw invalidParameter(`duplicated group_by field "${name}" in one level`);
    if (seen.has(field)) throw invalidParameter(`duplicated group_by field "${name}" across levels`);
    own.add(field);
  }
  for (const field of own) seen.add(field);
  const aliases = [...spec.metrics.keys()].toSorted();
  return {
    fields: [...own],
    size,
    metrics: aliases.map((alias) => metricPlan(schema, alias, spec.metrics.get(alias)!)),
    topHits: topHitsPlan(schema, spec.topHits),
    order: spec.order.map(({ key: sent, direction }) => {
      const key = sent.trim();
      if (key === "") throw invalidParameter("order key is empty");
      if (key !== "_count" && key !== "_key" && !spec.metrics.has(key)) {
        throw invalidParameter(`order key "${key}" is neither reserved key nor metric alias`);
      }
      return { key, isDescending: isDescending(direction, `invalid order direction for key "${key}"`) };
    }),
  };
}

function metricPlan(
  schema: CollectionSchema,
  alias: string,
  sent: { readonly operator: string; readonly fieldName: string },
): MetricPlan {
  if (alias.trim() === "") throw invalidParameter("metric alias cannot be empty");
  const invalid = (reason: string): string => `invalid metric "${alias}": ${reason}`;
  const operator = sent.operator.trim().toLowerCase();
  if (!OPERATORS.has(operator)) throw invalidParameter(invalid(`unsupported metric op "${sent.operator}"`));
  const name = sent.fieldName.trim();
  if (name === "") throw invalidParameter(invalid("metric field_name is empty"));
  if (name === "_score") return { alias, operator, source: { kind: "score" } };
  if (name === "*") {
    if (operator !== "count") throw invalidParameter(invalid("field_name '*' only supports count op"));
    return { alias, operator, source: { kind: "row" } };
  }
  const field = plainField(schema, name, "metric field", invalid);
  checkAggregated(operator, field.dataType, invalid);
  return { alias, operator, source: { kind: "field", field } };
}

function topHitsPlan(schema: CollectionSchema, sent: AggregationSpec["topHits"]): LevelPlan["topHits"] {
  if (sent === null) return null;
  if (sent.size < 0) throw invalidParameter("top_hits size must be non-negative");
  return {
    size: Math.max(1, sent.size),
    sort: sent.sort.map(({ fieldName, direction, nullFirst }) => {
      const name = fieldName.trim();
      if (name === "") throw invalidParameter("top_hits.sort field_name is empty");
      const order = {
        isDescending: isDescending(direction, `invalid top_hits.sort direction for "${name}"`),
        nullsFirst: nullFirst,
      };
      if (name === "_score") return { ...order, source: { kind: "score" } };
      if (name.includes("[") && name.includes("]")) {
        throw invalidParameter(`top_hits.sort JSON path is not yet supported: "${name}"`);
      }
      const invalid = (reason: string): string => `invalid top_hits.sort field "${name}": ${reason}`;
      const field = plainField(schema, name, "top_hits.sort field", invalid);
      if (!isComparable(field.dataType)) {
        throw invalidParameter(invalid(`values of type ${dataTypeName(field.dataType)} have no order`));
      }
      return { ...order, source: { kind: "field", field } };
    }),
  };
}

function isComparable(type: DataType): boolean {
  return !isVectorType(type) && type !== DataType.Array && type !== DataType.Geometry;
}

/** A declared field that is no document. */
function plainField(
  schema: CollectionSchema,
  sent: string,
  usage: string,
  invalid: (reason: string) => string,
): FieldSchema {
  const name = sent.trim();
  const refusal = (): MilvusError =>
    invalidParameter(`${usage} "${name}": JSON / dynamic fields are not yet supported with search_aggregation`);
  const base = fieldByName(schema, name.split("[")[0]!);
  if (base?.dataType === DataType.JSON || base?.isDynamic === true) throw refusal();
  const field = fieldByName(schema, name);
  if (field !== null) return field;
  if (dynamicField(schema) !== null) throw refusal();
  throw invalidParameter(invalid(`field "${name}" not found in schema`));
}

/** Nothing said: descending. */
function isDescending(direction: string, invalid: string): boolean {
  const word = direction.trim().toLowerCase();
  if (word === "" || word === "desc") return true;
  if (word === "asc") return false;
  throw invalidParameter(`${invalid}: direction must be asc or desc`);
}

function fieldOf({ source }: { readonly source: Source }): FieldSchema[] {
  return source.kind === "field" ? [source.field] : [];
}
