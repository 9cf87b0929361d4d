import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import { type Column, bytesColumn, takeRows } from "../model/columns.ts";
import { DataType, SegmentLevel } from "../model/types.ts";
import { isDenseVectorType } from "../model/vectors.ts";
import { manifestKey, parseSegmentKey, segmentPrefixes } from "./keys.ts";
import { decodeManifest, encodeManifest, readManifest } from "./manifest-file.ts";
import { openSegmentFiles } from "./segment-reader.ts";
import { wholeColumn } from "./parquet/write.ts";
import { type SegmentSource, writeDeltaSegment, writeSegment } from "./segment-writer.ts";
import { cellsOf } from "./testing/cells.ts";
import { MapStore } from "./testing/map-store.ts";
import {
  anySegment,
  collectionSchema,
  descriptorOf,
  fieldSchema,
  int64Keys,
  sourceOf,
} from "./testing/random-segment.ts";

const runtime = new SystemRuntime();

test("whatever is written is read back, at every size of page, row group and part", async () => {
  const sizes = fc.record({
    pageRows: fc.integer({ min: 1, max: 400 }),
    groupRows: fc.integer({ min: 1, max: 400 }),
    vectorGroupBytes: fc.integer({ min: 4, max: 40_000 }),
    multipartThresholdBytes: fc.constantFrom(64, 16 * 1024 * 1024),
  });
  await fc.assert(
    fc.asyncProperty(anySegment, sizes, async (segment, fileOptions) => {
      const store = new MapStore();
      const manifest = await writeSegment(
        store,
        runtime,
        descriptorOf(segment.schema, { fileOptions }),
        sourceOf(segment),
      );
      const files = await openSegmentFiles(store, runtime, manifestKey(manifest, 1));
      assert.deepEqual(files.manifest, manifest);

      const scalars: bigint[] = [];
      for (const field of segment.schema.fields) {
        const expected = segment.columns.get(field.fieldId)!;
        if (isDenseVectorType(field.dataType)) {
          sameColumn(await files.readVector(field.fieldId), expected);
          sameColumn(await files.readScalar(field.fieldId), expected);
          const location = await files.vectorLocation(field.fieldId);
          for (const extent of location.extents) assert.equal(extent.offset % 64, 0);
          if (location.offset !== null) sameRows(store.files.get(location.key)!, location.offset, expected);
        } else {
          scalars.push(field.fieldId);
        }
      }
      const columns = await files.readScalars(scalars);
      for (const fieldId of scalars) sameColumn(columns.get(fieldId)!, segment.columns.get(fieldId)!);
      const system = await files.readSystem();
      const source = sourceOf(segment);
      assert.deepEqual(system.rowIds, source.rowIds);
      assert.deepEqual(system.timestamps, source.timestamps);
      sameColumn(system.keys, segment.columns.get(100n)!);

      const statistics = await files.readStatistics();
      assert.equal(statistics.rowCount, segment.rowCount);
      for (const [fieldId, column] of segment.columns) {
        assert.equal(statistics.nullCounts.get(fieldId), column.valid?.filter((flag) => flag === 0).length ?? 0);
      }
      for (const key of store.files.keys()) assert.notEqual(parseSegmentKey(key), null, key);
    }),
    { numRuns: 120 },
  );
});

test("a scalar is read a page at a time, in any ascending rows, and written in pieces as well", async () => {
  const sizes = fc.record({
    pageRows: fc.integer({ min: 1, max: 60 }),
    groupRows: fc.integer({ min: 1, max: 200 }),
    taken: fc.infiniteStream(fc.boolean()),
    step: fc.integer({ min: 1, max: 50 }),
  });
  await fc.assert(
    fc.asyncProperty(anySegment, sizes, async (segment, { taken, step, ...fileOptions }) => {
      const store = new MapStore();
      const whole = sourceOf(segment);
      const inPieces: SegmentSource = {
        ...whole,
        pieces: async (fieldId) => {
          const column = segment.columns.get(fieldId)!;
          return {
            ...wholeColumn(column),
            piece: async (from, to) => {
              const rows = Uint32Array.from({ length: to - from }, (_, at) => from + at);
              return { column: takeRows(column, rows), rows: { from: 0, to: to - from } };
            },
          };
        },
      };
      const manifest = await writeSegment(store, runtime, descriptorOf(segment.schema, { fileOptions }), inPieces);
      const other = new MapStore();
      await writeSegment(other, runtime, descriptorOf(segment.schema, { fileOptions }), whole);
      assert.deepEqual(store.files, other.files, "in pieces or not, the same files");

      const files = await openSegmentFiles(store, runtime, manifestKey(manifest, 1));
      const wanted = Uint32Array.from({ length: segment.rowCount }, (_, row) => row).filter(() => taken.next().value);
      for (const { fieldId } of segment.schema.fields) {
        const cursor = await files.openScalar(fieldId);
        if (cursor === null) continue;
        for (let at = 0; at < wanted.length; at += step) {
          const rows = wanted.subarray(at, at + step);
          assert.deepEqual(cellsOf(await cursor.take(rows)), cellsOf(takeRows(segment.columns.get(fieldId)!, rows)));
        }
      }
    }),
    { numRuns: 30 },
  );
});

test("deletes come back with their segment, for both types of key", async () => {
  const store = new MapStore();
  const timestamps = BigUint64Array.of(5n, 9n, 7n);
  const schema = collectionSchema([fieldSchema({ fieldId: 100n, dataType: DataType.VarChar, isPrimaryKey: true })]);
  const keys = bytesColumn(DataType.VarChar, ["b", "", "ä"]);
  const source = sourceOf({ schema, rowCount: 3, columns: new Map([[100n, keys]]) });
  const manifest = await writeSegment(
    store,
    runtime,
    descriptorOf(schema, { deltas: { keys, timestamps, upperBounds: BigUint64Array.of(5n, 8n, 7n) } }),
    source,
  );
  assert.equal(manifest.isSortedByKey, false);
  assert.equal(manifest.deltas[0]!.timestampFrom, 5n);
  assert.equal(manifest.deltas[0]!.timestampTo, 9n);
  const files = await openSegmentFiles(store, runtime, manifestKey(manifest, 1));
  const [deltas] = await files.readDeltas();
  sameColumn(deltas!.keys, keys);
  assert.deepEqual(deltas!.timestamps, timestamps);
  assert.deepEqual(deltas!.upperBounds, BigUint64Array.of(5n, 8n, 7n));

  const numbers = collectionSchema([fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true })]);
  const descriptor = descriptorOf(numbers, {
    segmentId: 999n,
    level: SegmentLevel.L0,
    deltas: { keys: int64Keys([-1n, 2n ** 62n, 0n]), timestamps, upperBounds: timestamps },
  });
  const level0 = await writeDeltaSegment(store, runtime, descriptor);
  assert.equal(level0.rowCount, 0);
  const reopened = await openSegmentFiles(store, runtime, manifestKey(level0, 1));
  assert.deepEqual((await reopened.readDeltas())[0]!.keys, int64Keys([-1n, 2n ** 62n, 0n]));
});

test("a segment lies under its prefixes, its manifest is written last, and a failure leaves none", async () => {
  const schema = collectionSchema([
    fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true }),
    fieldSchema({ fieldId: 101n, dataType: DataType.FloatVector, dimension: 4 }),
  ]);
  const vectors: Column = {
    kind: "vector",
    type: DataType.FloatVector,
    dimension: 4,
    values: Float32Array.from({ length: 8 }, (_, at) => at),
    valid: null,
  };
  const segment = {
    schema,
    rowCount: 2,
    columns: new Map<bigint, Column>([
      [100n, int64Keys([1n, 2n])],
      [101n, vectors],
    ]),
  };
  const store = new MapStore();
  const manifest = await writeSegment(store, runtime, descriptorOf(schema), sourceOf(segment));
  const keys = [...store.files.keys()];
  assert.equal(keys.at(-1), "insert_log/450/451/452/manifest/1");
  for (const key of keys) assert.ok(segmentPrefixes(manifest).some((prefix) => key.startsWith(prefix)));
  assert.deepEqual(
    manifest.groups.map((group) => group.groupId),
    [0n, 101n],
  );

  for (let failAt = 0; failAt < keys.length; failAt += 1) {
    const broken = new MapStore();
    let puts = 0;
    broken.failure = () => (puts++ === failAt ? new Error("disk full") : null);
    await assert.rejects(writeSegment(broken, runtime, descriptorOf(schema), sourceOf(segment)), /disk full/);
    assert.equal(broken.files.has("insert_log/450/451/452/manifest/1"), false);
    assert.equal(broken.files.size, failAt);
  }
});

test("encoding a manifest that was read gives the same bytes", async () => {
  await fc.assert(
    fc.asyncProperty(anySegment, async (segment) => {
      const store = new MapStore();
      const manifest = await writeSegment(store, runtime, descriptorOf(segment.schema), sourceOf(segment));
      const key = manifestKey(manifest, 1);
      const bytes = store.files.get(key)!;
      assert.deepEqual(Buffer.from(encodeManifest(decodeManifest(bytes, key))), Buffer.from(bytes));
      assert.deepEqual(await readManifest(store, key), manifest);
    }),
    { numRuns: 20 },
  );
});

/** NaN equals NaN; -0 and +0 differ; a Buffer is bytes. */
function sameColumn(actual: Column, expected: Column): void {
  assert.deepEqual(actual, expected);
}

function sameRows(file: Uint8Array, offset: number, expected: Column): void {
  assert.ok(expected.kind === "vector");
  const bytes = new Uint8Array(expected.values.buffer, expected.values.byteOffset, expected.values.byteLength);
  assert.equal(Buffer.compare(file.subarray(offset, offset + bytes.byteLength), bytes), 0);
}
