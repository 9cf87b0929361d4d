/**
 * `order_by_fields`: a list `field`, `field:desc`, `field:asc:nulls_first`. Nulls come last, or first in a descending order, unless told.
 *
 * A search may also order by a place in a JSON field, `more["a"]["b"]`, and by a key of the dynamic field; a query may not.
 */

import { isNumberType } from "../expr/cast.ts";
import { type MilvusError, invalidParameter } from "../base/errors.ts";
import type { ColumnBatch } from "../model/columns.ts";
import { type CollectionSchema, type FieldSchema, dynamicField, fieldByName } from "../model/schema.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { type CompareRows, columnOrder, documentOrder, jointOrder } from "../rank/row-order.ts";
import { bracketKeys } from "./json-places.ts";

export interface OrderKey {
  readonly field: FieldSchema;
  /** Where in the document; null: the field itself. */
  readonly path: readonly string[] | null;
  readonly isDescending: boolean;
  readonly nullsFirst: boolean;
}

export function planOrder(
  schema: CollectionSchema,
  params: ReadonlyMap<string, string>,
  reader: "search" | "query",
): OrderKey[] {
  return orderSpecs(params).map((spec) => orderKey(schema, spec, reader));
}

/** The entries of the list; an entry may hold commas inside brackets. */
export function orderSpecs(params: ReadonlyMap<string, string>): string[] {
  const text = params.get("order_by_fields") ?? "";
  return text
    .split(/,(?![^[]*\])/)
    .map((spec) => spec.trim())
    .filter((spec) => spec !== "");
}

/** The batch has the fields of the keys. */
export function rowOrder(keys: readonly OrderKey[], batch: ColumnBatch): CompareRows {
  return jointOrder(
    keys.map(({ field, path, ...direction }) => {
      const column = batch.columns.get(field.fieldId)!;
      return path === null ? columnOrder(column, direction) : documentOrder(column, path, direction);
    }),
  );
}

function orderKey(schema: CollectionSchema, spec: string, reader: "search" | "query"): OrderKey {
  const end = spec.lastIndexOf("]") + 1;
  const [rest, direction = "", nulls = ""] = spec.slice(end).split(":");
  const name = `${spec.slice(0, end)}${rest!}`.trim();
  const isDescending = isDescendingWord(direction.trim().toLowerCase(), name, reader);
  const field = reader === "query" ? null : documentPlace(schema, name);
  return {
    ...(field ?? { field: sortableField(schema, name, reader), path: null }),
    isDescending,
    nullsFirst: isNullsFirst(nulls.trim().toLowerCase(), isDescending),
  };
}

function isDescendingWord(word: string, name: string, reader: "search" | "query"): boolean {
  switch (word) {
    case "":
    case "asc":
    case "ascending":
      return false;
    case "desc":
    case "descending":
      return true;
    default: {
      const wanted = reader === "query" ? "must be" : "expected";
      throw invalidParameter(`invalid order direction '${word}' for field '${name}', ${wanted} 'asc' or 'desc'`);
    }
  }
}

function isNullsFirst(word: string, isDescending: boolean): boolean {
  switch (word) {
    case "":
      return isDescending;
    case "nulls_first":
      return true;
    case "nulls_last":
      return false;
    default:
      throw invalidParameter(`invalid null ordering '${word}', must be 'nulls_first' or 'nulls_last'`);
  }
}

function sortableField(schema: CollectionSchema, name: string, reader: "search" | "query"): FieldSchema {
  const field = fieldByName(schema, name);
  if (field === null) throw absent(name);
  if (isSortable(field.dataType)) return field;
  const type = dataTypeName(field.dataType);
  throw invalidParameter(
    reader === "query"
      ? `order_by field '${name}' has type ${type} which is not sortable`
      : `order_by field '${name}' has unsortable type ${type}; supported types: bool, int8/16/32/64, float, double, string, varchar; for JSON fields use path syntax like field["key"]`,
  );
}

/** Null when the name is a field's. */
function documentPlace(schema: CollectionSchema, name: string): Pick<OrderKey, "field" | "path"> | null {
  const meta = dynamicField(schema);
  const open = name.indexOf("[");
  if (open < 0) {
    if (fieldByName(schema, name) !== null) return null;
    if (meta === null) throw absent(name);
    return { field: meta, path: [name] };
  }
  const base = name.slice(0, open);
  const path = bracketKeys(name.slice(open));
  if (path === null) throw invalidParameter(`invalid JSON path in order_by field '${name}'`);
  const field = fieldByName(schema, base);
  if (field !== null && field.dataType !== DataType.JSON) {
    throw invalidParameter(`order_by field '${name}' has brackets but is not a JSON type`);
  }
  if (field !== null) return { field, path };
  if (meta === null) {
    throw invalidParameter(`order_by field '${base}' not found in schema and no dynamic field available`);
  }
  return { field: meta, path: [base, ...path] };
}

function isSortable(type: DataType): boolean {
  return isNumberType(type) || type === DataType.Bool || type === DataType.VarChar;
}

function absent(name: string): MilvusError {
  return invalidParameter(`order_by field '${name}' does not exist in collection schema`);
}
