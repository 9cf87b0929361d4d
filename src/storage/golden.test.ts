import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { isVectorType } from "../model/types.ts";
import { filesOf, segmentBytes } from "./manifest.ts";
import { encodeManifest } from "./manifest-file.ts";
import { openSegmentFiles } from "./segment-reader.ts";
import { encodeStatistics } from "./statistics.ts";
import { GOLDEN, GOLDEN_DELTAS } from "./testing/golden-segment.ts";
import { MapStore } from "./testing/map-store.ts";
import { sourceOf } from "./testing/random-segment.ts";

test("files of format version 1 are read for ever, and what has no compression is written alike", async () => {
  const text = readFileSync(new URL("./testing/golden-1.json", import.meta.url), "utf8");
  const store = new MapStore();
  for (const [key, body] of Object.entries(JSON.parse(text) as Record<string, string>)) {
    store.files.set(key, Uint8Array.from(Buffer.from(body, "base64")));
  }
  const key = "insert_log/450/451/452/manifest/1";
  const files = await openSegmentFiles(store, new SystemRuntime(), key);
  for (const field of GOLDEN.schema.fields) {
    const isVector = isVectorType(field.dataType);
    const column = isVector ? await files.readVector(field.fieldId) : await files.readScalar(field.fieldId);
    assert.deepEqual(column, GOLDEN.columns.get(field.fieldId));
  }
  assert.equal((await files.vectorLocation(111n)).offset, 64);
  assert.equal((await files.vectorLocation(112n)).offset, null, "one of its rows is null");
  assert.deepEqual(await files.readDeltas(), [GOLDEN_DELTAS]);
  assert.deepEqual((await files.readSystem()).timestamps, sourceOf(GOLDEN).timestamps);

  const statistics = await files.readStatistics();
  const statisticsKey = files.manifest.statistics[0]!.file.key;
  assert.equal(Buffer.compare(encodeStatistics(statistics), store.files.get(statisticsKey)!), 0);
  assert.equal(Buffer.compare(encodeManifest(files.manifest), store.files.get(key)!), 0);

  assert.deepEqual([...filesOf(files.manifest), key].toSorted(), [...store.files.keys()].toSorted());
  const stored = [...store.files].reduce((sum, [name, bytes]) => sum + (name === key ? 0 : bytes.byteLength), 0);
  assert.equal(segmentBytes(files.manifest).stored, stored);
});
