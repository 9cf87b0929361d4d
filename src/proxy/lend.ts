/**
 * A collection lent to another thread of this process: all that it takes to search it there, as of now. Only searches of the plainest kind can be
 * made of it: one vector field, all partitions. Whoever has it looks at the count of changes first.
 *
 * Always true: what is lent is what a search with that guarantee would see; null says nothing but that it has to be searched here.
 */

import type { Timestamp } from "../base/timestamp.ts";
import { familyOf } from "../index/families.ts";
import { hasTimeToLive } from "../model/expiry.ts";
import { primaryKeyField, vectorFields } from "../model/schema.ts";
import { ConsistencyLevel, DataType, type Metric } from "../model/types.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import type { LentSegment, WantedColumns } from "../segment/lent.ts";
import { guaranteeTimestamp } from "./consistency.ts";
import type { ProxyContext } from "./context.ts";
import { isIsolated } from "./properties.ts";
import type { Target } from "./requests.ts";
import { searchMetric } from "./vector-plan.ts";

export interface LentCollection {
  /** Of changes, when the first of it was taken. */
  readonly changes: number;
  /** The oldest of its snapshots. */
  readonly timestamp: Timestamp;
  /** What a filter's text means is said by these. */
  readonly described: Pick<DescribedCollection, "collection" | "indexes" | "load">;
  readonly dimension: number;
  readonly metric: Metric;
  readonly indexType: string;
  readonly segments: readonly LentSegment[];
}

/** Columns of vectors, and of fields that there are not, are left out. */
export interface LendRequest extends Target, WantedColumns {
  /** What must be seen at least. */
  readonly lastWrite: Timestamp;
}

export async function lend(
  context: ProxyContext,
  { lastWrite, columnIds, places, ...target }: LendRequest,
): Promise<LentCollection | null> {
  const changes = context.changes.count;
  const described = await context.describeAll(target);
  const { collection, indexes, load } = described;
  const { schema, virtualChannels } = collection;
  const [field, ...others] = vectorFields(schema);
  const key = primaryKeyField(schema);
  if (load === null || field === undefined || others.length > 0) return null;
  // Whoever asks for another column hears from the proxy that it is not loaded.
  if (load.fieldIds.length > 0 && columnIds.some((columnId) => !load.fieldIds.includes(columnId))) return null;
  if (!context.quotas.isFree(described, "searchVectors")) return null;
  if (field.dataType !== DataType.FloatVector || field.nullable || key.dataType !== DataType.Int64) return null;
  // Rows that expire do so without a change that anybody counts.
  if (hasTimeToLive(collection) || isIsolated(collection)) return null;
  const index = indexes.find(({ fieldId }) => fieldId === field.fieldId);
  if (index === undefined) return null;
  const metric = searchMetric(field, index, "");
  if (familyOf(index.indexType, field.dataType, metric)?.kind !== "graph") return null;
  const level = {
    consistencyLevel: ConsistencyLevel.Session,
    useDefaultConsistency: false,
    guaranteeTimestamp: lastWrite,
  };
  const guarantee = guaranteeTimestamp(collection, level, await context.timestamp());
  const search = { fieldId: field.fieldId, metric, indexType: index.indexType, columnIds, places };
  const parts = await Promise.all(
    virtualChannels.map((virtualChannel) => context.streaming.lend({ virtualChannel, search, guarantee })),
  );
  const segments: LentSegment[] = [];
  let timestamp = parts[0]!.timestamp;
  for (const part of parts) {
    if (part.segments === null) return null;
    segments.push(...part.segments);
    if (part.timestamp < timestamp) timestamp = part.timestamp;
  }
  return {
    changes,
    timestamp,
    described: { collection, indexes, load },
    dimension: field.dimension,
    metric,
    indexType: index.indexType,
    segments,
  };
}
