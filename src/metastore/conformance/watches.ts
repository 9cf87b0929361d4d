/** Conformance of metadata stores: watches. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Compacted } from "../metastore.ts";
import { collect, short } from "./changes.ts";
import { type MakeStore, text, put, runtime } from "./subject.ts";

export function watchTests(make: MakeStore, stop: AbortSignal): void {
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
