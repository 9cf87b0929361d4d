/**
 * Which rows a collection does not have any more although nobody deleted them: those older than its time to live, and those from before
 * it was truncated.
 *
 * Always true: the answer depends on the collection, the row's timestamp and the read's timestamp only (I 10.28). The bytes stay until
 * their segment is rewritten.
 */

import { composeTimestamp, physicalMilliseconds, type Timestamp } from "../base/timestamp.ts";
import type { CollectionInfo } from "./schema.ts";

export const TTL_KEY = "collection.ttl.seconds";
/** Names the field that says when each row expires. */
export const TTL_FIELD_KEY = "ttl_field";

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
