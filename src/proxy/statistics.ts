/** Segments of a collection, growing and flushed, and how many rows they have. */

import type { SegmentInfo } from "../model/catalog.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { SegmentLevel } from "../model/types.ts";
import type { GrowingSegmentInfo } from "../rpc/services.ts";
import type { ProxyContext } from "./context.ts";

export async function flushedSegments(
  context: ProxyContext,
  { collectionId }: CollectionInfo,
): Promise<readonly SegmentInfo[]> {
  return (await context.coordinator.listSegments({ collectionId })).segments;
}

export async function growingSegments(
  context: ProxyContext,
  { collectionId }: CollectionInfo,
): Promise<readonly GrowingSegmentInfo[]> {
  return (await context.streaming.growingSegments({ collectionId })).segments;
}

/** Rows of live segments; deletes are not subtracted before compaction. `partitionId` null: all partitions. */
export async function rowCount(
  context: ProxyContext,
  collection: CollectionInfo,
  partitionId: bigint | null,
): Promise<number> {
  const wanted = (segment: { readonly partitionId: bigint }): boolean =>
    partitionId === null || segment.partitionId === partitionId;
  const [growing, flushed] = await Promise.all([
    growingSegments(context, collection),
    flushedSegments(context, collection),
  ]);
  const rows = flushed.filter((segment) => segment.level !== SegmentLevel.L0 && wanted(segment));
  // A segment that has just been flushed may be told by both.
  const known = new Set(rows.map((segment) => segment.segmentId));
  const open = growing.filter((segment) => wanted(segment) && !known.has(segment.segmentId));
  return [...rows, ...open].reduce((sum, segment) => sum + segment.rowCount, 0);
}
