import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MilvusError } from "../base/errors.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { type Column, bytesColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { manifestKey } from "./keys.ts";
import { type SegmentManifest, withDeltas } from "./manifest.ts";
import { decodeManifest, encodeManifest, publishManifest } from "./manifest-file.ts";
import { openSegmentFiles } from "./segment-reader.ts";
import { writeSegment } from "./segment-writer.ts";
import { ObjectExists } from "../objectstore/objectstore.ts";
import { decodeStatistics } from "./statistics.ts";
import { readColumnFile } from "./parquet/read.ts";
import { MapStore } from "./testing/map-store.ts";
import { collectionSchema, descriptorOf, fieldSchema, int64Keys, sourceOf } from "./testing/random-segment.ts";
import { crc32 } from "node:zlib";

const runtime = new SystemRuntime();

const schema = collectionSchema([
  fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true }),
  fieldSchema({ fieldId: 101n, dataType: DataType.FloatVector, dimension: 3 }),
  fieldSchema({ fieldId: 102n, dataType: DataType.VarChar, nullable: true, maxLengthBytes: 100 }),
  fieldSchema({ fieldId: 103n, dataType: DataType.Text }),
]);
const columns = new Map<bigint, Column>([
  [100n, int64Keys([1n, 2n, 3n])],
  [
    101n,
    {
      kind: "vector",
      type: DataType.FloatVector,
      dimension: 3,
      values: Float32Array.from({ length: 9 }, (_, at) => at + 0.5),
      valid: null,
    },
  ],
  [102n, bytesColumn(DataType.VarChar, ["ä", "", "long enough"], Uint8Array.of(1, 0, 1))],
  [103n, bytesColumn(DataType.Text, ["some", "more", "text"])],
]);

async function written(): Promise<{ readonly store: MapStore; readonly manifest: SegmentManifest }> {
  const store = new MapStore();
  const deltas = { keys: int64Keys([1n]), timestamps: BigUint64Array.of(77n), upperBounds: null };
  const source = sourceOf({ schema, rowCount: 3, columns });
  return { store, manifest: await writeSegment(store, runtime, descriptorOf(schema, { deltas }), source) };
}

/** Reads all there is to read of the segment. */
async function readEverything(store: MapStore, manifest: SegmentManifest): Promise<void> {
  const files = await openSegmentFiles(store, runtime, manifestKey(manifest, manifest.manifestVersion));
  await files.readSystem();
  await files.readScalars([102n, 103n]);
  await files.readVector(101n);
  await files.vectorLocation(101n);
  await files.readStatistics();
  await files.readDeltas();
}

function names(key: string, kind: string): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof MilvusError, String(thrown));
    assert.equal(thrown.kind, kind);
    assert.ok(thrown.message.includes(key), thrown.message);
    return true;
  };
}

// Damaged files are put back while the loops run, which moves them in the Map: so they walk a copy.

test("one flipped bit anywhere in any file is found, and the error names the file", async () => {
  const { store, manifest } = await written();
  await readEverything(store, manifest);
  for (const [key, bytes] of new Map(store.files)) {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.byteLength * 8 - 1), async (bit) => {
        const damaged = Uint8Array.from(bytes);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        store.files.set(key, damaged);
        await assert.rejects(readEverything(store, manifest), names(key, "DataIntegrity"));
      }),
      { numRuns: 60, examples: [[0], [bytes.byteLength * 8 - 1]] },
    );
    store.files.set(key, bytes);
  }
  await readEverything(store, manifest);
});

test("a file that is cut, longer, or gone is found, and the error names the file", async () => {
  const { store, manifest } = await written();
  for (const [key, bytes] of new Map(store.files)) {
    for (const length of new Set([0, 1, bytes.byteLength >> 1, bytes.byteLength - 1])) {
      store.files.set(key, bytes.subarray(0, length));
      await assert.rejects(readEverything(store, manifest), names(key, "DataIntegrity"));
    }
    store.files.set(key, Buffer.concat([bytes, Uint8Array.of(0)]));
    await assert.rejects(readEverything(store, manifest), names(key, "DataIntegrity"));
    store.files.delete(key);
    await assert.rejects(readEverything(store, manifest), names(key, "IoKeyNotFound"));
    store.files.set(key, bytes);
  }
  await readEverything(store, manifest);
});

test("a damaged vector file is served unread only to who asks for that", async () => {
  const { store, manifest } = await written();
  const key = manifest.groups.find((group) => group.groupId === 101n)!.file.key;
  const damaged = Uint8Array.from(store.files.get(key)!);
  damaged[70]! ^= 1;
  store.files.set(key, damaged);
  const files = await openSegmentFiles(store, runtime, manifestKey(manifest, 1));
  await assert.rejects(files.vectorLocation(101n), names(key, "DataIntegrity"));
  assert.equal((await files.vectorLocation(101n, { unchecked: true })).offset, 64);
});

test("a file with a right checksum and wrong contents is an error, not a crash or a short column", async () => {
  const { store, manifest } = await written();
  const group = manifest.groups.find((candidate) => candidate.groupId === 1n)!;
  const field = manifest.fields.find((candidate) => candidate.fieldId === 102n)!;
  const bytes = store.files.get(group.file.key)!;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.byteLength - 1), fc.nat(255), async (at, value) => {
      const forged = Uint8Array.from(bytes);
      forged[at] = value;
      store.files.set(group.file.key, forged);
      try {
        const read = await readColumnFile(store, runtime, { ...group.file, crc32: crc32(forged) }, [field]);
        const column = read.get(102n)!;
        assert.ok(column.kind === "bytes" && column.offsets.length === 4);
      } catch (thrown) {
        names(group.file.key, "DataIntegrity")(thrown);
        refused += 1;
      }
    }),
    { numRuns: 400 },
  );
  assert.ok(refused > 50, `${refused} of 400 forgeries were refused`);
});

test("a manifest of another format, with an unknown feature, or in another's place is refused by name", async () => {
  const { store, manifest } = await written();
  const key = manifestKey(manifest, 1);
  const refuses = (changed: SegmentManifest, text: RegExp): void => {
    assert.throws(() => decodeManifest(encodeManifest(changed), key), text);
  };
  refuses({ ...manifest, formatVersion: 2 }, /formatVersion=2/);
  refuses({ ...manifest, features: ["shredded-json"] }, /feature=shredded-json/);
  refuses({ ...manifest, rowCount: -1 }, /manifest\.rowCount is not a whole number/);
  refuses({ ...manifest, segmentId: "x" as unknown as bigint }, /manifest\.segmentId is not a 64-bit integer/);
  refuses(
    {
      ...manifest,
      groups: [{ ...manifest.groups[0]!, file: { ...manifest.groups[0]!.file, key: 1 as unknown as string } }],
    },
    /manifest\.groups\[0\]\.file\.key is not text/,
  );
  store.files.set("insert_log/450/451/453/manifest/1", store.files.get(key)!);
  await assert.rejects(
    openSegmentFiles(store, runtime, "insert_log/450/451/453/manifest/1"),
    names("insert_log/450/451/453/manifest/1", "DataIntegrity"),
  );
});

test("of two manifests of one version the first stays; repeating the first is harmless", async () => {
  const { store, manifest } = await written();
  const next = withDeltas(manifest, manifest.deltas[0]!);
  assert.equal(await publishManifest(store, next), "insert_log/450/451/452/manifest/2");
  assert.equal(await publishManifest(store, next), "insert_log/450/451/452/manifest/2");
  await assert.rejects(publishManifest(store, { ...next, channel: "other" }), ObjectExists);
  const files = await openSegmentFiles(store, runtime, manifestKey(manifest, 2));
  assert.equal((await files.readDeltas()).length, 2);
});

test("statistics of an unknown format are refused", async () => {
  const { store, manifest } = await written();
  const key = manifest.statistics[0]!.file.key;
  const newer = Uint8Array.from(store.files.get(key)!);
  newer[4] = 9;
  assert.throws(() => decodeStatistics(newer, key), /version=9/);
  newer[0] = 0;
  assert.throws(() => decodeStatistics(newer, key), /not a statistics file/);
});
