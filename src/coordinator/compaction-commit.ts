/**
 * The moment in which a compaction happens: the metadata name its result instead of its inputs.
 *
 * Always true:
 *  - files are there before the metadata name them; inputs become notes for the collector of garbage, and their files stay until nobody
 *    reads them;
 *  - a merge is one transaction, and only while every input is as it was when it was read: what was dropped or truncated meanwhile wins;
 *  - deletes of L0 segments are in the segments' own logs before the L0 segments go. Doing half of it is harmless: a delete may be applied
 *    twice;
 *  - an unclear outcome is resolved by reading, before anything else is done (I 10.44).
 */

import { assert } from "../base/assert.ts";
import { encodeJson } from "../base/json.ts";
import { type Compare, type Operation, OutcomeUnknown } from "../metastore/metastore.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import type { MergeResult } from "../rpc/data-service.ts";
import type { RetiredSegment } from "./catalog.ts";
import { type Context, putJson } from "./context.ts";
import { readableFromKey, retiredSegmentKey, segmentKey } from "./meta-keys.ts";

/** A transaction holds at least 128 operations. */
const SEGMENTS_AT_ONCE = 40;
const RETRY_MILLISECONDS = 50;

/** False when some input is not what it was any more; then nothing was changed. Where no row was left the channel keeps from when it can be read. */
export async function commitMerge(
  context: Context,
  taskId: bigint,
  parents: readonly SegmentInfo[],
  { segment: child, readableFrom }: MergeResult,
  signal: AbortSignal,
): Promise<boolean> {
  const operations = await retirement(context, taskId, parents);
  const { insertChannel } = parents[0]!;
  if (child !== null) operations.push(putJson(keyOf(child), child));
  else if (readableFrom > context.catalog.readableFrom(insertChannel)) {
    operations.push(putJson(readableFromKey(insertChannel), readableFrom));
  }
  return attempt(context, parents, operations, signal);
}

/** `before` and `changed` are the segments that got deletes. False when some is not what it was any more, and not gone either. */
export async function commitSpread(
  context: Context,
  taskId: bigint,
  deltas: readonly SegmentInfo[],
  before: readonly SegmentInfo[],
  changed: readonly SegmentInfo[],
  signal: AbortSignal,
): Promise<boolean> {
  const old = new Map(before.map((segment) => [segment.segmentId, segment]));
  for (let rest = [...changed]; rest.length > 0;) {
    const some = rest.slice(0, SEGMENTS_AT_ONCE);
    const inputs = some.map(({ segmentId }) => old.get(segmentId)!);
    const outputs = some.map((segment) => putJson(keyOf(segment), segment));
    if (await attempt(context, inputs, outputs, signal)) {
      rest = rest.slice(some.length);
      continue;
    }
    // What was dropped or truncated meanwhile needs no deletes.
    const there = await Promise.all(some.map(async (segment) => (await context.store.get(keyOf(segment))) !== null));
    if (there.every((isThere) => isThere)) return false;
    rest = [...some.filter((_, at) => there[at]), ...rest.slice(some.length)];
  }
  return attempt(context, deltas, await retirement(context, taskId, deltas), signal);
}

async function retirement(context: Context, taskId: bigint, segments: readonly SegmentInfo[]): Promise<Operation[]> {
  const retiredAt = await context.timestamps.allocate();
  return segments.flatMap(({ collectionId, partitionId, segmentId }) => {
    const note: RetiredSegment = { collectionId, partitionId, segmentId, retiredAt, taskId };
    return [
      putJson(retiredSegmentKey(collectionId, partitionId, segmentId), note),
      { delete: segmentKey(collectionId, partitionId, segmentId) },
    ];
  });
}

/** One transaction, if every input is as it was. What it writes first nobody else writes, so that it tells whether it has happened. */
async function attempt(
  context: Context,
  inputs: readonly SegmentInfo[],
  operations: readonly Operation[],
  signal: AbortSignal,
): Promise<boolean> {
  const compares = inputs.map((segment): Compare => ({ key: keyOf(segment), value: encodeJson(segment) }));
  const [first] = operations;
  assert(first !== undefined && "put" in first, "a compaction writes something");
  for (let isUnclear = false; ;) {
    try {
      const { succeeded } = await context.store.transaction(compares, operations);
      const written = succeeded ? null : await context.store.get(first.put);
      if (!succeeded && (written === null || Buffer.compare(written.value, first.value) !== 0)) return false;
      context.catalog.apply(operations);
      return true;
    } catch (error) {
      if (error instanceof OutcomeUnknown) isUnclear = true;
      // From then on nothing may be done before it is clear, whatever the store says meanwhile; `signal` ends that with the process.
      else if (!isUnclear) throw error;
      await context.runtime.sleep(RETRY_MILLISECONDS, signal);
    }
  }
}

function keyOf({ collectionId, partitionId, segmentId }: SegmentInfo): string {
  return segmentKey(collectionId, partitionId, segmentId);
}
