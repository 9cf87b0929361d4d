/** Conformance of metadata stores that outlive their process. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LeaseLost } from "../metastore.ts";
import { collect, short } from "./changes.ts";
import { type MakeStore, bytes, text, put } from "./subject.ts";

export function durabilityTests(make: MakeStore, stop: AbortSignal): void {
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
