/**
 * Every shard of a collection, searched by the same plans: one snapshot a shard, held until released, from which fields of hits come.
 */

import { present } from "../base/assert.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { ColumnBatch } from "../model/columns.ts";
import type { HitPlaces, Hits, SearchPlan } from "../model/plan.ts";
import type { CollectionInfo, CollectionSchema } from "../model/schema.ts";
import { placesOf, scatterRows, segmentsOf } from "../rank/places.ts";
import { emptyBatch } from "../rank/read-segments.ts";
import { pauseOf } from "../segment/execute.ts";
import type { ProxyContext } from "./context.ts";
import type { ReadTime } from "./read-time.ts";

export interface SearchedShard {
  readonly virtualChannel: string;
  readonly timestamp: Timestamp;
  /** Null: it is not held, and no fields can be fetched from it. */
  readonly leaseId: bigint | null;
  /** In the order of the plans. */
  readonly hits: readonly Hits[];
}

/**
 * Whoever calls this releases what comes back. With `previous`, each shard is read as of its snapshot there; `keep` false: no fields will be
 * fetched.
 */
export async function searchShards(
  context: ProxyContext,
  collection: CollectionInfo,
  plans: readonly SearchPlan[],
  time: ReadTime,
  signal: AbortSignal,
  {
    previous = null,
    keep = true,
  }: { readonly previous?: readonly SearchedShard[] | null; readonly keep?: boolean } = {},
): Promise<readonly SearchedShard[]> {
  return Promise.all(
    collection.virtualChannels.map(async (virtualChannel) => {
      const seen = previous?.find((shard) => shard.virtualChannel === virtualChannel);
      const timestamp = seen?.timestamp ?? time.timestamp;
      const request = { virtualChannel, plans, keep, guarantee: time.guarantee, timestamp };
      return { virtualChannel, ...(await context.streaming.search(request, { signal })) };
    }),
  );
}

export function releaseShards(context: ProxyContext, shards: readonly SearchedShard[]): void {
  for (const { virtualChannel, leaseId } of shards) {
    if (leaseId === null) continue;
    // A lease that cannot be given back expires.
    void context.streaming.releaseLease({ virtualChannel, leaseId }).catch(() => undefined);
  }
}

/** Fields of hits of these shards, in the order of the places. */
export async function fetchFields(
  context: ProxyContext,
  schema: CollectionSchema,
  shards: readonly SearchedShard[],
  fieldIds: readonly bigint[],
  hits: HitPlaces,
): Promise<ColumnBatch> {
  if (fieldIds.length === 0 || hits.rows.length === 0) return emptyBatch(schema, fieldIds);
  const parts = await Promise.all(
    shards.map(async (shard) => {
      const own = new Set(shard.hits.flatMap(({ segmentIds }) => segmentsOf(segmentIds)));
      const { positions, places } = placesOf(hits, (segmentId) => own.has(segmentId));
      if (positions.length === 0) return null;
      const { virtualChannel } = shard;
      const leaseId = present(shard.leaseId, "the lease of a shard whose fields are fetched");
      const { batch } = await context.streaming.fetch({ virtualChannel, leaseId, fieldIds, places });
      return { positions, batch };
    }),
  );
  const filled = parts.filter((part) => part !== null);
  return filled.length === 1 ? filled[0]!.batch : scatterRows(filled, pauseOf(context));
}

/** The newest of their snapshots. */
export function sessionTimestamp(shards: readonly { readonly timestamp: Timestamp }[]): Timestamp {
  return shards.reduce((most, { timestamp }) => (timestamp > most ? timestamp : most), 0n);
}
