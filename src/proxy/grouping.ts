/**
 * What a search groups its hits by: `group_by_field` or `group_by_fields`, `group_size`, `strict_group_size`, and for a place in a
 * document `json_path`, `json_type`, `strict_cast`.
 *
 * The singular wins where both are sent. At most one of several fields is a place in a document.
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import { type CollectionSchema, type FieldSchema, fieldByName } from "../model/schema.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { documentPlace, pathKeys } from "./json-places.ts";

const MAX_GROUP_SIZE = 10;

/** A field, or a place in a document. */
export interface GroupPart {
  readonly field: FieldSchema;
  readonly place: {
    readonly path: readonly string[];
    /** What the value there has to be; null: anything, and its JSON text is the group. */
    readonly type: DataType | null;
    /** Whether another value is an error; it belongs to the group of null otherwise. */
    readonly isStrict: boolean;
  } | null;
}

/**
 * `strict_group_size` is not here: a search that looks at every row fills each group as far as there are rows, which is all that a
 * strict one promises.
 */
export interface Grouping {
  readonly parts: readonly GroupPart[];
  /** Hits a group shows, at most. */
  readonly size: number;
  /** Whether the groups are told as one field, as clients that know of one expect it. */
  readonly isSingular: boolean;
}

/** Null when nothing is grouped. */
export function planGrouping(schema: CollectionSchema, params: ReadonlyMap<string, string>): Grouping | null {
  const size = groupSize(params.get("group_size") ?? "");
  const singular = (params.get("group_by_field") ?? "").trim();
  const names = singular === "" ? listedNames(params) : [singular];
  if (names.length === 0) return null;
  const parts = names.map((name) => groupPart(schema, name, params));
  if (parts.filter(({ place }) => place !== null).length > 1) {
    throw invalidParameter("group_by_fields takes at most one JSON field");
  }
  return { parts, size, isSingular: singular !== "" && listedNames(params).length === 0 };
}

/** The fields that a search reads for its groups. */
export function groupingFields(grouping: Pick<Grouping, "parts"> | null): FieldSchema[] {
  return grouping === null ? [] : grouping.parts.map(({ field }) => field);
}

function listedNames(params: ReadonlyMap<string, string>): string[] {
  const list = params.get("group_by_fields") ?? "";
  return (
    list
      // A key in brackets may hold commas.
      .split(/,(?![^[]*\])/)
      .map((name) => name.trim())
      .filter((name) => name !== "")
  );
}

/** Iterators, ranges and binary vectors do not group. */
export function checkGroupedSearch(isIterator: boolean, isRange: boolean, queryType: number): void {
  if (queryType === DataType.BinaryVector) {
    throw invalidParameter("not support search_group_by operation based on binary vector");
  }
  if (isIterator) throw invalidParameter("Not allowed to do groupBy when doing iteration");
  if (isRange) throw invalidParameter("Not allowed to do range-search when doing search-group-by");
}

function groupPart(schema: CollectionSchema, name: string, params: ReadonlyMap<string, string>): GroupPart {
  const place = documentPlace(schema, name);
  const field = place?.field ?? fieldByName(schema, name);
  if (field === null) throw milvusError("FieldNotFound", "groupBy field not found in schema", { field: name });
  if (field.dataType === DataType.JSON) {
    const given = params.get("json_path") ?? "";
    const path = given === "" ? (place?.path ?? null) : pathKeys(given);
    if (path !== null) return { field, place: { path, type: castType(params), isStrict: isStrictCast(params) } };
    if (given !== "") throw invalidParameter(`invalid json_path ${given} of group by field ${name}`);
  }
  checkGroupable(field);
  return { field, place: null };
}

export function checkGroupable({ dataType }: FieldSchema): void {
  if (isGroupable(dataType)) return;
  throw invalidParameter(`unsupported data type ${coreName(dataType)} for group by operator`);
}

function castType(params: ReadonlyMap<string, string>): DataType | null {
  const name = params.get("json_type") ?? "";
  if (name === "") return null;
  const type = CAST_TYPES.find((candidate) => dataTypeName(candidate) === name);
  if (type !== undefined) return type;
  throw invalidParameter(`unsupported json cast type for json field group_by operations: ${name}`);
}

const CAST_TYPES: readonly DataType[] = [
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.VarChar,
];

function isStrictCast(params: ReadonlyMap<string, string>): boolean {
  return /^(1|t|T|TRUE|true|True)$/.test(params.get("strict_cast") ?? "");
}

function groupSize(text: string): number {
  if (text === "") return 1;
  const size = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(size)) {
    throw invalidParameter(`failed to parse input group size:${text}`);
  }
  if (size <= 0) throw invalidParameter(`input group size:${size} is negative, failed to do search_groupby`);
  if (size > MAX_GROUP_SIZE) {
    throw invalidParameter(`input group size:${size} exceeds configured max group size:${MAX_GROUP_SIZE}`);
  }
  return size;
}

function isGroupable(type: DataType): boolean {
  switch (type) {
    case DataType.Bool:
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.VarChar:
    case DataType.Timestamptz:
      return true;
    default:
      return false;
  }
}

const CORE_NAMES: Readonly<Record<number, string>> = {
  [DataType.FloatVector]: "VECTOR_FLOAT",
  [DataType.BinaryVector]: "VECTOR_BINARY",
  [DataType.Float16Vector]: "VECTOR_FLOAT16",
  [DataType.BFloat16Vector]: "VECTOR_BFLOAT16",
  [DataType.Int8Vector]: "VECTOR_INT8",
  [DataType.SparseFloatVector]: "VECTOR_SPARSE_U32_F32",
};

/** `VECTOR_FLOAT`, `DOUBLE`…: the core of Milvus spells its types so. */
function coreName(type: DataType): string {
  return CORE_NAMES[type] ?? dataTypeName(type).toUpperCase();
}
