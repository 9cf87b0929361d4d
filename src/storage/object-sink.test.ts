import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import type { Runtime } from "../base/host/runtime.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { ObjectSink } from "./object-sink.ts";
import { Pace } from "./pace.ts";
import { MapStore } from "./testing/map-store.ts";

const runtime = new SystemRuntime();
const MEBIBYTE = 1024 * 1024;

test("what is appended is the object, whatever the pieces; size and checksum are those of the whole", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 200 })),
      fc.constantFrom(0, 50, 1000),
      async (pieces, threshold) => {
        const store = new MapStore();
        const sink = new ObjectSink(store, new Pace(runtime), "k", threshold);
        let offset = 0;
        for (const piece of pieces) {
          await sink.append(piece);
          offset += piece.byteLength;
          assert.equal(sink.offset, offset);
        }
        const facts = await sink.finish();
        const whole = Buffer.concat(pieces);
        assert.deepEqual(facts, { bytes: whole.byteLength, crc32: crc32(whole) });
        assert.equal(Buffer.compare(store.files.get("k")!, whole), 0);
        assert.equal(store.uploads.length, whole.byteLength > threshold ? 1 : 0);
      },
    ),
  );
});

test("above 16 MiB the object goes in parts of 8 MiB, the last one smaller", async () => {
  const store = new MapStore();
  const sink = new ObjectSink(store, new Pace(runtime), "k");
  const piece = Uint8Array.from({ length: 3 * MEBIBYTE }, (_, at) => at % 251);
  for (let count = 0; count < 7; count += 1) await sink.append(piece);
  const facts = await sink.finish();
  assert.equal(facts.bytes, 21 * MEBIBYTE);
  assert.deepEqual(store.uploads, [{ key: "k", parts: [8 * MEBIBYTE, 8 * MEBIBYTE, 5 * MEBIBYTE], state: "complete" }]);
  assert.equal(crc32(store.files.get("k")!), facts.crc32);
});

test("a failed part fails the writer, and abort leaves nothing", async () => {
  const store = new MapStore();
  store.failure = () => new Error("no route to host");
  const sink = new ObjectSink(store, new Pace(runtime), "k");
  const write = async (): Promise<void> => {
    for (let count = 0; count < 40; count += 1) await sink.append(new Uint8Array(MEBIBYTE));
    await sink.finish();
  };
  await assert.rejects(write(), /no route to host/);
  await sink.abort();
  await sink.abort();
  assert.equal(store.uploads[0]!.state, "aborted");
  assert.equal(store.files.size, 0);
});

test("no more than two parts are under way", async () => {
  const store = new MapStore();
  const started = Array.from({ length: 8 }, () => Promise.withResolvers<void>());
  let underWay = 0;
  let most = 0;
  const multipart = store.multipart.bind(store);
  store.multipart = async (key) => {
    const upload = await multipart(key);
    return {
      ...upload,
      uploadPart: async (number, body) => {
        underWay += 1;
        most = Math.max(most, underWay);
        started[number]!.resolve();
        // Every other part ends only when the next one has begun: one part at a time would wait here for ever.
        if (number % 2 === 0) await started[number + 1]!.promise;
        await runtime.sleep(5);
        underWay -= 1;
        await upload.uploadPart(number, body);
      },
    };
  };
  const sink = new ObjectSink(store, new Pace(runtime), "k");
  for (let count = 0; count < 60; count += 1) await sink.append(new Uint8Array(MEBIBYTE));
  await sink.finish();
  assert.equal(store.files.get("k")!.byteLength, 60 * MEBIBYTE);
  assert.equal(most, 2);
});

test("the event loop gets its turn after eight milliseconds of work, and not before", async () => {
  let clock = 0;
  let turns = 0;
  const fake: Runtime = {
    ...(runtime as Runtime),
    monotonic: () => clock,
    yield: async () => void (turns += 1),
  };
  const pace = new Pace(fake);
  for (let step = 0; step < 10; step += 1) {
    clock += 3;
    await pace.pause();
  }
  assert.equal(turns, 3);
});
