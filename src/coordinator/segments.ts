/**
 * Flushed segments: which exist, and the one transaction that makes them so.
 *
 * Always true:
 *  - a segment's files are durable before its record, and the record is gone before its files are removed (I 10.20);
 *  - a flush and the checkpoint that covers it are one transaction, refused when the channel has another owner by now (I 10.22, 23).
 */

import { milvusError } from "../base/errors.ts";
import { encodeJson } from "../base/json.ts";
import type { Compare, Operation } from "../metastore/metastore.ts";
import { OutcomeUnknown } from "../metastore/metastore.ts";
import type { CoordinatorService } from "../rpc/services.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import type { KeyedWrite } from "../model/message.ts";
import { truncatedUntil } from "../model/expiry.ts";
import { physicalChannel } from "../model/schema.ts";
import { decodeJson } from "../base/json.ts";
import type { LogPlace } from "../rpc/services.ts";
import { type Context, putJson } from "./context.ts";
import {
  checkpointKey,
  collectionKey,
  deletesFlushedKey,
  droppedKey,
  droppedSegmentKey,
  keyedWritesKey,
  pchannelKey,
  segmentKey,
} from "./meta-keys.ts";

type FlushRequest = Parameters<CoordinatorService["saveFlush"]>[0];

export async function saveFlush(context: Context, request: FlushRequest): Promise<void> {
  const owner: Compare = { key: pchannelKey(request.channel), value: encodeJson({ term: request.term }) };
  for (;;) {
    // A collection or partition that was dropped meanwhile takes its segments with it, and so does a truncation.
    const live = request.segments.filter((segment) => {
      const collection = context.catalog.collectionById(segment.collectionId);
      const anyPartition = segment.partitionId === -1n;
      if (isTruncated(context, segment)) return false;
      return collection?.partitions.some((partition) => anyPartition || partition.partitionId === segment.partitionId);
    });
    const collections = new Map(
      live.map((segment) => [segment.collectionId, context.catalog.collectionById(segment.collectionId)!]),
    );
    const exist = [...collections.values()].map(({ databaseId, collectionId }): Compare => ({
      key: collectionKey(databaseId, collectionId),
      exists: true,
    }));
    const operations: Operation[] = [
      ...request.segments
        .filter((segment) => isTruncated(context, segment))
        .map(({ collectionId, partitionId, segmentId }) =>
          putJson(droppedSegmentKey(collectionId, partitionId, segmentId), { collectionId, partitionId, segmentId }),
        ),
      ...live.map((segment) =>
        putJson(segmentKey(segment.collectionId, segment.partitionId, segment.segmentId), segment),
      ),
      ...request.deletesFlushed.map(({ virtualChannel, timeTick }) =>
        putJson(deletesFlushedKey(virtualChannel), timeTick),
      ),
      putJson(checkpointKey(request.channel), request.checkpoint),
      ...(request.keyedWrites === null ? [] : [putJson(keyedWritesKey(request.channel), request.keyedWrites)]),
    ];
    try {
      const { succeeded } = await context.store.transaction([owner, ...exist], operations);
      if (succeeded) return context.catalog.apply(operations);
    } catch (error) {
      // Writing the same once more is harmless, so an unclear outcome is repeated until it is clear.
      if (!(error instanceof OutcomeUnknown)) throw error;
      await context.runtime.yield();
      continue;
    }
    const current = await context.store.get(pchannelKey(request.channel));
    if (current === null || decodeJson<{ term: bigint }>(current.value).term !== request.term) {
      throw milvusError(
        "ChannelNotAvailable",
        `the channel ${request.channel} has another owner than term ${request.term}`,
      );
    }
    await context.runtime.yield();
  }
}

/** Nothing it has is later than the border of a truncation. */
export function isTruncated(context: Context, { collectionId, timestampTo }: SegmentInfo): boolean {
  const collection = context.catalog.collectionById(collectionId);
  return collection !== null && timestampTo <= truncatedUntil(collection);
}

export async function recoverChannel(
  context: Context,
  channel: string,
): ReturnType<CoordinatorService["recoverChannel"]> {
  const entry = await context.store.get(checkpointKey(channel));
  const writes = await context.store.get(keyedWritesKey(channel));
  const collections = context.catalog.collections().flatMap((collection) =>
    collection.virtualChannels
      .filter((virtualChannel) => physicalChannel(virtualChannel) === channel)
      .map((virtualChannel) => ({
        collection,
        virtualChannel,
        segments: context.catalog
          .segments(collection.collectionId)
          .filter((segment) => segment.insertChannel === virtualChannel),
        deletesFlushed: context.catalog.deletesFlushed(virtualChannel),
      })),
  );
  return {
    checkpoint: entry === null ? null : decodeJson<LogPlace>(entry.value),
    keyedWrites: writes === null ? [] : decodeJson<readonly KeyedWrite[]>(writes.value),
    collections,
  };
}

/**
 * Removes the files of what was dropped. `forget` also removes the note that it was, which is safe when no flush from before can still
 * be under way: at a start.
 */
export async function removeDroppedFiles(context: Context, forget: boolean): Promise<number> {
  let removed = 0;
  for (const { collectionId, partitionId, segmentId } of context.catalog.dropped()) {
    for (const kind of ["insert_log", "stats_log", "delta_log", "bm25_stats"]) {
      const partition = partitionId === null ? "" : `${partitionId}/`;
      const prefix = `${kind}/${collectionId}/${partition}${segmentId === undefined ? "" : `${segmentId}/`}`;
      const objects = await context.objects.list(prefix);
      await context.objects.delete(objects.map((object) => object.key));
      removed += objects.length;
    }
    // A single segment had its record, so its flush is over.
    if (!forget && segmentId === undefined) continue;
    const key =
      segmentId === undefined
        ? droppedKey(collectionId, partitionId)
        : droppedSegmentKey(collectionId, partitionId!, segmentId);
    const operations: Operation[] = [{ delete: key }];
    await context.store.transaction([], operations);
    context.catalog.apply(operations);
  }
  return removed;
}
