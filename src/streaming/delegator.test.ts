import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeCounter } from "../base/change-counter.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { TwinKernel } from "../kernel/twin/twin.ts";
import type { LoadConfig, SegmentInfo } from "../model/catalog.ts";
import { type Column, type KeyColumn, columnRows } from "../model/columns.ts";
import { MessageType } from "../model/message.ts";
import type { CollectionInfo, FieldSchema } from "../model/schema.ts";
import { DataType, SegmentLevel } from "../model/types.ts";
import type { ChannelTarget, QueryService } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import { Delegator } from "./delegator.ts";
import { ReadMarks } from "./read-marks.ts";

const CHANNEL = "dml_0_1v0";
const runtime = new SystemRuntime();
const LOAD: LoadConfig = { collectionId: 1n, replicaNumber: 1, fieldIds: [], partitionIds: null };

const collection = {
  collectionId: 1n,
  schema: {
    name: "c",
    description: "",
    enableDynamicField: false,
    version: 0,
    fields: [
      { fieldId: 100n, name: "id", dataType: DataType.Int64, isPrimaryKey: true, dimension: 0 } as FieldSchema,
      { fieldId: 101n, name: "v", dataType: DataType.FloatVector, dimension: 1 } as FieldSchema,
    ],
  },
  partitions: [{ partitionId: 7n, name: "_default", createdTimestamp: 0n }],
} as unknown as CollectionInfo;

function keys(...values: bigint[]): KeyColumn {
  return { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(values), valid: null };
}

function flushed(segmentId: bigint): SegmentInfo {
  return { segmentId, partitionId: 7n, level: SegmentLevel.L1, flushTimestamp: 110n } as SegmentInfo;
}

/** A query node that keeps a log of what it is asked, and holds loads until it is told. */
class QueryLog {
  readonly calls: string[] = [];
  hold: Promise<void> | null = null;
  /** What deletes and loads are refused with. */
  refusal: Error | null = null;

  client(): Client<QueryService> {
    return {
      loadSegment: async ({ segment }: { segment: SegmentInfo }) => {
        if (this.refusal !== null) throw this.refusal;
        this.calls.push(`load ${segment.segmentId}`);
        await this.hold;
        return { rowCount: 0, memoryBytes: 0 };
      },
      releaseSegment: async ({ segmentId }: { segmentId: bigint }) => void this.calls.push(`release ${segmentId}`),
      applyDeletes: async (request: { segmentIds: readonly bigint[]; keys: KeyColumn }) => {
        if (this.refusal !== null) throw this.refusal;
        this.calls.push(`delete ${columnRows(request.keys)} keys in ${request.segmentIds.join(",")}`);
      },
    } as unknown as Client<QueryService>;
  }
}

function delegator(query: QueryLog): Delegator {
  const recovered = { collection, virtualChannel: CHANNEL, segments: [], deletesFlushed: 0n };
  return new Delegator(recovered, contextOf(query), new ReadMarks(runtime, 1_000));
}

function contextOf(query: QueryLog): ConstructorParameters<typeof Delegator>[1] {
  return {
    kernel: new TwinKernel(runtime, null),
    query: query.client(),
    runtime,
    changes: new ChangeCounter(),
    log: () => undefined,
  };
}

function target(version: bigint, load: LoadConfig | null, ...segments: SegmentInfo[]): ChannelTarget {
  const flushedUntil = segments.length === 0 ? 0n : 110n;
  return {
    virtualChannel: CHANNEL,
    version,
    load,
    segments,
    indexes: [],
    unindexed: [],
    flushedUntil,
    readableFrom: 0n,
  };
}

function insert(into: Delegator, segmentId: bigint, timeTick: bigint, ...ids: bigint[]): Promise<void> {
  const columns = new Map<bigint, Column>([
    [100n, keys(...ids)],
    [
      101n,
      { kind: "vector", type: DataType.FloatVector, dimension: 1, values: Float32Array.from(ids, Number), valid: null },
    ],
  ]);
  const batch = { rowCount: ids.length, columns };
  const rowIds = BigInt64Array.from(ids);
  const message = {
    type: MessageType.Insert,
    collectionId: 1n,
    partitionId: 7n,
    segmentId,
    schemaVersion: 0,
    rowIds,
    batch,
  } as const;
  return into.insert(message, timeTick, timeTick, () => Promise.resolve());
}

function remove(from: Delegator, timeTick: bigint, ...ids: bigint[]): Promise<void> {
  const message = {
    type: MessageType.Delete,
    collectionId: 1n,
    partitionId: -1n,
    upperBound: null,
    keys: keys(...ids),
  } as const;
  return from.delete(message, timeTick, timeTick);
}

test("a segment comes into view only with the deletes that came while it was loaded (I 16.3)", async () => {
  const query = new QueryLog();
  const subject = delegator(query);
  const gate = Promise.withResolvers<void>();
  query.hold = gate.promise;
  await remove(subject, 200n, 6n);
  const serving = subject.setTarget(target(1n, LOAD, flushed(5n)));
  await new Promise((resolve) => setImmediate(resolve));
  await remove(subject, 210n, 7n, 8n);
  assert.throws(() => subject.pin(), /collection not loaded/);
  gate.resolve();
  await serving;
  assert.deepEqual(query.calls, ["load 5", "delete 3 keys in 5"], "what was pending before, and what came meanwhile");
  await remove(subject, 225n, 9n);
  assert.equal(query.calls.at(-1), "delete 1 keys in 5", "from now on at once");
  subject.close();
});

test("a flushed segment replaces its growing form in one step, and readers of the old view keep theirs (I 16.5)", async () => {
  const query = new QueryLog();
  const subject = delegator(query);
  await subject.setTarget(target(1n, LOAD));
  await insert(subject, 5n, 100n, 1n, 2n);
  const old = subject.pin();
  assert.deepEqual(
    old.growing.map((segment) => segment.segmentId),
    [5n],
  );
  subject.seal([5n], 110n);
  subject.markFlushed([5n]);
  assert.deepEqual(subject.pin().growing.length, 1, "files alone change nothing for readers");
  await subject.setTarget(target(2n, LOAD, flushed(5n)));
  const now = subject.pin();
  assert.deepEqual([now.growing.length, now.sealed.map(({ segmentId }) => segmentId)], [0, [5n]]);
  assert.equal(old.growing[0]!.rowCount, 2);
  assert.equal(old.growing[0]!.column(100n).kind, "fixed", "still readable");
  now.unpin();
  old.unpin();
  subject.close();
});

test("rows that are searched through a graph serve until their sealed form has its index", async () => {
  const query = new QueryLog();
  const subject = delegator(query);
  await subject.setTarget(target(1n, LOAD));
  await insert(subject, 5n, 100n, 1n, 2n);
  await insert(subject, 6n, 100n, 3n);
  const [searched] = subject.growing();
  Object.defineProperty(searched!.segment, "hasGraph", { value: true });
  subject.seal([5n, 6n], 110n);
  subject.markFlushed([5n, 6n]);
  const served = (): unknown[] => {
    const view = subject.pin();
    view.unpin();
    return [view.growing.map(({ segmentId }) => segmentId), view.sealed.map(({ segmentId }) => segmentId)];
  };
  const both = [flushed(5n), flushed(6n)];
  await subject.setTarget({ ...target(2n, LOAD, ...both), unindexed: [5n, 6n] });
  assert.deepEqual(served(), [[5n], [6n]]);
  await remove(subject, 120n, 2n);
  assert.equal(searched!.segment.hiddenRows, 1);
  await subject.setTarget(target(3n, LOAD, ...both));
  assert.deepEqual(served(), [[], [5n, 6n]]);
  assert.deepEqual(query.calls, ["load 6", "delete 1 keys in 6", "load 5", "delete 1 keys in 5"]);
  assert.deepEqual(subject.growing(), []);
  subject.close();
});

test("rows that wait for an index are let go when they are released, or became part of a larger segment", async () => {
  for (const end of [target(3n, null), target(3n, LOAD, flushed(9n))]) {
    const subject = delegator(new QueryLog());
    await subject.setTarget(target(1n, LOAD));
    await insert(subject, 5n, 100n, 1n, 2n);
    Object.defineProperty(subject.growing()[0]!.segment, "hasGraph", { value: true });
    subject.seal([5n], 110n);
    subject.markFlushed([5n]);
    await subject.setTarget({ ...target(2n, LOAD, flushed(5n)), unindexed: [5n] });
    assert.equal(subject.growing().length, 1);
    await subject.setTarget(end);
    assert.deepEqual(subject.growing(), []);
    subject.close();
  }
});

test("rows that were flushed and became part of a larger segment leave the view with it, and are not grown again by a replay", async () => {
  const query = new QueryLog();
  const subject = delegator(query);
  await subject.setTarget(target(1n, LOAD));
  await insert(subject, 5n, 100n, 1n, 2n);
  subject.seal([5n], 110n);
  await insert(subject, 6n, 120n, 3n);
  subject.seal([6n], 130n);
  // The target with segment 5 was never served, and tells of it before the flusher does.
  await subject.setTarget(target(2n, LOAD, { ...flushed(9n), compactedFrom: [5n] }));
  const view = subject.pin();
  assert.deepEqual(
    [view.growing.map(({ segmentId }) => segmentId), view.sealed.map(({ segmentId }) => segmentId)],
    [[6n], [9n]],
  );
  subject.markFlushed([5n]);
  await subject.setTarget({ ...target(3n, LOAD, flushed(9n)), segments: [flushed(9n)] });
  assert.deepEqual(
    subject.growing().map(({ segment }) => segment.segmentId),
    [6n],
  );
  view.unpin();
  subject.close();

  const recovered = { collection, virtualChannel: CHANNEL, segments: [flushed(9n)], deletesFlushed: 110n };
  const replayed = new Delegator(recovered, contextOf(query), new ReadMarks(runtime, 1_000));
  await insert(replayed, 5n, 100n, 1n, 2n);
  replayed.seal([5n], 110n);
  await insert(replayed, 6n, 120n, 3n);
  replayed.seal([6n], 130n);
  assert.deepEqual(
    replayed.growing().map(({ segment }) => segment.segmentId),
    [6n],
  );
  replayed.close();
});

test("what an old view still holds is let go before it is loaded again", async () => {
  const query = new QueryLog();
  const subject = delegator(query);
  await subject.setTarget(target(1n, LOAD, flushed(5n)));
  const reader = subject.pin();
  await subject.setTarget(target(2n, null));
  // Nobody tells the old copy of this delete.
  await remove(subject, 300n, 1n);
  const again = subject.setTarget(target(3n, LOAD, flushed(5n)));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(query.calls, ["load 5"]);
  reader.unpin();
  await again;
  assert.deepEqual(query.calls, ["load 5", "release 5", "load 5", "delete 1 keys in 5"]);
  subject.close();
});

test("an older target than the newest is ignored, and releasing lets everything go", async () => {
  const query = new QueryLog();
  const subject = delegator(query);
  await subject.setTarget(target(4n, LOAD, flushed(5n)));
  await subject.setTarget(target(3n, LOAD, flushed(6n)));
  assert.deepEqual(query.calls, ["load 5"]);
  await subject.setTarget(target(5n, null));
  assert.deepEqual(query.calls, ["load 5", "release 5"]);
  assert.throws(() => subject.pin(), /collection not loaded/);
  subject.close();
});

test("a replay does not grow again what is flushed, but its deletes still reach growing rows", async () => {
  const query = new QueryLog();
  const recovered = { collection, virtualChannel: CHANNEL, segments: [flushed(5n)], deletesFlushed: 150n };
  const subject = new Delegator(recovered, contextOf(query), new ReadMarks(runtime, 1_000));
  await insert(subject, 5n, 100n, 1n);
  await insert(subject, 6n, 101n, 2n, 3n);
  await remove(subject, 120n, 3n);
  assert.deepEqual(
    subject.growing().map(({ segment }) => segment.segmentId),
    [6n],
  );
  const { segment } = subject.growing()[0]!;
  assert.equal(segment.hiddenRows, 1, "the row of the unflushed segment is deleted");
  assert.equal(subject.deletes.since(0).length, 0, "and files have the delete");
  subject.close();
});

test("a segment that refuses a delete serves nobody until it has been loaded again, with that delete", async () => {
  const query = new QueryLog();
  const subject = delegator(query);
  await subject.setTarget(target(1n, LOAD, flushed(5n)));
  query.refusal = new Error("no");
  await remove(subject, 200n, 6n);
  assert.throws(() => subject.pin(), { kind: "CollectionOnRecovering" });
  // Deletes go on; what is offline is not told of them.
  await remove(subject, 210n, 7n);
  query.refusal = null;
  await until(() => query.calls.length === 4);
  assert.deepEqual(query.calls, ["load 5", "release 5", "load 5", "delete 2 keys in 5"]);
  await until(() => isReadable(subject));
  subject.close();
});

test("what is released or closed while it is loaded again is not", async () => {
  for (const end of [(one: Delegator) => one.setTarget(target(2n, null)), async (one: Delegator) => one.close()]) {
    const query = new QueryLog();
    const subject = delegator(query);
    await subject.setTarget(target(1n, LOAD, flushed(5n)));
    query.refusal = new Error("no");
    await remove(subject, 200n, 6n);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await end(subject);
    query.refusal = null;
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.deepEqual(query.calls, ["load 5", "release 5"]);
    assert.throws(() => subject.pin(), /collection not loaded/);
    subject.close();
  }
});

function isReadable(subject: Delegator): boolean {
  try {
    subject.pin().unpin();
    return true;
  } catch {
    return false;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
