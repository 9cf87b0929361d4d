/** Conformance of metadata stores: leases. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LeaseLost } from "../metastore.ts";
import { collect } from "./changes.ts";
import { type MakeStore, bytes, put, runtime } from "./subject.ts";

export function leaseTests(make: MakeStore, stop: AbortSignal): void {
  test("a lease that runs out takes its keys and watchers hear of it", async (context) => {
    const { store } = await make(context);
    const lease = await store.grantLease(1_000);
    const { revision } = await store.transaction(
      [],
      [{ put: "s/1", value: bytes("x"), lease }, { put: "s/2", value: bytes("y"), lease }, put("s/3")],
    );
    // From the transaction on, not from now: it may have run out already.
    const events = await collect(store, "s/", revision, 2, stop);
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
    // So long that no round takes as long on a busy machine, and rounds go on for longer.
    const lease = await store.grantLease(1_500);
    await store.transaction([], [{ put: "alive", value: bytes("x"), lease }]);
    const end = runtime.monotonic() + 2_500;
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
