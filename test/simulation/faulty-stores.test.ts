import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Runtime } from "../../src/base/host/runtime.ts";
import { SystemRuntime } from "../../src/base/host/system.ts";
import { metaStoreConformance } from "../../src/metastore/conformance.ts";
import { writeMuch } from "../../src/metastore/conformance/changes.ts";
import { MemoryMetaStore } from "../../src/metastore/memory.ts";
import { Compacted, OutcomeUnknown } from "../../src/metastore/metastore.ts";
import type { MetaStore } from "../../src/metastore/metastore.ts";
import { objectStoreConformance } from "../../src/objectstore/conformance.ts";
import { MemoryObjectStore } from "../../src/objectstore/memory.ts";
import { ObjectExists } from "../../src/objectstore/objectstore.ts";
import { Crashed, NO_FAULTS } from "./faults.ts";
import { FaultyMetaStore } from "./faulty-metastore.ts";
import type { MetaFaults } from "./faulty-metastore.ts";
import { FaultyObjectStore } from "./faulty-objectstore.ts";
import type { ObjectFaults } from "./faulty-objectstore.ts";
import { SimulatedRuntime } from "./runtime.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = (key: string, value = key): { put: string; value: Uint8Array } => ({ put: key, value: bytes(value) });

/** Chance from a seed (mulberry32); time stays real. Where it counts, the runtime is a simulated one. */
class SeededRuntime extends SystemRuntime {
  #state: number;

  constructor(seed: number) {
    super();
    this.#state = seed;
  }

  override random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

function faultyMeta(
  faults: Partial<MetaFaults>,
  seed = 1,
  runtime: Runtime = new SeededRuntime(seed),
): { readonly inner: MemoryMetaStore; readonly store: FaultyMetaStore } {
  const inner = new MemoryMetaStore(runtime, { events: 180, bytes: 8 * 1024 * 1024 });
  return { inner, store: new FaultyMetaStore(inner, runtime, { ...NO_FAULTS, compacted: 0, ...faults }) };
}

function faultyObjects(
  faults: Partial<ObjectFaults>,
  seed = 1,
  runtime: Runtime = new SeededRuntime(seed),
): { readonly inner: MemoryObjectStore; readonly store: FaultyObjectStore } {
  const inner = new MemoryObjectStore(runtime);
  return { inner, store: new FaultyObjectStore(inner, runtime, { ...NO_FAULTS, corrupt: 0, ...faults }) };
}

objectStoreConformance(
  "FaultyObjectStore without faults but delays",
  async () => faultyObjects({ delay: 0.2, maximumDelayMilliseconds: 1 }),
  {
    isDurable: false,
    isOutside: false,
  },
);

test("an error before the effect leaves nothing, an unknown outcome may mean either", async () => {
  const before = faultyMeta({ before: 1 });
  await assert.rejects(before.store.transaction([], [put("a")]), { kind: "ServiceUnavailable" });
  await assert.rejects(before.store.get("a"), { kind: "ServiceUnavailable" });
  assert.equal(await before.inner.get("a"), null);
  const lost = faultyMeta({ lost: 1 });
  await assert.rejects(lost.store.transaction([], [put("a")]), OutcomeUnknown);
  assert.equal(await lost.inner.get("a"), null);
  const after = faultyMeta({ after: 1 });
  await assert.rejects(after.store.transaction([], [put("a")]), OutcomeUnknown);
  assert.ok(await after.inner.get("a"));
});

test("a counter that reads after each unknown outcome is exact", async () => {
  const { inner, store } = faultyMeta({
    before: 0.1,
    lost: 0.15,
    after: 0.15,
    delay: 0.1,
    maximumDelayMilliseconds: 1,
  });
  await inner.transaction([], [put("n", "0")]);
  const total = 100;
  for (let wanted = 1; wanted <= total; wanted++) await setCounter(store, wanted);
  assert.equal(new TextDecoder().decode((await inner.get("n"))?.value), String(total));
  assert.equal(await inner.revision(), BigInt(total + 1), "no step was made twice");
});

async function setCounter(store: MetaStore, wanted: number): Promise<void> {
  for (;;) {
    try {
      const entry = await store.get("n");
      assert.ok(entry);
      if (new TextDecoder().decode(entry.value) === String(wanted)) return;
      const { succeeded } = await store.transaction(
        [{ key: "n", modRevision: entry.modRevision }],
        [put("n", String(wanted))],
      );
      if (succeeded) return;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
  }
}

test("one seed gives one history, another seed another", async () => {
  const history = async (seed: number): Promise<string> => {
    const { store } = faultyMeta({ before: 0.3, lost: 0.2, after: 0.2 }, seed);
    const outcomes: string[] = [];
    for (let step = 0; step < 60; step++) {
      await store.transaction([], [put("k")]).then(
        ({ revision }) => outcomes.push(String(revision)),
        (error: Error) => outcomes.push(error.name),
      );
    }
    return outcomes.join(" ");
  };
  assert.equal(await history(7), await history(7));
  assert.notEqual(await history(7), await history(8));
});

test("probabilities are met and may change on the way", async () => {
  const faults = { ...NO_FAULTS, compacted: 0, before: 0.25 };
  const runtime = new SeededRuntime(3);
  const store = new FaultyMetaStore(new MemoryMetaStore(runtime), runtime, faults);
  let failures = 0;
  for (let step = 0; step < 1000; step++) await store.revision().catch(() => (failures += 1));
  assert.ok(failures > 200 && failures < 300, `${failures} of 1000`);
  faults.before = 0;
  for (let step = 0; step < 100; step++) await store.revision();
});

test("a crash rejects what is in flight; what waited before its effect never happens", () => {
  const runtime = new SimulatedRuntime(1);
  return runtime.run(async () => {
    const { inner, store } = faultyMeta({ delay: 1, maximumDelayMilliseconds: 50 }, 1, runtime);
    const waiting = Array.from({ length: 5 }, (_, key) => store.transaction([], [put(`k${key}`)]));
    const watched = (async () => {
      for await (const event of store.watch("", 0n, new AbortController().signal))
        assert.fail(`heard of ${event.revision}`);
    })();
    await runtime.yield();
    store.crash();
    for (const call of [...waiting, watched]) await assert.rejects(call, Crashed);
    await assert.rejects(store.get("a"), Crashed);
    await runtime.sleep(80);
    assert.equal(await inner.revision(), 0n);
  });
});

test("a crash after the effect keeps the effect, and a new life reads it", async () => {
  const { inner, store } = faultyMeta({});
  await store.transaction([], [put("settled")]);
  const inFlight = store.transaction([], [put("in flight")]);
  while ((await inner.get("in flight")) === null) await Promise.resolve();
  store.crash();
  // The answer may have come just before; the effect is there in either case.
  await inFlight.catch((error: unknown) => assert.ok(error instanceof Crashed));
  const next = new FaultyMetaStore(inner, new SeededRuntime(2), { ...NO_FAULTS, compacted: 0 });
  assert.ok(await next.get("settled"));
  assert.ok(await next.get("in flight"));
});

test("the lease of a crashed process runs out by itself", () => {
  const runtime = new SimulatedRuntime(1);
  return runtime.run(async () => {
    const { inner, store } = faultyMeta({}, 1, runtime);
    const lease = await store.grantLease(250);
    await store.transaction([], [{ put: "session", value: bytes("x"), lease }]);
    store.crash();
    await assert.rejects(lease.keepAlive(), Crashed);
    await runtime.sleep(240);
    assert.ok(await inner.get("session"));
    await runtime.sleep(20);
    assert.equal(await inner.get("session"), null);
    await inner.close();
  });
});

test("a watch can be told that history is gone", async () => {
  const { inner, store } = faultyMeta({ compacted: 1 });
  await inner.transaction([], [put("a")]);
  const watched = (async () => {
    for await (const event of store.watch("", 0n, new AbortController().signal))
      assert.fail(`heard of ${event.revision}`);
  })();
  await assert.rejects(watched, Compacted);
});

test("closing the view leaves the store below open", async () => {
  const { inner, store } = faultyMeta({});
  await store.close();
  await assert.rejects(store.get("a"), { kind: "ServiceUnavailable" });
  assert.equal(await inner.get("a"), null);
});

test("an object put fails before or after its effect with the same words", async () => {
  const before = faultyObjects({ before: 1 });
  await assert.rejects(before.store.put("a", bytes("x")), { kind: "IoFailed" });
  assert.equal(await before.inner.head("a"), null);
  const after = faultyObjects({ after: 1 });
  await assert.rejects(after.store.put("a", bytes("x"), { ifAbsent: true }), { kind: "IoFailed" });
  assert.equal((await after.inner.head("a"))?.bytes, 1);
  await assert.rejects(after.store.put("a", bytes("x"), { ifAbsent: true }), ObjectExists);
});

test("a corrupt read differs in one bit, and the object stays right", async () => {
  const { inner, store } = faultyObjects({ corrupt: 1 });
  const body = new Uint8Array(1000);
  await store.put("a", body);
  const read = await store.get("a");
  const ones = [...read].reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  assert.equal(ones, 1);
  assert.deepEqual(await inner.get("a"), body);
});

test("an upload of a crashed process stays invisible, a deletion may be half done", () => {
  const runtime = new SimulatedRuntime(1);
  return runtime.run(async () => {
    const { inner, store } = faultyObjects({ delay: 1, maximumDelayMilliseconds: 4 }, 1, runtime);
    const keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const key of keys) await inner.put(key, bytes(key));
    const upload = await store.multipart("m");
    await upload.uploadPart(0, bytes("part"));
    const deletion = store.delete(keys);
    while ((await inner.list("")).length > 6) await runtime.sleep(1);
    const completion = upload.complete();
    store.crash();
    await assert.rejects(deletion, Crashed);
    await assert.rejects(completion, Crashed);
    await runtime.sleep(10);
    const left = (await inner.list("")).map(({ key }) => key);
    assert.ok(left.length >= 4 && left.length < keys.length && !left.includes("m"), left.join());
    assert.deepEqual(left, keys.slice(-left.length), "from the first on");
  });
});

metaStoreConformance(
  "FaultyMetaStore without faults",
  async (context: TestContext) => {
    const { inner, store } = faultyMeta({});
    context.after(() => inner.close());
    return { store, compact: writeMuch };
  },
  { isDurable: false },
);
