/**
 * Truncation: every row of a collection gone, the collection itself as it was.
 *
 * Always true:
 *  - one timestamp, chosen before anything is told, is the border on every shard: what was written then or before is gone, what was
 *    written later stays. So telling it twice, or after a crash, takes away nothing more;
 *  - reads go by the border, which each shard has from the log; records and files of segments behind it are only room to be had back,
 *    and go when no delegator serves them any more.
 */

import type { Operation } from "../metastore/metastore.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import { truncatedUntil } from "../model/expiry.ts";
import type { CollectionName } from "../rpc/services.ts";
import { alteration } from "./alteration.ts";
import { type Context, putJson } from "./context.ts";
import { droppedSegmentKey, segmentKey } from "./meta-keys.ts";

/** A transaction of the metadata holds so many, two operations each. */
const SEGMENTS_AT_ONCE = 50;

/** Returns the collection's id. */
export async function truncateCollection(context: Context, request: CollectionName): Promise<bigint> {
  let collectionId = 0n;
  await context.broadcaster.run(async () => {
    const collection = context.catalog.collection(request);
    ({ collectionId } = collection);
    const until = await context.timestamps.allocate();
    return alteration(context, collection, { truncatedUntil: until });
  });
  await sweepTruncated(context, collectionId);
  return collectionId;
}

/** Forgets the segments behind the border: those that were there, and those whose flush ended only later. */
export async function sweepTruncated(context: Context, collectionId: bigint): Promise<void> {
  const collection = context.catalog.collectionById(collectionId);
  if (collection === null || truncatedUntil(collection) === 0n) return;
  const until = truncatedUntil(collection);
  const gone = context.catalog.segments(collectionId).filter(({ timestampTo }) => timestampTo <= until);
  for (let from = 0; from < gone.length; from += SEGMENTS_AT_ONCE) {
    const operations = gone.slice(from, from + SEGMENTS_AT_ONCE).flatMap(removal);
    await context.store.transaction([], operations);
    context.catalog.apply(operations);
  }
}

/** The record becomes a note that the files can go. */
function removal({ collectionId, partitionId, segmentId }: SegmentInfo): Operation[] {
  return [
    { delete: segmentKey(collectionId, partitionId, segmentId) },
    putJson(droppedSegmentKey(collectionId, partitionId, segmentId), { collectionId, partitionId, segmentId }),
  ];
}
