/** Properties of collections: which values are taken, with Milvus's texts. Keys that mean nothing here are kept and told back. */

import { invalidParameter } from "../base/errors.ts";
import { TTL_KEY } from "../model/expiry.ts";
import type { CollectionSchema, KeyValue } from "../model/schema.ts";

const TTL_FIELD_KEY = "ttl_field";
const MAX_TTL_SECONDS = 3_155_760_000;

/** `known`: what the collection has already. */
export function checkProperties(
  given: readonly KeyValue[],
  known: readonly KeyValue[],
  schema: CollectionSchema | null,
): void {
  const ttl = valueOf(given, TTL_KEY);
  const ttlField = valueOf(given, TTL_FIELD_KEY);
  if (ttl !== null) checkTimeToLive(ttl);
  if (ttlField === null) return;
  if (ttl !== null) throw invalidParameter("collection TTL and ttl field cannot be set at the same time");
  if (valueOf(known, TTL_KEY) !== null) {
    throw invalidParameter("collection TTL is already set, cannot be set ttl field");
  }
  if (schema !== null && !schema.fields.some(({ name }) => name === ttlField)) {
    throw invalidParameter(`ttl field name ${ttlField} not found in schema`);
  }
  // There are no fields of that type yet, so whichever it is, it is another.
  throw invalidParameter(`ttl field must be timestamptz, field name = ${ttlField}`);
}

function checkTimeToLive(text: string): void {
  const seconds = Number(text);
  if (!/^[+-]?\d+$/.test(text) || seconds < -1 || seconds > MAX_TTL_SECONDS) {
    throw invalidParameter(`collection TTL is out of range, expect [-1, ${MAX_TTL_SECONDS}], got ${text}`);
  }
}

function valueOf(properties: readonly KeyValue[], wanted: string): string | null {
  return properties.find(({ key }) => key === wanted)?.value ?? null;
}
