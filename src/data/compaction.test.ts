/** Compaction of segments of random programs, against the list of their row versions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import { TwinKernel } from "../kernel/twin/twin.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import type { FixedColumn } from "../model/columns.ts";
import { TTL_KEY } from "../model/expiry.ts";
import { type CollectionInfo, ROW_ID_FIELD } from "../model/schema.ts";
import { DataType, SegmentLevel, SegmentState } from "../model/types.ts";
import { InProcessTransport } from "../rpc/in-process.ts";
import { COORDINATOR, type CoordinatorService } from "../rpc/services.ts";
import type { Implementation } from "../rpc/transport.ts";
import { GrowingSegment } from "../segment/growing.ts";
import { SealedSegment } from "../segment/sealed.ts";
import { checkSegment } from "../segment/testing/check-segment.ts";
import {
  batchOf,
  keyColumn,
  type KeyType,
  programs,
  runProgram,
  type Step,
  stepTimestamp,
  testSchema,
  VersionModel,
} from "../segment/testing/version-model.ts";
import type { Deltas } from "../storage/deltas.ts";
import { manifestKey } from "../storage/keys.ts";
import { deltaSummaries, type SegmentManifest } from "../storage/manifest.ts";
import { openSegmentFiles } from "../storage/segment-reader.ts";
import { type SegmentDescriptor, writeDeltaSegment, writeSegment } from "../storage/segment-writer.ts";
import { MapStore } from "../storage/testing/map-store.ts";
import type { DataNodeOptions, Running } from "./context.ts";
import { mergeSegments } from "./merge-segments.ts";
import { spreadDeletes } from "./spread-deletes.ts";

const runtime = new SystemRuntime();
const kernel = new TwinKernel(runtime, null);
const RUNS = 20;

/** Files of a collection, and who works on them. */
class Files {
  readonly objects = new MapStore();
  readonly options: DataNodeOptions;
  readonly running: Running = { signal: new AbortController().signal, progress: () => 0 };
  #lastId = 1_000n;

  constructor() {
    const transport = new InProcessTransport(runtime);
    transport.serve<CoordinatorService>(COORDINATOR, {
      allocateIds: async () => ({ first: this.newId() }),
    } as unknown as Implementation<CoordinatorService>);
    this.options = { objects: this.objects, kernel, transport, runtime, work: null };
  }

  newId(): bigint {
    this.#lastId += 1n;
    return this.#lastId;
  }

  descriptor(segmentId: bigint, level: SegmentLevel, deltas: Deltas | null, keyType: KeyType): SegmentDescriptor {
    return {
      segmentId,
      partitionId: 3n,
      collectionId: 1n,
      channel: "dml_0_1v0",
      schema: testSchema(keyType),
      level,
      state: SegmentState.Flushed,
      manifestVersion: 1,
      startPosition: "9",
      endPosition: "10",
      deltas,
      allocateLogId: async () => this.newId(),
    };
  }

  async load(info: SegmentInfo, keyType: KeyType, deltas: readonly Deltas[]): Promise<SealedSegment> {
    const files = await openSegmentFiles(this.objects, runtime, info.manifestKey);
    return SealedSegment.load(files, { schema: testSchema(keyType), kernel, runtime, fieldIds: null, deltas });
  }
}

function infoOf(manifest: SegmentManifest, flushTimestamp: bigint): SegmentInfo {
  const { segmentId, collectionId, partitionId, channel, level, rowCount, timestampFrom, timestampTo } = manifest;
  return {
    segmentId,
    collectionId,
    partitionId,
    insertChannel: channel,
    state: SegmentState.Flushed,
    level,
    rowCount,
    storageVersion: 2,
    manifestKey: manifestKey(manifest, manifest.manifestVersion),
    timestampFrom,
    timestampTo,
    flushTimestamp,
    sizeBytes: 1,
    deltas: deltaSummaries(manifest),
  };
}

interface Written {
  readonly files: Files;
  readonly model: VersionModel;
  readonly segments: readonly SegmentInfo[];
  /** Every delete of the program, as L0 segments. */
  readonly deltas: readonly SegmentInfo[];
  readonly deletes: readonly Deltas[];
}

/** Runs the program over several segments that grow in turn; some are flushed with their deletes and some without. */
async function write(program: readonly Step[], keyType: KeyType, segmentCount: number): Promise<Written> {
  const files = new Files();
  const model = new VersionModel();
  const schema = testSchema(keyType);
  const growing = Array.from({ length: segmentCount }, () => {
    const segmentId = files.newId();
    return new GrowingSegment(
      { segmentId, partitionId: 3n, collectionId: 1n, channel: "dml_0_1v0", schema, startPosition: 9n },
      kernel,
    );
  });
  const deletes: Deltas[] = [];
  let turn = 0;
  runProgram(
    program,
    model,
    (versions, timestamp) => {
      const rowIds = BigInt64Array.from(versions, ({ serial }) => BigInt(serial) + 5_000n);
      growing[(turn += 1) % segmentCount]!.append(batchOf(versions, keyType), rowIds, timestamp);
    },
    (keys, timestamp, upperBound) => {
      const timestamps = new BigUint64Array(keys.length).fill(timestamp);
      const upperBounds = upperBound === null ? null : new BigUint64Array(keys.length).fill(upperBound);
      const deltas = { keys: keyColumn(keys, keyType), timestamps, upperBounds };
      for (const segment of growing) segment.applyDeletes(deltas.keys, timestamps, upperBounds);
      deletes.push(deltas);
    },
  );
  const end = stepTimestamp(program.length);
  const segments: SegmentInfo[] = [];
  for (const [at, segment] of growing.entries()) {
    segment.seal();
    if (segment.rowCount > 0) {
      const deltas = at % 2 === 0 ? segment.flushDeltas() : null;
      const descriptor = files.descriptor(segment.segmentId, SegmentLevel.L1, deltas, keyType);
      segments.push(infoOf(await writeSegment(files.objects, runtime, descriptor, segment.flushSource()), end));
    }
    segment.close();
  }
  const deltas: SegmentInfo[] = [];
  for (const one of deletes) {
    const descriptor = files.descriptor(files.newId(), SegmentLevel.L0, one, keyType);
    deltas.push(infoOf(await writeDeltaSegment(files.objects, runtime, descriptor), end));
  }
  return { files, model, segments, deltas, deletes };
}

function collection(keyType: KeyType, changes: Partial<CollectionInfo> = {}): CollectionInfo {
  return { collectionId: 1n, schema: testSchema(keyType), properties: [], ...changes } as unknown as CollectionInfo;
}

const cases = fc.record({
  program: programs,
  keyType: fc.constantFrom("int64" as const, "varchar" as const),
  segmentCount: fc.integer({ min: 1, max: 4 }),
  safeStep: fc.nat({ max: 24 }),
});

test("a merged segment answers as its parents did, at every timestamp from which it says so", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ program, keyType, segmentCount, safeStep }) => {
      const { files, model, segments, deltas, deletes } = await write(program, keyType, segmentCount);
      if (segments.length === 0) return;
      const safeTimestamp = stepTimestamp(safeStep);
      const task = {
        kind: "merge",
        taskId: 1n,
        version: 1n,
        collection: collection(keyType),
        segments,
        deltas,
        safeTimestamp,
        segmentId: files.newId(),
      } as const;
      const { segment: info } = await mergeSegments(task, files.options, files.running);
      const kept = model.versions.filter(({ deletedAt }) => deletedAt === null || deletedAt > safeTimestamp);
      const gone = model.versions.filter((version) => !kept.includes(version));
      assert.equal(info?.rowCount ?? 0, kept.length);
      if (info === null) return;
      const from = gone.reduce((latest, { deletedAt }) => (deletedAt! > latest ? deletedAt! : latest), 0n);
      assert.equal(info.readableFrom, from);
      assert.ok(from <= safeTimestamp);
      assert.deepEqual(
        info.compactedFrom,
        segments.map(({ segmentId }) => segmentId),
      );
      const hidden = kept.filter(({ deletedAt }) => deletedAt !== null).length;
      assert.equal(
        info.deltas?.reduce((sum, { rowCount }) => sum + rowCount, 0),
        hidden,
        "a delete a row that still needs it",
      );
      // Its own deletes are enough, and applying all of them again changes nothing.
      for (const given of [[], deletes]) {
        const segment = await files.load(info, keyType, given);
        for (let step = -1; step <= program.length; step += 1) {
          if (stepTimestamp(step) < from) continue;
          await checkSegment(segment, model, stepTimestamp(step), keyType);
        }
        const all = Uint32Array.from({ length: segment.rowCount }, (_, row) => row);
        const rowIds = (await segment.take([ROW_ID_FIELD], all)).columns.get(ROW_ID_FIELD) as FixedColumn;
        assert.deepEqual(
          Array.from(rowIds.values, Number).toSorted((left, right) => left - right),
          kept.map(({ serial }) => serial + 5_000),
        );
        segment.close();
      }
    }),
    { numRuns: RUNS },
  );
  assert.equal(kernel.openHandles(), 0);
});

test("deletes that were spread to their segments answer as they did beside them, and again in a merge", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ program, keyType, segmentCount, safeStep }) => {
      const { files, model, segments, deltas } = await write(program, keyType, segmentCount);
      const names = { taskId: 1n, version: 1n, collection: collection(keyType) } as const;
      const spread = async (): Promise<readonly SegmentInfo[]> =>
        (await spreadDeletes({ ...names, kind: "spread", deltas, segments }, files.options, files.running)).segments;
      // A try that broke before it was recorded leaves a version behind.
      await spread();
      const changed = new Map((await spread()).map((info) => [info.segmentId, info]));
      const now = segments.map((info) => changed.get(info.segmentId) ?? info);
      const serials: number[] = [];
      const loaded = await Promise.all(now.map((info) => files.load(info, keyType, [])));
      const end = stepTimestamp(program.length);
      for (const segment of loaded) {
        const view = segment.view(end);
        for (let row = 0; row < view.rowCount; row += 1) {
          if (view.visible === null || (view.visible[row >> 3]! >> (row & 7)) & 1) {
            serials.push(Number((segment.column(102n) as FixedColumn).values[row]));
          }
        }
        segment.close();
      }
      assert.deepEqual(
        serials.toSorted((left, right) => left - right),
        model.visible(end).map(({ serial }) => serial),
      );
      if (now.length === 0) return;
      const safeTimestamp = stepTimestamp(safeStep);
      const task = { ...names, kind: "merge", segments: now, deltas: [], safeTimestamp, segmentId: 9n } as const;
      const { segment: info } = await mergeSegments(task, files.options, files.running);
      if (info === null) return;
      const merged = await files.load(info, keyType, []);
      for (let step = safeStep; step <= program.length; step += 1) {
        await checkSegment(merged, model, stepTimestamp(step), keyType);
      }
      merged.close();
    }),
    { numRuns: RUNS },
  );
  assert.equal(kernel.openHandles(), 0);
});

test("expired and truncated rows are left out, and fields that came later are filled", async () => {
  const row = (key: number): Step["rows"][number] => ({ key, vector: [key, 0] });
  const step = (key: number): Step => ({ kind: "insert", rows: [row(key)] });
  const { files, segments, model } = await write([step(1), step(2), step(3), step(4)], "int64", 2);
  const schema = testSchema("int64");
  const plain = schema.fields[3]!;
  const added = { ...plain, fieldId: 104n, name: "later", dataType: DataType.Int64, defaultValue: 7n, nullable: false };
  const task = (changes: Partial<CollectionInfo>, safeTimestamp: bigint) =>
    ({
      kind: "merge",
      taskId: 1n,
      version: 1n,
      collection: collection("int64", {
        schema: { ...schema, fields: [...schema.fields, added], version: 2 },
        ...changes,
      }),
      segments,
      deltas: [],
      safeTimestamp,
      segmentId: files.newId(),
    }) as const;

  const truncated = await mergeSegments(task({ truncatedUntil: stepTimestamp(1) }, 0n), files.options, files.running);
  assert.equal(truncated.segment?.rowCount, 2);
  assert.equal(truncated.segment.readableFrom, 0n, "no read sees them, however early");
  const opened = await openSegmentFiles(files.objects, runtime, truncated.segment.manifestKey);
  assert.deepEqual(Array.from(((await opened.readScalar(104n)) as FixedColumn).values as BigInt64Array), [7n, 7n]);

  const later = stepTimestamp(4) + (2_000n << 18n);
  const expired = await mergeSegments(
    task({ properties: [{ key: TTL_KEY, value: "1" }] }, later),
    files.options,
    files.running,
  );
  assert.equal(expired.segment, null, "all of them are older than a second");
  assert.equal(model.versions.length, 4);
});

test("a merge that is stopped ends with the reason and publishes no manifest", async () => {
  const { files, segments } = await write([{ kind: "insert", rows: [{ key: 1, vector: [0, 0] }] }], "int64", 1);
  const abort = new AbortController();
  abort.abort(new Error("enough"));
  const task = {
    kind: "merge",
    taskId: 1n,
    version: 1n,
    collection: collection("int64"),
    segments,
    deltas: [],
    safeTimestamp: 0n,
    segmentId: 77n,
  } as const;
  await assert.rejects(mergeSegments(task, files.options, { signal: abort.signal, progress: () => 0 }), /enough/);
  assert.deepEqual(await files.objects.list("insert_log/1/3/77/manifest/"), []);
});
