/** Rows of every shard of a collection, as one batch. */

import type { Timestamp } from "../base/timestamp.ts";
import type { ColumnBatch } from "../model/columns.ts";
import type { RetrievePlan } from "../model/plan.ts";
import { type CollectionInfo, primaryKeyField } from "../model/schema.ts";
import { mergeRows } from "../rank/read-segments.ts";
import type { ProxyContext } from "./context.ts";
import { sessionTimestamp } from "./searched-shards.ts";

/** What each shard was read at, by virtual channel. */
export type ShardTimes = ReadonlyMap<string, Timestamp>;

/** `time` null: each shard as of now. */
export async function retrieve(
  context: ProxyContext,
  collection: CollectionInfo,
  plan: RetrievePlan,
  guarantee: Timestamp,
  signal: AbortSignal,
  time: Timestamp | ShardTimes | null = null,
): Promise<{ readonly batch: ColumnBatch; readonly timestamp: Timestamp; readonly timestamps: ShardTimes }> {
  const answers = await Promise.all(
    collection.virtualChannels.map((virtualChannel) => {
      const timestamp = typeof time === "bigint" || time === null ? time : time.get(virtualChannel)!;
      return context.streaming.retrieve({ virtualChannel, plan, guarantee, timestamp }, { signal });
    }),
  );
  const key = primaryKeyField(collection.schema).fieldId;
  const batches = answers.map((answer) => answer.batch);
  const batch = batches.length === 1 ? batches[0]! : await mergeRows(batches, key, plan.limit, context.runtime, signal);
  const timestamps = new Map(answers.map(({ timestamp }, at) => [collection.virtualChannels[at]!, timestamp]));
  return { batch, timestamp: sessionTimestamp(answers), timestamps };
}
