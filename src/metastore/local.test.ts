import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { LocalMetaStore } from "./local.ts";
import { MemoryTable } from "./memory.ts";
import { OutcomeUnknown } from "./metastore.ts";

const put = (key: string): { put: string; value: Uint8Array } => ({ put: key, value: new Uint8Array(1) });

/** Runs the body and then cannot say whether it is durable. */
class TornTable extends MemoryTable {
  isTorn = false;
  commits = 0;

  override atomically(body: () => void): void {
    super.atomically(body);
    this.commits += 1;
    if (this.isTorn) throw new OutcomeUnknown("the disk did not answer");
  }
}

test("a commit of unknown outcome is told to all of its callers, and the store stops", async () => {
  const table = new TornTable();
  const store = new LocalMetaStore(table, new SystemRuntime());
  const lease = await store.grantLease(60_000);
  await store.transaction([], [put("a")]);
  table.isTorn = true;
  const watched = (async () => {
    for await (const event of store.watch("", 1n, new AbortController().signal))
      assert.fail(`heard of ${event.revision}`);
  })();
  const outcomes = await Promise.allSettled([
    store.transaction([], [put("b")]),
    store.transaction([], [put("c")]),
    assert.rejects(watched, { kind: "Storage" }),
  ]);
  assert.ok(outcomes[0]?.status === "rejected" && outcomes[0].reason instanceof OutcomeUnknown);
  assert.ok(outcomes[1]?.status === "rejected" && outcomes[1].reason instanceof OutcomeUnknown);
  assert.equal(outcomes[2]?.status, "fulfilled");
  table.isTorn = false;
  await assert.rejects(store.transaction([], [put("d")]), { kind: "Storage", message: /open it again/ });
  await assert.rejects(store.get("a"), { kind: "Storage" });
  assert.equal(lease.lost.aborted, true, "nobody can keep its keys any more");
  await store.close();
});

test("transactions that wait together share one commit", async () => {
  const table = new TornTable();
  const store = new LocalMetaStore(table, new SystemRuntime());
  const results = await Promise.all(Array.from({ length: 50 }, (_, key) => store.transaction([], [put(`k${key}`)])));
  assert.deepEqual(
    results.map((result) => result.revision),
    results.map((_, index) => BigInt(index + 1)),
  );
  assert.equal(table.commits, 1);
  await store.close();
});

test("more waiting transactions than the limit are turned away, the others succeed", async () => {
  const store = new LocalMetaStore(new MemoryTable(), new SystemRuntime());
  const outcomes = await Promise.allSettled(Array.from({ length: 5000 }, () => store.transaction([], [put("k")])));
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.equal(refused.length, 5000 - 4096);
  for (const { reason } of refused) assert.equal((reason as { kind: string }).kind, "ServiceTooManyRequests");
  assert.equal(await store.revision(), 4096n);
  await store.close();
});
