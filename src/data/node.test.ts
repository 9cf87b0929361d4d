/** The data node builds indexes from files to objects, tells how they stand, and refuses what it cannot do. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { crc32 } from "node:zlib";
import { SystemRuntime } from "../base/host/system.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { indexesOf, loadKernel } from "../kernel/load.ts";
import { DirectoryObjectStore } from "../objectstore/directory.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import { WorkFolder } from "../objectstore/work-folder.ts";
import { InProcessTransport } from "../rpc/in-process.ts";
import type { DataService, DataTask, TaskReport } from "../rpc/data-service.ts";
import { DATA } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import { MapStore } from "../storage/testing/map-store.ts";
import { DataNode } from "./node.ts";
import { indexTask, writeVectors } from "./testing/vector-segment.ts";

const ROWS = 2_000;
const runtime = new SystemRuntime();
const directory = mkdtempSync(join(tmpdir(), "elanus-data-"));
after(() => rmSync(directory, { recursive: true }));
const native = loadKernel();

async function withNode(
  objects: ObjectStore,
  kernel: Kernel,
  work: (data: Client<DataService>) => Promise<void>,
): Promise<void> {
  const transport = new InProcessTransport(runtime, { isolate: true });
  const node = new DataNode({
    objects,
    kernel,
    transport,
    runtime,
    work: await WorkFolder.open(join(directory, "work")),
  });
  try {
    await work(transport.client<DataService>(DATA));
  } finally {
    await node.close();
  }
  assert.deepEqual(readdirSync(join(directory, "work")), [], "nothing stays in the work folder");
  assert.equal(kernel.openHandles(), 0);
}

async function run(data: Client<DataService>, task: DataTask): Promise<TaskReport> {
  assert.deepEqual(await data.createTask({ task }), { accepted: true });
  return data.waitTask({ ...task, waitMilliseconds: 60_000 });
}

test("without a native kernel a build is refused for good, and says why", async () => {
  const objects = new MapStore();
  const segment = await writeVectors(objects, 10);
  await withNode(objects, loadKernel({ prefer: "twin" }), async (data) => {
    const report = await run(data, indexTask(segment));
    assert.equal(report.state, "failed");
    assert.ok(report.state === "failed" && report.isPermanent);
    assert.match(report.reason, /native kernel.*searches are exact.*index type not supported/);
  });
});

test("a type that nothing builds is refused for good", async () => {
  const objects = new MapStore();
  const segment = await writeVectors(objects, 10);
  await withNode(objects, native, async (data) => {
    const report = await run(data, indexTask(segment, { indexType: "FLAT" }));
    assert.ok(report.state === "failed" && report.isPermanent);
  });
});

const indexes = indexesOf(native);
if (indexes !== null) {
  for (const kind of ["local", "remote"]) {
    test(`an index is built from ${kind} files, the same bytes each time, and opens beside its rows`, async () => {
      const local = await DirectoryObjectStore.open(join(directory, "objects"), runtime);
      const objects = kind === "local" ? local : new MapStore();
      const segment = await writeVectors(objects, ROWS);
      await withNode(objects, native, async (data) => {
        const [first, again] = [
          await run(data, indexTask(segment)),
          await run(data, indexTask(segment, { version: 2n })),
        ];
        assert.ok(first.state === "finished" && again.state === "finished", JSON.stringify(first));
        assert.ok(first.result.kind === "index" && again.result.kind === "index");
        const [file] = first.result.files;
        assert.equal(first.result.rowCount, ROWS);
        assert.equal(file?.key, "index_files/700/1/451/452/graph");
        assert.equal(again.result.files[0]?.key, "index_files/700/2/451/452/graph");
        assert.equal(again.result.files[0]?.crc32, file?.crc32);
        const bytes = await objects.get(file!.key);
        assert.equal(bytes.byteLength, file?.bytes);
        assert.equal(crc32(bytes), file?.crc32);
      });
      await local.close();
    });
  }

  test("a task is run once, counted in slots, stopped when it is dropped, and then unknown", async () => {
    const objects = new MapStore();
    const segment = await writeVectors(objects, 40_000);
    await withNode(objects, native, async (data) => {
      const slow = indexTask(segment, { params: [{ key: "efConstruction", value: "2000" }] });
      assert.deepEqual(await data.createTask({ task: slow }), { accepted: true });
      assert.deepEqual(await data.createTask({ task: slow }), { accepted: true });
      assert.deepEqual(await data.querySlots({}), { total: 2, free: 1 });
      assert.deepEqual(await data.createTask({ task: { ...slow, version: 2n } }), { accepted: true });
      assert.deepEqual(await data.createTask({ task: { ...slow, version: 3n } }), { accepted: false });
      const report = await data.waitTask({ ...slow, waitMilliseconds: 1 });
      assert.equal(report.state, "running");
      await data.dropTask(slow);
      assert.deepEqual(await data.waitTask({ ...slow, waitMilliseconds: 1 }), { state: "unknown" });
      assert.deepEqual(await data.querySlots({}), { total: 2, free: 1 });
      // Closing the node stops the other one.
    });
    assert.deepEqual(await objects.list("index_files/"), []);
  });

  test("a store that fails makes a failure that may be tried again", async () => {
    const objects = new MapStore();
    const segment = await writeVectors(objects, ROWS);
    objects.failure = () => new Error("no room");
    await withNode(objects, native, async (data) => {
      const report = await run(data, indexTask(segment));
      assert.ok(report.state === "failed" && !report.isPermanent);
      assert.match(report.reason, /no room/);
    });
  });
}
