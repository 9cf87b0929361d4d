/**
 * When a read may begin, and what it sees: as of now, as of the first page of its iterator, or as of a timestamp in the past.
 *
 * Always true: a read of the past sees just what a read at that time would have seen, or it is refused.
 */

import { invalidParameter } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { truncatedUntil } from "../model/expiry.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { guaranteeTimestamp } from "./consistency.ts";
import { pageTimestamp } from "./iterate.ts";
import type { Freshness } from "./requests.ts";

export interface ReadTime {
  /** What each shard must have applied before it answers. */
  readonly guarantee: Timestamp;
  /** What is read; null: each shard as of now. */
  readonly timestamp: Timestamp | null;
}

export function readTime(
  collection: CollectionInfo,
  request: Freshness & { readonly params: ReadonlyMap<string, string> },
  now: Timestamp,
): ReadTime {
  const asOf = request.asOf ?? 0n;
  if (asOf === 0n) {
    const page = pageTimestamp(request.params, request.guaranteeTimestamp, now);
    return { guarantee: guaranteeTimestamp(collection, request, now), timestamp: page };
  }
  // Of an iterator too: each of its pages names the same moment, and what it guarantees may be a later write of the program's own.
  checkPast(collection, asOf, now);
  return { guarantee: asOf, timestamp: asOf };
}

function checkPast(collection: CollectionInfo, timestamp: Timestamp, now: Timestamp): void {
  if (timestamp > now) {
    throw invalidParameter(
      `the travel timestamp ${timestamp} lies in the future, the newest that can be read is ${now}`,
    );
  }
  if (timestamp < collection.createdTimestamp) {
    throw invalidParameter(
      `the travel timestamp ${timestamp} lies before the collection was created, at ${collection.createdTimestamp}`,
    );
  }
  const truncated = truncatedUntil(collection);
  if (timestamp <= truncated) {
    throw invalidParameter(
      `the travel timestamp ${timestamp} lies before the collection was truncated, at ${truncated}`,
    );
  }
}
