import assert from "node:assert/strict";
import { test } from "node:test";
import { milvusError } from "../base/errors.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { MemoryMetaStore } from "../metastore/memory.ts";
import { type MetaStore, type Operation, OutcomeUnknown } from "../metastore/metastore.ts";
import { MessageType } from "../model/message.ts";
import { Broadcaster, type Change } from "./broadcaster.ts";
import { BROADCASTS } from "./meta-keys.ts";

const runtime = new SystemRuntime();

function change(key: string, ...channels: string[]): Change {
  return {
    appends: channels.map((virtualChannel) => ({
      virtualChannel,
      messages: [{ type: MessageType.CreateDatabase, change: { key } }],
    })),
    operations: [{ put: key, value: Buffer.from(key) }],
  };
}

function broadcasterOver(
  store: MetaStore,
  append: (channel: string) => Promise<void>,
): { broadcaster: Broadcaster; applied: Operation[] } {
  const applied: Operation[] = [];
  let id = 0n;
  const broadcaster = new Broadcaster({
    store,
    runtime,
    append,
    newId: async () => (id += 1n),
    applied: (operations) => void applied.push(...operations),
  });
  return { broadcaster, applied };
}

test("a change reaches its channels, then the metadata, and leaves no task", async () => {
  const store = new MemoryMetaStore(runtime);
  const appended: string[] = [];
  const { broadcaster, applied } = broadcasterOver(store, async (channel) => {
    assert.equal(await store.get("a"), null, "metadata change last");
    appended.push(channel);
  });
  await broadcaster.run(async () => change("a", "x", "y"));
  assert.deepEqual(appended.toSorted(), ["x", "y"]);
  assert.notEqual(await store.get("a"), null);
  assert.equal(applied.length, 1);
  assert.deepEqual(await store.range(BROADCASTS), []);
});

test("a change that no channel takes is taken back", async () => {
  const store = new MemoryMetaStore(runtime);
  const { broadcaster, applied } = broadcasterOver(store, async () => {
    throw milvusError("ServiceDiskLimitExceeded", "the disk is full");
  });
  await assert.rejects(
    broadcaster.run(async () => change("a", "x")),
    /the disk is full/,
  );
  assert.equal(await store.get("a"), null);
  assert.deepEqual(applied, []);
  assert.deepEqual(await store.range(BROADCASTS), []);
});

test("a change that one channel has is carried on until all have it", async () => {
  const store = new MemoryMetaStore(runtime);
  let failures = 3;
  const appended: string[] = [];
  const { broadcaster } = broadcasterOver(store, async (channel) => {
    if (channel === "y" && (failures -= 1) >= 0) throw milvusError("ServiceDiskLimitExceeded", "the disk is full");
    appended.push(channel);
  });
  await broadcaster.run(async () => change("a", "x", "y"));
  assert.deepEqual(appended, ["x", "y"], "and what has it is not asked again");
});

test("a successor finishes what a crash left (I B1)", async () => {
  const store = new MemoryMetaStore(runtime);
  const stuck = broadcasterOver(store, () => new Promise(() => {}));
  void stuck.broadcaster.run(async () => change("a", "x"));
  while ((await store.range(BROADCASTS)).length === 0) await runtime.yield();
  const appended: string[] = [];
  const { broadcaster } = broadcasterOver(store, async (channel) => void appended.push(channel));
  assert.equal(await broadcaster.recover(), 1);
  assert.deepEqual(appended, ["x"]);
  assert.notEqual(await store.get("a"), null);
  assert.equal(await broadcaster.recover(), 0);
});

test("unclear outcomes of the metadata are settled by looking", async () => {
  const inner = new MemoryMetaStore(runtime);
  let turn = 0;
  const store = {
    get: (key: string) => inner.get(key),
    range: (prefix: string) => inner.range(prefix),
    transaction: async (...request: Parameters<MetaStore["transaction"]>) => {
      turn += 1;
      // Every other outcome is lost: once without effect, once with it.
      if (turn % 4 === 1) throw new OutcomeUnknown("request lost");
      const result = await inner.transaction(...request);
      if (turn % 4 === 3) throw new OutcomeUnknown("answer lost");
      return result;
    },
  } as MetaStore;
  const appended: string[] = [];
  const { broadcaster, applied } = broadcasterOver(store, async (channel) => void appended.push(channel));
  await broadcaster.run(async () => change("a", "x"));
  await broadcaster.run(async () => change("b", "y"));
  assert.deepEqual(appended, ["x", "y"]);
  assert.equal(applied.length, 2);
  assert.deepEqual(await inner.range(BROADCASTS), []);
});

test("changes are carried out one after the other, each seeing what the one before did", async () => {
  const store = new MemoryMetaStore(runtime);
  const { broadcaster } = broadcasterOver(store, () => runtime.sleep(1));
  const seen: boolean[] = [];
  await Promise.all(
    ["a", "b", "c"].map((key, at, all) =>
      broadcaster.run(async () => {
        seen.push(at === 0 || (await store.get(all[at - 1]!)) !== null);
        return change(key, "x");
      }),
    ),
  );
  assert.deepEqual(seen, [true, true, true]);
});

test("nothing to do writes nothing", async () => {
  const store = new MemoryMetaStore(runtime);
  const before = await store.revision();
  const { broadcaster } = broadcasterOver(store, async () => assert.fail("nothing is appended"));
  await broadcaster.run(async () => null);
  assert.equal(await store.revision(), before);
});
