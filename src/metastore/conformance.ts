/**
 * The contract of `MetaStore` as tests: every implementation runs all of them.
 *
 * `make` hands out an empty store for one test; a durable one also says how to `reopen` it (close and open again on the same
 * data, as after a restart).
 */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { compareUtf8 } from "../base/utf8-order.ts";
import { Compacted, LeaseLost } from "./metastore.ts";
import type { MetaStore, Operation, WatchEvent } from "./metastore.ts";

export interface StoreUnderTest {
  readonly store: MetaStore;
  /** Closes the current store and opens one on the same data; present in stores that outlive their object. */
  readonly reopen?: () => Promise<MetaStore>;
  /** Writes (or asks the store) so that revision 1 is no longer in the history. */
  readonly compact: (store: MetaStore) => Promise<void>;
}

export type MakeStore = (context: TestContext) => Promise<StoreUnderTest>;

const runtime = new SystemRuntime();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
const put = (key: string, value = key): Operation => ({ put: key, value: bytes(value) });

export function metaStoreConformance(name: string, make: MakeStore, options: { readonly isDurable: boolean }): void {
  describe(`${name} keeps the contract of MetaStore`, () => {
    /** Ends watches that a failed test left behind. */
    const stop = new AbortController();
    after(() => stop.abort());

    transactionTests(make);
    rangeTests(make);
    watchTests(make, stop.signal);
    leaseTests(make, stop.signal);
    if (options.isDurable) durabilityTests(make, stop.signal);
  });
}

function transactionTests(make: MakeStore): void {
  test("a key is absent, put, read, changed and deleted", async (context) => {
    const { store } = await make(context);
    const start = await store.revision();
    assert.equal(await store.get("a"), null);
    const first = await store.transaction([], [put("a", "1")]);
    assert.deepEqual(first, { succeeded: true, revision: start + 1n });
    const second = await store.transaction([], [put("a", "2")]);
    const entry = await store.get("a");
    assert.equal(text(entry?.value), "2");
    assert.deepEqual([entry?.createRevision, entry?.modRevision], [first.revision, second.revision]);
    const third = await store.transaction([], [{ delete: "a" }]);
    assert.equal(third.revision, start + 3n);
    assert.equal(await store.get("a"), null);
    const again = await store.transaction([], [put("a", "3")]);
    assert.equal((await store.get("a"))?.createRevision, again.revision);
    assert.equal(await store.revision(), start + 4n);
  });

  test("what writes nothing leaves the revision alone", async (context) => {
    const { store } = await make(context);
    const { revision } = await store.transaction([], [put("a")]);
    assert.deepEqual(await store.transaction([], []), { succeeded: true, revision });
    assert.deepEqual(await store.transaction([{ key: "a", exists: true }], []), { succeeded: true, revision });
    assert.deepEqual(await store.transaction([{ key: "a", exists: false }], [put("b")]), {
      succeeded: false,
      revision,
    });
    assert.deepEqual(await store.transaction([], [{ delete: "missing" }]), { succeeded: true, revision });
    assert.deepEqual(await store.transaction([], [{ deletePrefix: "missing" }]), { succeeded: true, revision });
    assert.equal(await store.revision(), revision);
  });

  test("each kind of compare holds and fails", async (context) => {
    const { store } = await make(context);
    const { revision } = await store.transaction([], [put("a", "x"), put("empty", "")]);
    const holds = async (compare: Parameters<MetaStore["transaction"]>[0][number]): Promise<boolean> =>
      (await store.transaction([compare], [])).succeeded;
    assert.equal(await holds({ key: "a", exists: true }), true);
    assert.equal(await holds({ key: "b", exists: true }), false);
    assert.equal(await holds({ key: "b", exists: false }), true);
    assert.equal(await holds({ key: "a", modRevision: revision }), true);
    assert.equal(await holds({ key: "a", modRevision: revision + 1n }), false);
    assert.equal(await holds({ key: "b", modRevision: revision }), false);
    assert.equal(await holds({ key: "a", value: bytes("x") }), true);
    assert.equal(await holds({ key: "a", value: bytes("xy") }), false);
    assert.equal(await holds({ key: "b", value: bytes("") }), false);
    assert.equal(await holds({ key: "empty", value: bytes("") }), true);
  });

  test("one compare that fails runs the other branch, whole", async (context) => {
    const { store } = await make(context);
    await store.transaction([], [put("a", "old"), put("gone/1"), put("gone/2")]);
    const compares = [
      { key: "a", exists: true },
      { key: "b", exists: true },
    ];
    const result = await store.transaction(compares, [put("a", "new")], [put("c"), { deletePrefix: "gone/" }]);
    assert.equal(result.succeeded, false);
    const keys = (await store.range("")).map((entry) => entry.key);
    assert.deepEqual(keys, ["a", "c"]);
    assert.equal(text((await store.get("a"))?.value), "old");
    assert.equal((await store.get("c"))?.modRevision, result.revision);
  });

  test("compare-and-swap under contention loses no increment", async (context) => {
    const { store } = await make(context);
    const start = (await store.transaction([], [put("n", "0")])).revision;
    const increment = async (): Promise<void> => {
      for (;;) {
        const entry = await store.get("n");
        assert.ok(entry);
        const next = put("n", String(Number(text(entry.value)) + 1));
        const { succeeded } = await store.transaction([{ key: "n", modRevision: entry.modRevision }], [next]);
        if (succeeded) return;
      }
    };
    const worker = async (): Promise<void> => {
      for (let count = 0; count < 10; count++) await increment();
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    assert.equal(text((await store.get("n"))?.value), "80");
    assert.equal(await store.revision(), start + 80n);
  });

  test("of many that create one key exactly one succeeds", async (context) => {
    const { store } = await make(context);
    const racers = Array.from({ length: 20 }, (_, index) =>
      store.transaction([{ key: "leader", exists: false }], [put("leader", String(index))]),
    );
    const winners = (await Promise.all(racers)).flatMap((result, index) => (result.succeeded ? [String(index)] : []));
    assert.equal(winners.length, 1);
    assert.equal(text((await store.get("leader"))?.value), winners[0]);
  });

  test("an epoch in the compare turns a stale leader away", async (context) => {
    const { store } = await make(context);
    const lead = async (epoch: string): Promise<(key: string) => Promise<boolean>> => {
      await store.transaction([], [put("epoch", epoch)]);
      return async (key) => (await store.transaction([{ key: "epoch", value: bytes(epoch) }], [put(key)])).succeeded;
    };
    const first = await lead("1");
    assert.equal(await first("a"), true);
    const second = await lead("2");
    assert.equal(await first("b"), false);
    assert.equal(await second("c"), true);
    assert.equal(await store.get("b"), null);
  });

  test("128 operations and compares fit, more are refused", async (context) => {
    const { store } = await make(context);
    const keys = Array.from({ length: 128 }, (_, index) => `k/${String(index).padStart(3, "0")}`);
    const absent = keys.map((key) => ({ key, exists: false }));
    const { revision, succeeded } = await store.transaction(
      absent,
      keys.map((key) => put(key)),
    );
    assert.equal(succeeded, true);
    const entries = await store.range("k/");
    assert.deepEqual(
      entries.map((entry) => [entry.key, entry.modRevision]),
      keys.map((key) => [key, revision]),
    );
    const tooMany = [...keys, "k/more"].map((key) => put(key));
    await assert.rejects(store.transaction([], tooMany), { kind: "ParameterTooLarge" });
    assert.equal(await store.revision(), revision);
  });

  test("deletePrefix takes what starts with it and nothing else", async (context) => {
    const { store } = await make(context);
    const keys = ["a", "a/", "a/1", "a/é", "a/\u{10ffff}", "a0", "b"];
    await store.transaction(
      [],
      keys.map((key) => put(key)),
    );
    const { revision } = await store.transaction([], [{ deletePrefix: "a/" }]);
    assert.deepEqual(
      (await store.range("")).map((entry) => entry.key),
      ["a", "a0", "b"],
    );
    assert.equal(await store.revision(), revision);
  });

  test("operations that speak of one key are refused", async (context) => {
    const { store } = await make(context);
    for (const operations of [
      [put("a", "1"), put("a", "2")],
      [put("a"), { delete: "a" }],
      [{ deletePrefix: "a/" }, put("a/1")],
    ]) {
      await assert.rejects(store.transaction([], operations), { kind: "ParameterInvalid" });
    }
    assert.deepEqual(await store.range(""), []);
  });

  test("keys that are empty or no Unicode text are refused", async (context) => {
    const { store } = await make(context);
    for (const key of ["", "\ud800", "k".repeat(5000)]) {
      await assert.rejects(store.get(key), { kind: "ParameterInvalid" });
      await assert.rejects(store.transaction([], [put(key, "v")]), { kind: "ParameterInvalid" });
    }
    await assert.rejects(store.range("", { limit: 0 }), { kind: "ParameterInvalid" });
  });

  test("values of 1 MiB and of no bytes come back whole", async (context) => {
    const { store } = await make(context);
    const large = runtime.randomBytes(1024 * 1024);
    await store.transaction(
      [],
      [
        { put: "large", value: large },
        { put: "none", value: new Uint8Array(0) },
      ],
    );
    const [entry] = await store.range("large");
    assert.equal(Buffer.compare(entry?.value ?? bytes(""), large), 0);
    assert.equal((await store.get("none"))?.value.byteLength, 0);
  });

  test("neither the writer's buffer nor a reader's copy reaches into the store", async (context) => {
    const { store } = await make(context);
    const value = Buffer.from("abc");
    const written = store.transaction([], [{ put: "a", value }]);
    value.fill(0);
    await written;
    (await store.get("a"))?.value.fill(0);
    (await store.range("a"))[0]?.value.fill(0);
    assert.equal(text((await store.get("a"))?.value), "abc");
  });

  test("a closed store refuses, and closing again is fine", async (context) => {
    const { store } = await make(context);
    await store.transaction([], [put("a")]);
    const last = store.transaction([], [put("b")]);
    await store.close();
    await store.close();
    assert.equal((await last).succeeded, true, "what was asked for before is done");
    await assert.rejects(store.get("a"), { kind: "ServiceUnavailable" });
    await assert.rejects(store.range("a"), { kind: "ServiceUnavailable" });
    await assert.rejects(store.transaction([], [put("a")]), { kind: "ServiceUnavailable" });
    await assert.rejects(store.grantLease(1000), { kind: "ServiceUnavailable" });
    await assert.rejects(store.revision(), { kind: "ServiceUnavailable" });
  });
}

function rangeTests(make: MakeStore): void {
  test("keys are in the order of their UTF-8 bytes", async (context) => {
    const { store } = await make(context);
    const keys = [
      "k",
      "k\0",
      "k/é",
      "k/\u{ffff}",
      "k/\u{10000}",
      "k/\u{e000}",
      "k/日本",
      "k/z",
      "k/Z",
      "k/z/a",
      "k/z!",
    ];
    await store.transaction(
      [],
      keys.map((key) => put(key)),
    );
    const found = (await store.range("k")).map((entry) => entry.key);
    assert.deepEqual(found, keys.toSorted(compareUtf8));
    for (const key of keys) assert.equal(text((await store.get(key))?.value), key);
  });

  test("pages of every size join to the whole range", async (context) => {
    const { store } = await make(context);
    const keys = Array.from({ length: 23 }, (_, index) => `p/${String(index).padStart(2, "0")}`);
    await store.transaction(
      [],
      [...keys, "o", "q"].map((key) => put(key)),
    );
    for (const limit of [1, 2, 7, 22, 23, 24, 1000]) {
      const found: string[] = [];
      for (let after: string | undefined; ; after = found.at(-1)) {
        const page = await store.range("p/", after === undefined ? { limit } : { limit, after });
        found.push(...page.map((entry) => entry.key));
        assert.ok(page.length <= limit);
        if (page.length < limit) break;
      }
      assert.deepEqual(found, keys);
    }
    assert.deepEqual(await store.range("p/", { after: "q" }), []);
    assert.equal((await store.range("p/", { after: "a" })).length, 23);
    assert.equal((await store.range("p/", { after: "p/215" })).length, 1);
  });

  test("a long range is of one revision while writers go on", async (context) => {
    const { store } = await make(context);
    const groups = 12;
    const write = async (round: number): Promise<void> => {
      // All groups change in one transaction each; within a round every group carries the same number.
      const marks = Array.from({ length: groups }, (_, group) => put(`r/${group}/999-mark`, String(round)));
      await store.transaction([], marks);
    };
    for (let group = 0; group < groups; group++) {
      const rows = Array.from({ length: 100 }, (_, row) => put(`r/${group}/${String(row).padStart(3, "0")}`));
      await store.transaction([], rows);
    }
    await write(0);
    const reading = { isOver: false };
    const writer = (async () => {
      for (let round = 1; !reading.isOver; round++) await write(round);
    })();
    try {
      for (let read = 0; read < 5; read++) {
        const entries = await store.range("r/");
        assert.equal(entries.length, groups * 101);
        const marks = entries.filter((entry) => entry.key.endsWith("mark"));
        assert.equal(new Set(marks.map((entry) => text(entry.value))).size, 1, "all marks are of one transaction");
      }
    } finally {
      reading.isOver = true;
      await writer;
    }
  });
}

function watchTests(make: MakeStore, stop: AbortSignal): void {
  test("a watch delivers every change after its revision, in order, without gaps", async (context) => {
    const { store } = await make(context);
    const start = await store.revision();
    await store.transaction([], [put("w/a", "1"), put("other")]);
    await store.transaction([], [put("w/b", "2")]);
    const events = collect(store, "w/", start, 6, stop);
    await store.transaction([], [{ delete: "w/a" }]);
    await store.transaction([], [put("elsewhere")]);
    await store.transaction([], [put("w/c", "3"), { delete: "w/b" }]);
    await store.transaction([], [{ deletePrefix: "w/" }]);
    assert.deepEqual((await events).map(short), [
      `${start + 1n} w/a=1`,
      `${start + 2n} w/b=2`,
      `${start + 3n} -w/a`,
      `${start + 5n} w/c=3`,
      `${start + 5n} -w/b`,
      `${start + 6n} -w/c`,
    ]);
  });

  test("an event carries the entry as it was then", async (context) => {
    const { store } = await make(context);
    const start = await store.revision();
    await store.transaction([], [put("a", "1")]);
    await store.transaction([], [put("a", "2")]);
    const [first, second] = await collect(store, "a", start, 2, stop);
    assert.deepEqual(first?.kind === "put" && [text(first.entry.value), first.entry.createRevision], ["1", start + 1n]);
    assert.deepEqual(second?.kind === "put" && [text(second.entry.value), second.entry.createRevision], [
      "2",
      start + 1n,
    ]);
    assert.deepEqual(second?.kind === "put" && second.entry.modRevision, start + 2n);
  });

  test("watchers from every revision see the same tail, under load", async (context) => {
    const { store } = await make(context);
    const start = await store.revision();
    const total = 60;
    const early = Array.from({ length: 3 }, () => collect(store, "l/", start, total, stop));
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let count = 0; count < 10; count++) {
        await store.transaction([], [put(`l/${writer}`, String(count))]);
        await store.transaction([], [put(`noise/${writer}`)]);
      }
    });
    await Promise.all(writers);
    const whole = (await Promise.all(early)).map((events) => events.map(short));
    assert.deepEqual(whole[1], whole[0]);
    assert.deepEqual(whole[2], whole[0]);
    const revisions = (await early[0])?.map((event) => event.revision) ?? [];
    assert.deepEqual(
      revisions,
      revisions.toSorted((left, right) => Number(left - right)),
    );
    for (const from of [0, 17, 59]) {
      const revision = revisions[from - 1] ?? start;
      const late = await collect(store, "l/", revision, total - from, stop);
      assert.deepEqual(late.map(short), whole[0]?.slice(from));
    }
  });

  test("a watch of the future keeps silent until then", async (context) => {
    const { store } = await make(context);
    const start = await store.revision();
    const events = collect(store, "f", start + 2n, 1, stop);
    for (const value of ["1", "2", "3"]) await store.transaction([], [put("f", value)]);
    assert.deepEqual((await events).map(short), [`${start + 3n} f=3`]);
  });

  test("a watch ends when its signal aborts", async (context) => {
    const { store } = await make(context);
    const abort = new AbortController();
    const ended = (async () => {
      for await (const event of store.watch("a", await store.revision(), abort.signal)) assert.fail(short(event));
    })();
    await runtime.sleep(5);
    abort.abort();
    await ended;
  });

  test("changes that are no longer known are reported as compacted", async (context) => {
    const { store, compact } = await make(context);
    const start = await store.revision();
    await store.transaction([], [put("a", "first")]);
    await compact(store);
    await assert.rejects(collect(store, "a", start, 1, stop), Compacted);
    const now = await store.revision();
    const events = collect(store, "a", now, 1, stop);
    await store.transaction([], [put("a", "next")]);
    assert.deepEqual((await events).map(short), [`${now + 1n} a=next`]);
  });

  test("a store that closes ends its watches with an error", async (context) => {
    const { store } = await make(context);
    const events = collect(store, "a", await store.revision(), 1, stop);
    const rejected = assert.rejects(events, { kind: "ServiceUnavailable" });
    await runtime.sleep(5);
    await store.close();
    await rejected;
  });
}

function leaseTests(make: MakeStore, stop: AbortSignal): void {
  test("a lease that runs out takes its keys and watchers hear of it", async (context) => {
    const { store } = await make(context);
    const lease = await store.grantLease(300);
    await store.transaction(
      [],
      [{ put: "s/1", value: bytes("x"), lease }, { put: "s/2", value: bytes("y"), lease }, put("s/3")],
    );
    const events = await collect(store, "s/", await store.revision(), 2, stop);
    assert.deepEqual(events.map((event) => event.kind === "delete" && event.key).toSorted(), ["s/1", "s/2"]);
    assert.equal(lease.lost.aborted, true, "the holder knew before");
    assert.deepEqual(
      (await store.range("s/")).map((entry) => entry.key),
      ["s/3"],
    );
    await assert.rejects(lease.keepAlive(), LeaseLost);
    await assert.rejects(store.transaction([], [{ put: "s/4", value: bytes("z"), lease }]), LeaseLost);
    assert.equal(await store.get("s/4"), null);
  });

  test("a lease that is kept alive lasts, also under load", async (context) => {
    const { store } = await make(context);
    const lease = await store.grantLease(600);
    await store.transaction([], [{ put: "alive", value: bytes("x"), lease }]);
    const end = runtime.monotonic() + 1000;
    for (let round = 0; runtime.monotonic() < end; round++) {
      await Promise.all(
        Array.from({ length: 4 }, (_, key) => store.transaction([], [put(`load/${key}`, String(round))])),
      );
      await lease.keepAlive();
      await runtime.sleep(10);
    }
    assert.equal(lease.lost.aborted, false);
    assert.ok(await store.get("alive"));
    await lease.revoke();
  });

  test("a revoked lease is gone at once, and revoking again is fine", async (context) => {
    const { store } = await make(context);
    const lease = await store.grantLease(60_000);
    await store.transaction([], [{ put: "a", value: bytes("x"), lease }]);
    await lease.revoke();
    assert.equal(lease.lost.aborted, true);
    assert.equal(await store.get("a"), null);
    await lease.revoke();
    await assert.rejects(lease.keepAlive(), LeaseLost);
  });

  test("a key belongs to the lease of its last put", async (context) => {
    const { store } = await make(context);
    const [first, second] = [await store.grantLease(60_000), await store.grantLease(60_000)];
    await store.transaction(
      [],
      [
        { put: "moved", value: bytes("1"), lease: first },
        { put: "freed", value: bytes("1"), lease: first },
      ],
    );
    await store.transaction([], [{ put: "moved", value: bytes("2"), lease: second }, put("freed")]);
    await first.revoke();
    assert.equal((await store.range("")).length, 2);
    await second.revoke();
    assert.deepEqual(
      (await store.range("")).map((entry) => entry.key),
      ["freed"],
    );
  });

  test("lengths that no lease can have are refused", async (context) => {
    const { store } = await make(context);
    for (const length of [0, -1, Number.NaN, Infinity]) {
      await assert.rejects(store.grantLease(length), { kind: "ParameterInvalid" });
    }
  });
}

function durabilityTests(make: MakeStore, stop: AbortSignal): void {
  test("after a restart everything is there but what belonged to a lease", async (context) => {
    const { store, reopen } = await make(context);
    assert.ok(reopen, "a durable store can be opened again");
    const start = await store.revision();
    const lease = await store.grantLease(60_000);
    const first = await store.transaction([], [put("a", "1"), put("b")]);
    await store.transaction([], [put("a", "2"), { delete: "b" }]);
    await store.transaction([], [{ put: "session", value: bytes("x"), lease }]);
    const again = await reopen();
    const entry = await again.get("a");
    assert.deepEqual(
      [text(entry?.value), entry?.createRevision, entry?.modRevision],
      ["2", first.revision, start + 2n],
    );
    assert.deepEqual(
      (await again.range("")).map((found) => found.key),
      ["a"],
    );
    assert.equal(await again.revision(), start + 4n, "the deletion of the session is a change of its own");
    const events = await collect(again, "", start, 6, stop);
    assert.deepEqual(events.map(short).slice(2), [
      `${start + 2n} a=2`,
      `${start + 2n} -b`,
      `${start + 3n} session=x`,
      `${start + 4n} -session`,
    ]);
    await assert.rejects(again.transaction([], [{ put: "session", value: bytes("x"), lease }]), LeaseLost);
    assert.equal((await again.transaction([], [put("c")])).revision, start + 5n);
  });
}

/** For `compact`, where the history holds fewer than 200 changes. */
export async function writeMuch(store: MetaStore): Promise<void> {
  for (let count = 0; count < 200; count++) await store.transaction([], [{ put: "much", value: new Uint8Array(10) }]);
}

async function collect(
  store: MetaStore,
  prefix: string,
  from: bigint,
  count: number,
  stop: AbortSignal,
): Promise<WatchEvent[]> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(10_000)]);
  const events: WatchEvent[] = [];
  for await (const event of store.watch(prefix, from, signal)) if (events.push(event) === count) return events;
  return assert.fail(`the watch of ${prefix} ended after ${events.length} of ${count} events`);
}

function short(event: WatchEvent): string {
  const change = event.kind === "put" ? `${event.entry.key}=${text(event.entry.value)}` : `-${event.key}`;
  return `${event.revision} ${change}`;
}
