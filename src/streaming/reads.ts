/**
 * Reads of one virtual channel: wait for the guarantee, pin the view, ask growing segments here and sealed ones at the query node, merge.
 *
 * Always true: one request sees one view and one timestamp in all its phases; a segment of the view that cannot answer is an error, never a
 * shorter answer.
 */

import { invalidParameter } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { ColumnBatch } from "../model/columns.ts";
import { type Expiry, expiryAt, hasTimeToLive } from "../model/expiry.ts";
import type {
  AggregatePlan,
  GroupTable,
  HitPlaces,
  Hits,
  RetrieveAnswer,
  RetrievePlan,
  SearchAnswer,
  SearchPlan,
} from "../model/plan.ts";
import { primaryKeyField } from "../model/schema.ts";
import { aggregateRows, mergeTables } from "../rank/aggregate.ts";
import { placesOf, scatterRows } from "../rank/places.ts";
import { pauseOf } from "../segment/execute.ts";
import { countRows, fetchRows, mergeHits, mergeRows, retrieveRows, searchRows } from "../rank/read-segments.ts";
import type { QueryService } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import type { GrowingSegment } from "../segment/growing.ts";
import { type LentSearch, type LentSegment, withPlaces } from "../segment/lent.ts";
import type { WriteAheadLog } from "../wal/wal.ts";
import type { Delegator } from "./delegator.ts";
import type { Leases } from "./leases.ts";
import type { View } from "./view.ts";

export interface ReadContext {
  readonly wal: WriteAheadLog;
  readonly delegator: Delegator;
  readonly leases: Leases;
  readonly query: Client<QueryService>;
  readonly runtime: Runtime;
}

/** When a read may begin, and what it sees. */
export interface ReadTime {
  /** The channel must have been applied up to here. */
  readonly guarantee: Timestamp;
  /** Read as of this tick; null: as of now. */
  readonly timestamp: Timestamp | null;
}

/** Every plan sees the same view at the same timestamp. `keep`: for as long as the lease lives. */
export async function search(
  context: ReadContext,
  asked: readonly SearchPlan[],
  keep: boolean,
  time: ReadTime,
  signal: AbortSignal,
): Promise<SearchAnswer> {
  const { view, timestamp, expiry } = await pin(context, time);
  const plans = asked.map((plan) => ({ ...plan, expiry }));
  try {
    const hits = await Promise.all(plans.map((plan) => searchView(context, view, plan, timestamp, signal)));
    if (!keep) return { timestamp, leaseId: null, hits };
    view.pin();
    return { timestamp, leaseId: context.leases.grant(view), hits };
  } finally {
    view.unpin();
  }
}

async function searchView(
  context: ReadContext,
  view: View,
  plan: SearchPlan,
  timestamp: Timestamp,
  signal: AbortSignal,
): Promise<Hits> {
  const { delegator, query, runtime } = context;
  const segmentIds = sealedIds(view, plan.partitionIds);
  const growingHere = growing(view, plan);
  if (growingHere.length === 0 && segmentIds.length > 0) {
    return (await query.search({ segmentIds, plan, timestamp }, { signal })).hits;
  }
  const [here, there] = await Promise.all([
    searchRows(growingHere, plan, delegator.collection.schema, timestamp, runtime, signal),
    segmentIds.length === 0 ? null : query.search({ segmentIds, plan, timestamp }, { signal }),
  ]);
  return there === null ? here : mergeHits([here, there.hits], plan.vector, runtime, signal);
}

/** Everything of the view; null: a segment of it cannot be searched by another thread. */
export async function lend(
  context: ReadContext,
  wanted: LentSearch,
  guarantee: Timestamp,
): Promise<{ readonly timestamp: Timestamp; readonly segments: readonly LentSegment[] | null }> {
  const { view, timestamp, expiry } = await pin(context, { guarantee, timestamp: null });
  try {
    const here = await Promise.all(
      view.growing.map((segment) => withPlaces(segment, segment.lend(wanted, timestamp, expiry), wanted.places)),
    );
    const segmentIds = sealedIds(view, null);
    const there =
      segmentIds.length === 0
        ? []
        : (await context.query.lend({ segmentIds, search: wanted, timestamp, expiry })).segments;
    const segments = [...here, ...there].filter((segment) => segment !== null);
    return { timestamp, segments: segments.length < here.length + there.length ? null : segments };
  } finally {
    view.unpin();
  }
}

export async function retrieve(
  context: ReadContext,
  asked: RetrievePlan,
  time: ReadTime,
  signal: AbortSignal,
): Promise<RetrieveAnswer> {
  const { view, timestamp, expiry } = await pin(context, time);
  const plan = { ...asked, expiry };
  try {
    const segmentIds = sealedIds(view, plan.partitionIds);
    const { schema } = context.delegator.collection;
    const [here, there] = await Promise.all([
      retrieveRows(growing(view, plan), plan, schema, timestamp, context.runtime, signal),
      segmentIds.length === 0 ? null : context.query.retrieve({ segmentIds, plan, timestamp }, { signal }),
    ]);
    const key = primaryKeyField(schema).fieldId;
    const batch =
      there === null ? here : await mergeRows([here, there.batch], key, plan.limit, context.runtime, signal);
    return { timestamp, batch };
  } finally {
    view.unpin();
  }
}

export async function count(
  context: ReadContext,
  asked: RetrievePlan,
  time: ReadTime,
  signal: AbortSignal,
): Promise<{ readonly timestamp: Timestamp; readonly count: number }> {
  const { view, timestamp, expiry } = await pin(context, time);
  const plan = { ...asked, expiry };
  try {
    const segmentIds = sealedIds(view, plan.partitionIds);
    const [here, there] = await Promise.all([
      countRows(growing(view, plan), plan, timestamp, context.runtime, signal),
      segmentIds.length === 0 ? null : context.query.count({ segmentIds, plan, timestamp }, { signal }),
    ]);
    return { timestamp, count: here + (there?.count ?? 0) };
  } finally {
    view.unpin();
  }
}

export async function aggregate(
  context: ReadContext,
  asked: AggregatePlan,
  time: ReadTime,
  signal: AbortSignal,
): Promise<{ readonly timestamp: Timestamp; readonly table: GroupTable }> {
  const { view, timestamp, expiry } = await pin(context, time);
  const plan = { ...asked, expiry };
  try {
    const { runtime, query, delegator } = context;
    const { schema } = delegator.collection;
    const segmentIds = sealedIds(view, plan.partitionIds);
    const [here, there] = await Promise.all([
      aggregateRows(growing(view, plan), plan, schema, timestamp, runtime, signal),
      segmentIds.length === 0 ? null : query.aggregate({ segmentIds, plan, timestamp }, { signal }),
    ]);
    const table = there === null ? here : await mergeTables([here, there.table], plan, schema, runtime, signal);
    return { timestamp, table };
  } finally {
    view.unpin();
  }
}

/** The fields of hits, in their order, from the segments that the search saw. */
export async function fetch(
  context: ReadContext,
  leaseId: bigint,
  fieldIds: readonly bigint[],
  places: HitPlaces,
): Promise<ColumnBatch> {
  const view = context.leases.view(leaseId);
  view.pin();
  try {
    const growingById = new Map(view.growing.map((segment) => [segment.segmentId, segment]));
    const here = placesOf(places, (segmentId) => growingById.has(segmentId));
    const there = placesOf(places, (segmentId) => !growingById.has(segmentId));
    const { schema } = context.delegator.collection;
    const [fromGrowing, fromSealed] = await Promise.all([
      fetchRows(growingById, here.places, fieldIds, schema, context.runtime),
      there.positions.length === 0 ? null : context.query.fetch({ fieldIds, places: there.places }),
    ]);
    if (fromSealed === null) return fromGrowing;
    if (here.positions.length === 0) return fromSealed.batch;
    const parts = [
      { positions: here.positions, batch: fromGrowing },
      { positions: there.positions, batch: fromSealed.batch },
    ];
    return await scatterRows(parts, pauseOf(context));
  } finally {
    view.unpin();
  }
}

async function pin(
  context: ReadContext,
  time: ReadTime,
): Promise<{ view: View; timestamp: Timestamp; expiry: Expiry }> {
  const { wal, delegator } = context;
  const needed = time.timestamp !== null && time.timestamp > time.guarantee ? time.timestamp : time.guarantee;
  // Nobody reads what is not loaded, however long it waits.
  delegator.pin().unpin();
  // Time passes in the log only when somebody writes or asks. Rows that expire want it to pass for every reader.
  const ages = time.timestamp === null && hasTimeToLive(delegator.collection);
  if (wal.advanced < needed || ages) await wal.sync();
  if (wal.advanced < needed) await wal.waitFor(needed);
  const view = delegator.pin();
  const timestamp = time.timestamp ?? wal.advanced;
  if (time.timestamp !== null) delegator.readMarks.note(timestamp, wal.advanced);
  if (timestamp < view.readableFrom) {
    view.unpin();
    throw invalidParameter(
      `rows deleted or expired before ${view.readableFrom} are gone: nothing can be read as of ${timestamp}`,
    );
  }
  return { view, timestamp, expiry: expiryAt(delegator.collection, timestamp) };
}

function growing(
  view: View,
  plan: { readonly partitionIds: readonly bigint[] | null; readonly ignoreGrowing: boolean },
): GrowingSegment[] {
  if (plan.ignoreGrowing) return [];
  return view.growing.filter((segment) => plan.partitionIds?.includes(segment.partitionId) ?? true);
}

function sealedIds(view: View, partitionIds: readonly bigint[] | null): bigint[] {
  return view.sealed
    .filter((segment) => partitionIds?.includes(segment.partitionId) ?? true)
    .map((segment) => segment.segmentId);
}
