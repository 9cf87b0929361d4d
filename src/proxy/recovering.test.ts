import assert from "node:assert/strict";
import { test } from "node:test";
import type { Runtime } from "../base/host/runtime.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { milvusError } from "../base/errors.ts";
import type { ProxyContext } from "./context.ts";
import { whenServed } from "./recovering.ts";

const TARGET = { databaseName: "", collectionName: "c" };

class FastClock extends SystemRuntime implements Runtime {
  milliseconds = 0;

  override monotonic(): number {
    return this.milliseconds;
  }

  override sleep(milliseconds: number): Promise<void> {
    this.milliseconds += milliseconds;
    return Promise.resolve();
  }
}

function context(load: object | null, progress: () => Promise<unknown> = async () => ({ progress: 0 })): ProxyContext {
  return {
    runtime: new FastClock(),
    describeAll: async () => ({ load }),
    coordinator: { loadProgress: progress },
  } as unknown as ProxyContext;
}

const notLoaded = (): Error => milvusError("CollectionNotLoaded", "", { collection: "c" });

test("a read waits while a loaded collection is on its way", async () => {
  let tries = 0;
  const answer = await whenServed(context({}), TARGET, async () => {
    tries += 1;
    if (tries < 4) throw notLoaded();
    return "rows";
  });
  assert.equal(answer, "rows");
  assert.equal(tries, 4);
});

test("what is not loaded is told at once, and so is every other error", async () => {
  let tries = 0;
  const read = async (): Promise<never> => {
    tries += 1;
    throw notLoaded();
  };
  await assert.rejects(whenServed(context(null), TARGET, read), /^MilvusError: collection not loaded\[collection=c\]$/);
  assert.equal(tries, 1);
  const broken = async (): Promise<never> => {
    throw milvusError("DataIntegrity", "a file");
  };
  await assert.rejects(whenServed(context({}), TARGET, broken), /data integrity check failed/);
});

test("the wait has an end, and a load that failed is told instead", async () => {
  const read = async (): Promise<never> => {
    throw notLoaded();
  };
  await assert.rejects(whenServed(context({}), TARGET, read), /collection not fully loaded\[collection=c\]/);
  const failed = async (): Promise<never> => {
    throw milvusError("DataIntegrity", "the segment manifest has the wrong checksum");
  };
  await assert.rejects(whenServed(context({}, failed), TARGET, read), /wrong checksum/);
});
