/**
 * Properties of collections and indexes: which can be set and changed, to which values, and when; with Milvus's texts. Keys of
 * collections that mean nothing here are kept and told back; indexes have a list.
 *
 * Not here: properties of fields (`field-properties.ts`).
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import { INDEX_PROPERTIES, checkMapping } from "../index/parameters.ts";
import { TTL_FIELD_KEY, TTL_KEY } from "../model/expiry.ts";
import {
  type CollectionInfo,
  type CollectionSchema,
  type KeyValue,
  primaryKeyField,
  propertyValue,
} from "../model/schema.ts";
import { TIME_ZONE_KEY, isTimeZone } from "../model/timestamptz.ts";
import { CONSISTENCY_LEVEL_KEY, DataType, consistencyLevelOf, isVectorType } from "../model/types.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import { checkRate } from "./quotas.ts";

export const MMAP_KEY = "mmap.enabled";
export const WARMUP_KEY = "warmup";
const ISOLATION_KEY = "partitionkey.isolation";
const QUERY_MODE_KEY = "query_mode";
const MAX_TTL_SECONDS = 3_155_760_000;
const WARMUP_POLICIES: ReadonlySet<string> = new Set(["disable", "sync", "async"]);
/** Other spellings of a key that are surely a slip. */
const QUERY_MODE_SLIP = /^query[-. ]?mode$/i;
const EXTERNAL_KEYS: ReadonlySet<string> = new Set(["collection.external_source", "collection.external_spec"]);
const AUTO_ID_KEY = "allow_insert_auto_id";

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
  for (const { key, value } of given) {
    if (key === WARMUP_KEY) {
      throw invalidParameter(
        `warmup key '${WARMUP_KEY}' is only allowed at field level, use warmup.scalarField/warmup.scalarIndex/warmup.vectorField/warmup.vectorIndex at collection level`,
      );
    }
    if (key !== QUERY_MODE_KEY && QUERY_MODE_SLIP.test(key)) {
      throw invalidParameter(`invalid property key "${key}", did you mean "${QUERY_MODE_KEY}"?`);
    }
    checkValue(key, value);
  }
  if (isTrue(propertyValue(given, AUTO_ID_KEY)) && !primaryKeyField(schema).autoId) {
    throw invalidParameter(`the value for ${AUTO_ID_KEY} must be false when autoID is false`);
  }
  if (isTrue(propertyValue(given, ISOLATION_KEY)) && !schema.fields.some(({ isPartitionKey }) => isPartitionKey)) {
    throw milvusError(
      "CollectionIllegalSchema",
      "partition key isolation mode is enabled but no partition key field is set. Please set the partition key first",
      { collection: schema.name },
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
  if (given.length > 0 && deleteKeys.length > 0) {
    throw invalidParameter("cannot provide both DeleteKeys and ExtraParams");
  }
  for (const { key } of given.filter((property) => EXTERNAL_KEYS.has(property.key))) {
    throw invalidParameter(
      `cannot alter ${key} via alter_collection_properties; use RefreshExternalCollection instead`,
    );
  }
  for (const key of deleteKeys.filter((name) => EXTERNAL_KEYS.has(name))) {
    throw invalidParameter(
      `cannot delete ${key}; external source/spec are immutable post-create except via RefreshExternalCollection`,
    );
  }
  const { schema, properties } = collection;
  checkLoaded(load !== null, schema.name, given, deleteKeys);
  checkProperties(given, properties, schema);
  const vector = schema.fields.find(
    (field) => isVectorType(field.dataType) && indexes.some(({ fieldId }) => fieldId === field.fieldId),
  );
  if (vector === undefined) return;
  const becomes = (key: string): string | null => (deleteKeys.includes(key) ? null : propertyValue(given, key));
  const isMentioned = (key: string): boolean => deleteKeys.includes(key) || propertyValue(given, key) !== null;
  const wasIsolated = isIsolated(collection);
  if (isMentioned(ISOLATION_KEY) && isTrue(becomes(ISOLATION_KEY)) !== wasIsolated) {
    refuseIndexed("partition key isolation mode", vector.name);
  }
  if (isMentioned(QUERY_MODE_KEY) && becomes(QUERY_MODE_KEY) !== propertyValue(properties, QUERY_MODE_KEY)) {
    refuseIndexed(QUERY_MODE_KEY, vector.name);
  }
}

function refuseIndexed(what: string, fieldName: string): never {
  throw milvusError(
    "IndexDuplicate",
    `can not alter ${what} if the collection already has a vector index. Please drop the index first`,
    { indexName: fieldName },
  );
}

/** How files are held in memory does not change under a collection that is loaded. */
function checkLoaded(
  isLoaded: boolean,
  collection: string,
  given: readonly KeyValue[],
  deleteKeys: readonly string[],
): void {
  if (!isLoaded) return;
  const refuse = (what: string): never => {
    throw milvusError("CollectionLoaded", `can not ${what} properties if collection loaded`, { collection });
  };
  if (given.some(({ key }) => key === MMAP_KEY)) refuse("alter mmap");
  if (given.some(({ key }) => isWarmup(key))) refuse("alter warmup");
  const deleted = deleteKeys.find((key) => key === MMAP_KEY || isWarmup(key));
  if (deleted !== undefined) refuse(`delete ${deleted === MMAP_KEY ? "mmap" : deleted}`);
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
export function checkValue(key: string, value: string): void {
  if (key === TTL_KEY) checkTimeToLive(value);
  checkRate(key, value);
  if (key === MMAP_KEY && !/^(true|false)$/i.test(value)) {
    throw invalidParameter(`invalid ${MMAP_KEY} value: ${value}, expected: true, false`);
  }
  if (isWarmup(key) && !WARMUP_POLICIES.has(value)) {
    throw invalidParameter(`invalid warmup policy: ${value}, expected: disable, sync, async`);
  }
  if (key === TIME_ZONE_KEY && !isTimeZone(value)) {
    throw invalidParameter(`unknown or invalid IANA Time Zone ID: ${value}`);
  }
  if (key === CONSISTENCY_LEVEL_KEY && consistencyLevelOf(value) === null) {
    throw invalidParameter(`invalid consistency level: ${value}`);
  }
  if (key === QUERY_MODE_KEY && value !== "large_topk") {
    throw invalidParameter(`invalid query_mode value "${value}", valid values: [large_topk]`);
  }
}

/** Of a database: the only property of it whose value collections take over. */
export function checkTimeZone(properties: readonly KeyValue[]): void {
  for (const { key, value } of properties) if (key === TIME_ZONE_KEY) checkValue(key, value);
}

function checkTimeToLive(text: string): void {
  const seconds = Number(text);
  if (!/^[+-]?\d+$/.test(text)) throw invalidParameter("collection TTL is not a valid positive integer");
  if (seconds < -1 || seconds > MAX_TTL_SECONDS) {
    throw invalidParameter(`collection TTL is out of range, expect [-1, ${MAX_TTL_SECONDS}], got ${text}`);
  }
}

/** Rows expire by their age or by a field, not by both. */
function checkTimeToLiveField(given: readonly KeyValue[], known: readonly KeyValue[], schema: CollectionSchema): void {
  const field = propertyValue(given, TTL_FIELD_KEY);
  const isByAge = propertyValue(given, TTL_KEY) !== null;
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
  if (isByAge && propertyValue(known, TTL_FIELD_KEY) !== null) {
    throw invalidParameter("ttl field is already exists, cannot be set collection TTL");
  }
  if (field !== null && propertyValue(known, TTL_KEY) !== null) {
    throw invalidParameter("collection TTL is already set, cannot be set ttl field");
  }
}

export function isWarmup(key: string): boolean {
  return key === WARMUP_KEY || /^warmup\.(scalar|vector)(Field|Index)$/.test(key);
}

function isTrue(value: string | null): boolean {
  return value?.toLowerCase() === "true";
}

export function isIsolated({ properties }: CollectionInfo): boolean {
  return properties.some(({ key, value }) => key === ISOLATION_KEY && value.toLowerCase() === "true");
}
