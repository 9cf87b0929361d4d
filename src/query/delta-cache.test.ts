import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { DataType, SegmentLevel } from "../model/types.ts";
import { manifestKey } from "../storage/keys.ts";
import { writeDeltaSegment } from "../storage/segment-writer.ts";
import { MapStore } from "../storage/testing/map-store.ts";
import { collectionSchema, descriptorOf, fieldSchema, int64Keys } from "../storage/testing/random-segment.ts";
import { DeltaCache } from "./delta-cache.ts";

const ROWS = 10;
const KEPT_BYTES = ROWS * (8 + 16);
const runtime = new SystemRuntime();
const schema = collectionSchema([fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true })]);

/** Counts reads of files. */
class CountingStore extends MapStore {
  reads = 0;

  override get(...range: Parameters<MapStore["get"]>): ReturnType<MapStore["get"]> {
    this.reads += 1;
    return super.get(...range);
  }
}

async function writeDeletes(store: MapStore, segmentId: bigint): Promise<string> {
  const keys = Array.from({ length: ROWS }, (_, row) => segmentId * 100n + BigInt(row));
  const timestamps = new BigUint64Array(ROWS).fill(50n);
  const deltas = { keys: int64Keys(keys), timestamps, upperBounds: timestamps };
  const descriptor = { ...descriptorOf(schema, { segmentId, level: SegmentLevel.L0 }), deltas };
  const manifest = await writeDeltaSegment(store, runtime, descriptor);
  return manifestKey(manifest, manifest.manifestVersion);
}

test("deletes are read once while there is room, and the least recently used make room", async () => {
  const store = new CountingStore();
  const [first, second, third] = [
    await writeDeletes(store, 1n),
    await writeDeletes(store, 2n),
    await writeDeletes(store, 3n),
  ];
  const cache = new DeltaCache(store, runtime, KEPT_BYTES * 2);
  const readsFor = async (key: string): Promise<number> => {
    const before = store.reads;
    const [delta] = await cache.read(key);
    assert.equal(delta?.timestamps.length, ROWS);
    return store.reads - before;
  };
  store.reads = 0;
  await Promise.all([cache.read(first), cache.read(first)]);
  const onceRead = store.reads;
  assert.ok(onceRead > 0);
  assert.equal(await readsFor(second), onceRead, "two who ask at once read once");
  assert.equal(await readsFor(first), 0);
  assert.equal(await readsFor(third), onceRead);
  assert.equal(await readsFor(first), 0, "used after the second");
  assert.equal(await readsFor(second), onceRead, "had to go");
});

test("what could not be read is asked for again", async () => {
  const store = new CountingStore();
  const key = await writeDeletes(store, 1n);
  const manifest = (await store.get(key)).slice();
  await store.delete([key]);
  const cache = new DeltaCache(store, runtime);
  await assert.rejects(cache.read(key));
  await store.put(key, manifest);
  assert.equal((await cache.read(key)).length, 1);
});
