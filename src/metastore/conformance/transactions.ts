/** Conformance of metadata stores: keys, compares and transactions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetaStore } from "../metastore.ts";
import { type MakeStore, bytes, text, put, runtime } from "./subject.ts";

export function transactionTests(make: MakeStore): void {
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
