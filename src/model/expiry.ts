/**
 * Which rows a collection does not have any more although nobody deleted them: those older than its time to live, those whose own field
 * says that their time is over, and those from before it was truncated.
 *
 * Always true: the answer depends on the collection, the row and the read's timestamp only (I 10.28). The bytes stay until their segment
 * is rewritten.
 */

import { composeTimestamp, physicalMilliseconds, type Timestamp } from "../base/timestamp.ts";
import { type CollectionInfo, fieldByName, type FieldSchema } from "./schema.ts";

export const TTL_KEY = "collection.ttl.seconds";
/** Names the field that says when each row expires. */
export const TTL_FIELD_KEY = "ttl_field";

export interface Expiry {
  /** Rows inserted then or before are not seen. */
  readonly insertedUntil: Timestamp;
  /** Nor are those whose value is that or less; a null lives for ever. Null: no field says anything. */
  readonly field: ExpiryField | null;
}

export interface ExpiryField {
  readonly fieldId: bigint;
  readonly untilMicroseconds: bigint;
}

export const NOTHING_EXPIRED: Expiry = { insertedUntil: 0n, field: null };

/** What a read at `timestamp` does not see. */
export function expiryAt(collection: CollectionInfo, timestamp: Timestamp): Expiry {
  const field = timeToLiveField(collection);
  const untilMicroseconds = BigInt(physicalMilliseconds(timestamp)) * 1_000n;
  return {
    insertedUntil: expiredUntil(collection, timestamp),
    field: field === null ? null : { fieldId: field.fieldId, untilMicroseconds },
  };
}

/** The field that says when each row expires. */
export function timeToLiveField({ schema, properties }: CollectionInfo): FieldSchema | null {
  const name = properties.find(({ key }) => key === TTL_FIELD_KEY)?.value;
  return name === undefined ? null : fieldByName(schema, name);
}

/** Rows expire by time alone, so that time has to pass for every reader. */
export function hasTimeToLive(collection: CollectionInfo): boolean {
  return timeToLiveMilliseconds(collection) !== null || timeToLiveField(collection) !== null;
}

/** Null: rows live for ever. */
export function timeToLiveMilliseconds(collection: CollectionInfo): number | null {
  const text = collection.properties.find(({ key }) => key === TTL_KEY)?.value;
  const seconds = text === undefined ? 0 : Number(text);
  return seconds > 0 ? seconds * 1_000 : null;
}

/** A read at `timestamp` sees no row that was inserted at the returned timestamp or before. */
export function expiredUntil(collection: CollectionInfo, timestamp: Timestamp): Timestamp {
  const milliseconds = timeToLiveMilliseconds(collection);
  const truncated = truncatedUntil(collection);
  if (milliseconds === null) return truncated;
  const oldest = physicalMilliseconds(timestamp) - milliseconds;
  const expired = oldest <= 0 ? 0n : composeTimestamp(oldest) - 1n;
  return expired > truncated ? expired : truncated;
}

/** Whatever was written then or before is gone for every read. */
export function truncatedUntil(collection: CollectionInfo): Timestamp {
  return collection.truncatedUntil ?? 0n;
}
