/** Properties of fields: which can be changed, to which values, and when; with Milvus's texts. */

import { invalidParameter, milvusError } from "../base/errors.ts";
import { type FieldSchema, type KeyValue, fieldByName } from "../model/schema.ts";
import { DataType, isArrayType } from "../model/types.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import { MAX_ARRAY_CAPACITY, MAX_VARCHAR_BYTES } from "./declare-field.ts";
import { MMAP_KEY, WARMUP_KEY, checkValue, isWarmup } from "./properties.ts";

const MAX_LENGTH_KEY = "max_length";
const MAX_CAPACITY_KEY = "max_capacity";
const KNOWN: ReadonlySet<string> = new Set([MMAP_KEY, MAX_LENGTH_KEY, MAX_CAPACITY_KEY, "field.description"]);

/** The ORM's spelling counts as the key. */
export function knownFieldKey(key: string): string {
  return key === "mmap_enabled" ? MMAP_KEY : key;
}

export function checkFieldAlteration(
  { collection: { schema }, load }: DescribedCollection,
  fieldName: string,
  given: readonly KeyValue[],
  deleteKeys: readonly string[],
): void {
  const field = fieldByName(schema, fieldName);
  if (field === null || field.isDynamic) throw milvusError("FieldNotFound", "", { field: fieldName });
  const refuseLoaded = (what: string): void => {
    if (load === null) return;
    throw milvusError("CollectionLoaded", `can not ${what} if collection loaded`, { collection: schema.name });
  };
  for (const { key, value } of given) {
    if (!KNOWN.has(key) && !isWarmup(key)) {
      throw invalidParameter(`${key} does not allow update in collection field param`);
    }
    if (key === MMAP_KEY) refuseLoaded("alter collection field properties");
    if (key === WARMUP_KEY) refuseLoaded("alter warmup");
    checkValue(key, value);
    if (key === MAX_LENGTH_KEY) checkMaxLength(field, value);
    if (key === MAX_CAPACITY_KEY) checkMaxCapacity(field, value);
  }
  for (const key of deleteKeys) {
    if (key !== MMAP_KEY && !isWarmup(key)) {
      throw invalidParameter(`${key} is not allowed to drop in collection field param`);
    }
    if (key === MMAP_KEY || key === WARMUP_KEY) refuseLoaded("drop collection field properties");
  }
}

function checkMaxLength({ name, dataType, elementType }: FieldSchema, text: string): void {
  if ((dataType === DataType.Array ? elementType : dataType) !== DataType.VarChar) {
    throw invalidParameter(`${name} can not modify the maxlength for non-string types`);
  }
  if (!/^[+-]?\d+$/.test(text)) throw invalidParameter(`${MAX_LENGTH_KEY} should be an integer, but got string`);
  const length = Number(text);
  if (length > MAX_VARCHAR_BYTES) {
    throw invalidParameter(`${text} exceeds the maximum allowed value ${MAX_VARCHAR_BYTES}`);
  }
  if (length > 0) return;
  throw invalidParameter(
    `the maximum length specified for the field(${name}) should be in (0, ${MAX_VARCHAR_BYTES}], but got ${text} instead`,
  );
}

function checkMaxCapacity({ name, dataType }: FieldSchema, text: string): void {
  if (!isArrayType(dataType)) throw invalidParameter(`${name} can not modify the maxcapacity for non-array types`);
  if (!/^[+-]?\d+$/.test(text)) {
    throw invalidParameter(`the value for ${MAX_CAPACITY_KEY} of field ${name} must be an integer`);
  }
  const capacity = Number(text);
  if (capacity > 0 && capacity <= MAX_ARRAY_CAPACITY) return;
  throw invalidParameter(`the maximum capacity specified for a Array should be in (0, ${MAX_ARRAY_CAPACITY}]`);
}
