/** Rows of every shard of a collection, as one batch. */

import type { Timestamp } from "../base/timestamp.ts";
import type { ColumnBatch } from "../model/columns.ts";
import type { RetrievePlan } from "../model/plan.ts";
import { type CollectionInfo, primaryKeyField } from "../model/schema.ts";
import { mergeRows } from "../rank/read-segments.ts";
import type { ProxyContext } from "./context.ts";
import { sessionTimestamp } from "./searched-shards.ts";

export async function retrieve(
  context: ProxyContext,
  collection: CollectionInfo,
  plan: RetrievePlan,
  guarantee: Timestamp,
  signal: AbortSignal,
  timestamp: Timestamp | null = null,
): Promise<{ readonly batch: ColumnBatch; readonly timestamp: Timestamp }> {
  const answers = await Promise.all(
    collection.virtualChannels.map((virtualChannel) =>
      context.streaming.retrieve({ virtualChannel, plan, guarantee, timestamp }, { signal }),
    ),
  );
  const key = primaryKeyField(collection.schema).fieldId;
  const batches = answers.map((answer) => answer.batch);
  const batch = batches.length === 1 ? batches[0]! : await mergeRows(batches, key, plan.limit, context.runtime, signal);
  return { batch, timestamp: sessionTimestamp(answers) };
}
