/** What a search groups its hits by: `group_by_field`, `group_size`, `strict_group_size`. */

import { invalidParameter, milvusError } from "../base/errors.ts";
import { type CollectionSchema, type FieldSchema, fieldByName } from "../model/schema.ts";
import { DataType, dataTypeName } from "../model/types.ts";

const MAX_GROUP_SIZE = 10;

/**
 * `strict_group_size` is not here: a search that looks at every row fills each group as far as there are rows, which is all that a
 * strict one promises.
 */
export interface Grouping {
  readonly field: FieldSchema;
  /** Hits a group shows, at most. */
  readonly size: number;
}

/** Null when nothing is grouped. */
export function planGrouping(schema: CollectionSchema, params: ReadonlyMap<string, string>): Grouping | null {
  const size = groupSize(params.get("group_size") ?? "");
  const name = params.get("group_by_field") ?? "";
  if (name === "") return null;
  for (const key of ["json_path", "json_type", "strict_cast"]) {
    if ((params.get(key) ?? "") !== "") throw invalidParameter(`${key} of a group by is not supported yet`);
  }
  const field = fieldByName(schema, name);
  if (field === null) throw milvusError("FieldNotFound", "groupBy field not found in schema", { field: name });
  if (!isGroupable(field.dataType)) {
    throw invalidParameter(`unsupported data type ${coreName(field.dataType)} for group by operator`);
  }
  return { field, size };
}

/** Iterators, ranges and binary vectors do not group. */
export function checkGroupedSearch(isIterator: boolean, isRange: boolean, queryType: number): void {
  if (queryType === DataType.BinaryVector) {
    throw invalidParameter("not support search_group_by operation based on binary vector");
  }
  if (isIterator) throw invalidParameter("Not allowed to do groupBy when doing iteration");
  if (isRange) throw invalidParameter("Not allowed to do range-search when doing search-group-by");
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
