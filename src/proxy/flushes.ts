/** Flushing: closing growing segments, and knowing when their rows are in files. */

import type { Timestamp } from "../base/timestamp.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { SegmentLevel } from "../model/types.ts";
import type { ProxyContext } from "./context.ts";
import type { Target } from "./requests.ts";
import { flushedSegments, growingSegments } from "./statistics.ts";

export interface FlushedCollection {
  readonly collectionName: string;
  /** Segments that this flush closes. */
  readonly segmentIds: readonly bigint[];
  /** Segments that were in files before. */
  readonly flushedSegmentIds: readonly bigint[];
  readonly flushTimestamp: Timestamp;
  readonly sealSeconds: bigint;
}

/** Either all collections are there, or none is flushed. */
export async function flush(context: ProxyContext, targets: readonly Target[]): Promise<FlushedCollection[]> {
  const collections = await Promise.all(targets.map((target) => context.describe(target)));
  return Promise.all(collections.map((collection) => flushCollection(context, collection)));
}

/** Every collection of every database. Every row up to the returned timestamp is then in a closed segment. */
export async function flushAll(context: ProxyContext): Promise<Timestamp> {
  const timestamp = await context.timestamp();
  for (const collection of await everyCollection(context)) await flushCollection(context, collection);
  return timestamp;
}

/** Whether every row and delete up to the timestamp is in files. */
export async function isFlushed(
  context: ProxyContext,
  collection: CollectionInfo,
  timeTick: Timestamp,
): Promise<boolean> {
  for (const virtualChannel of collection.virtualChannels) {
    if (!(await context.streaming.isFlushed({ virtualChannel, timeTick })).flushed) return false;
  }
  return true;
}

export async function isEverythingFlushed(context: ProxyContext, timeTick: Timestamp): Promise<boolean> {
  for (const collection of await everyCollection(context)) {
    if (!(await isFlushed(context, collection, timeTick))) return false;
  }
  return true;
}

/** Whether these segments are in files. */
export async function areSegmentsFlushed(context: ProxyContext, segmentIds: readonly bigint[]): Promise<boolean> {
  const growing = new Set<bigint>();
  for (const collection of await everyCollection(context)) {
    for (const segment of await growingSegments(context, collection)) growing.add(segment.segmentId);
  }
  return segmentIds.every((segmentId) => !growing.has(segmentId));
}

async function flushCollection(context: ProxyContext, collection: CollectionInfo): Promise<FlushedCollection> {
  const { collectionId, virtualChannels, schema } = collection;
  const before = await flushedSegments(context, collection);
  const flushed = await Promise.all(
    virtualChannels.map((virtualChannel) =>
      context.streaming.flush({ virtualChannel, collectionId, partitionId: null }),
    ),
  );
  return {
    collectionName: schema.name,
    segmentIds: flushed.flatMap((channel) => channel.segmentIds),
    flushedSegmentIds: before.filter(({ level }) => level !== SegmentLevel.L0).map(({ segmentId }) => segmentId),
    flushTimestamp: flushed.reduce((most, { timeTick }) => (timeTick > most ? timeTick : most), 0n),
    sealSeconds: BigInt(Math.floor(context.runtime.now() / 1_000)),
  };
}

async function everyCollection(context: ProxyContext): Promise<CollectionInfo[]> {
  const collections: CollectionInfo[] = [];
  for (const { name } of (await context.coordinator.listDatabases({})).databases) {
    const shown = await context.coordinator.showCollections({ databaseName: name });
    collections.push(...shown.collections.map(({ collection }) => collection));
  }
  return collections;
}
