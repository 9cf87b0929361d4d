/**
 * Properties of collections, fields and indexes: which can be set and changed, to which values, and when; with Milvus's texts. Keys of
 * collections that mean nothing here are kept and told back; fields and indexes have a list.
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import { INDEX_PROPERTIES, checkMapping } from "../index/parameters.ts";
import { TTL_FIELD_KEY, TTL_KEY } from "../model/expiry.ts";
import { type CollectionInfo, type CollectionSchema, type KeyValue, fieldByName } from "../model/schema.ts";
import { TIME_ZONE_KEY, isTimeZone } from "../model/timestamptz.ts";
import { DataType, isVectorType } from "../model/types.ts";
import type { DescribedCollection } from "../rpc/services.ts";

const MMAP_KEY = "mmap.enabled";
const WARMUP_KEY = "warmup";
const ISOLATION_KEY = "partitionkey.isolation";
const QUERY_MODE_KEY = "query_mode";
const MAX_LENGTH_KEY = "max_length";
const MAX_TTL_SECONDS = 3_155_760_000;
const MAX_VARCHAR_BYTES = 65_535;
const WARMUP_POLICIES: ReadonlySet<string> = new Set(["disable", "sync", "async"]);
const FIELD_PROPERTIES: ReadonlySet<string> = new Set([
  MMAP_KEY,
  WARMUP_KEY,
  MAX_LENGTH_KEY,
  "max_capacity",
  "field.description",
]);
const FIELD_DELETABLE: ReadonlySet<string> = new Set([MMAP_KEY, WARMUP_KEY]);

export function requireChange(properties: readonly KeyValue[], deleteKeys: readonly string[]): void {
  if (properties.length === 0 && deleteKeys.length === 0)
    throw invalidParameter("no properties or delete keys provided");
}

/** `known`: what the collection has already. */
export function checkProperties(
  given: readonly KeyValue[],
  known: readonly KeyValue[],
  schema: CollectionSchema,
): void {
  for (const { key, value } of given) checkValue(key, value);
  const isIsolated = (valueOf(given, ISOLATION_KEY) ?? "").toLowerCase() === "true";
  if (isIsolated && !schema.fields.some(({ isPartitionKey }) => isPartitionKey)) {
    throw invalidParameter(
      "partition key isolation mode is enabled but no partition key field is set. Please set the partition key first",
    );
  }
  checkTimeToLiveField(given, known, schema);
}

/** Of a collection that is there: besides the values, what it may not be in the middle of. */
export function checkAlteration(
  { collection, indexes, load }: DescribedCollection,
  given: readonly KeyValue[],
  deleteKeys: readonly string[],
): void {
  const { schema } = collection;
  checkProperties(given, collection.properties, schema);
  const isVector = (fieldId: bigint): boolean =>
    schema.fields.some((field) => field.fieldId === fieldId && isVectorType(field.dataType));
  const hasVectorIndex = indexes.some(({ fieldId }) => isVector(fieldId));
  const changed = [...given.map(({ key }) => key), ...deleteKeys];
  if (hasVectorIndex && changed.includes(ISOLATION_KEY)) {
    throw invalidParameter(
      "can not alter partition key isolation mode if the collection already has a vector index. Please drop the index first",
    );
  }
  if (hasVectorIndex && changed.includes(QUERY_MODE_KEY)) {
    throw invalidParameter("can not alter query_mode if the collection already has a vector index");
  }
  if (load === null) return;
  const facts = { collection: schema.name };
  if (given.some(({ key }) => key === MMAP_KEY)) {
    throw milvusError("CollectionLoaded", "can not alter mmap properties if collection loaded", facts);
  }
  if (deleteKeys.includes(MMAP_KEY)) {
    throw milvusError("CollectionLoaded", "can not delete mmap properties if collection loaded", facts);
  }
  if (changed.some(isWarmup)) {
    throw milvusError("CollectionLoaded", "can not alter warmup properties if collection loaded", facts);
  }
}

export function checkFieldAlteration(
  { collection, load }: DescribedCollection,
  fieldName: string,
  given: readonly KeyValue[],
  deleteKeys: readonly string[],
): void {
  const { schema } = collection;
  const field = fieldByName(schema, fieldName);
  if (field === null || field.isDynamic) throw milvusError("FieldNotFound", "", { field: fieldName });
  for (const { key, value } of given) {
    if (!FIELD_PROPERTIES.has(key)) throw invalidParameter(`${key} does not allow update in collection field param`);
    checkValue(key, value);
    if (key === MAX_LENGTH_KEY) {
      if (field.dataType !== DataType.VarChar) {
        throw invalidParameter(`${fieldName} can not modify the maxlength for non-string types`);
      }
      checkMaxLength(fieldName, value);
    }
    if (key === "max_capacity") {
      throw invalidParameter(`${fieldName} can not modify the maxcapacity for non-array types`);
    }
  }
  for (const key of deleteKeys) {
    if (!FIELD_DELETABLE.has(key)) throw invalidParameter(`${key} is not allowed to drop in collection field param`);
  }
  if (load === null) return;
  const changed = [...given.map(({ key }) => key), ...deleteKeys];
  const facts = { collection: schema.name };
  if (changed.includes(MMAP_KEY)) {
    throw milvusError("CollectionLoaded", "can not alter collection field properties if collection loaded", facts);
  }
  if (changed.includes(WARMUP_KEY)) {
    throw milvusError("CollectionLoaded", "can not alter warmup if collection loaded", facts);
  }
}

export function checkIndexAlteration(
  { collection, indexes, load }: DescribedCollection,
  indexName: string,
  given: readonly KeyValue[],
  deleteKeys: readonly string[],
): void {
  if (given.length > 0 && deleteKeys.length > 0) {
    throw invalidParameter("cannot provide both DeleteKeys and ExtraParams");
  }
  for (const key of [...given.map((entry) => entry.key), ...deleteKeys]) {
    if (!INDEX_PROPERTIES.has(key)) throw invalidParameter(`${key} is not a configable index property`);
  }
  for (const { key, value } of given) checkValue(key, value);
  checkMapping(indexes.find((index) => index.indexName === indexName)?.indexType ?? "", given);
  if (load === null) return;
  throw milvusError("CollectionLoaded", "can't alter index on loaded collection, please release the collection first", {
    collection: collection.schema.name,
  });
}

/** Whatever has the property. */
function checkValue(key: string, value: string): void {
  if (key === TTL_KEY) checkTimeToLive(value);
  if (key === MMAP_KEY && !/^(true|false)$/i.test(value)) {
    throw invalidParameter(`invalid ${MMAP_KEY} value: ${value}, expected: true, false`);
  }
  if (isWarmup(key) && !WARMUP_POLICIES.has(value)) {
    throw invalidParameter(`invalid warmup policy: ${value}, expected: disable, sync, async`);
  }
  if (key === TIME_ZONE_KEY && !isTimeZone(value)) {
    throw invalidParameter(`unknown or invalid IANA Time Zone ID: ${value}`);
  }
  if (key === QUERY_MODE_KEY && value !== "large_topk") {
    throw invalidParameter(`invalid query_mode value "${value}", valid values: [large_topk]`);
  }
}

function checkTimeToLive(text: string): void {
  const seconds = Number(text);
  if (!/^[+-]?\d+$/.test(text) || seconds < -1 || seconds > MAX_TTL_SECONDS) {
    throw invalidParameter(`collection TTL is out of range, expect [-1, ${MAX_TTL_SECONDS}], got ${text}`);
  }
}

/** Rows expire by their age or by a field, not by both. */
function checkTimeToLiveField(given: readonly KeyValue[], known: readonly KeyValue[], schema: CollectionSchema): void {
  const field = valueOf(given, TTL_FIELD_KEY);
  const isByAge = valueOf(given, TTL_KEY) !== null;
  if (field !== null) {
    const declared = schema.fields.find(({ name }) => name === field);
    if (declared === undefined) throw invalidParameter(`ttl field name ${field} not found in schema`);
    if (declared.dataType !== DataType.Timestamptz) {
      throw invalidParameter(`ttl field must be timestamptz, field name = ${field}`);
    }
  }
  if (field !== null && isByAge) {
    throw invalidParameter("collection TTL and ttl field cannot be set at the same time");
  }
  if (isByAge && valueOf(known, TTL_FIELD_KEY) !== null) {
    throw invalidParameter("ttl field is already exists, cannot be set collection TTL");
  }
  if (field !== null && valueOf(known, TTL_KEY) !== null) {
    throw invalidParameter("collection TTL is already set, cannot be set ttl field");
  }
}

function checkMaxLength(fieldName: string, text: string): void {
  const length = Number(text);
  if (/^[+-]?\d+$/.test(text) && length > 0 && length <= MAX_VARCHAR_BYTES) return;
  throw invalidParameter(
    `the maximum length specified for the field(${fieldName}) should be in (0, ${MAX_VARCHAR_BYTES}], but got ${text} instead`,
  );
}

function isWarmup(key: string): boolean {
  return key === WARMUP_KEY || /^warmup\.(scalar|vector)(Field|Index)$/.test(key);
}

function valueOf(properties: readonly KeyValue[], wanted: string): string | null {
  return properties.find(({ key }) => key === wanted)?.value ?? null;
}

export function isIsolated({ properties }: CollectionInfo): boolean {
  return properties.some(({ key, value }) => key === ISOLATION_KEY && value.toLowerCase() === "true");
}
