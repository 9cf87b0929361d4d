/** Many clients at once: each sees its own writes in every strong read, whatever others write, flush and load meanwhile. */

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { createQuick, int64s, load, ok, searchFor, service, until, vectors } from "./testing/messages.ts";
import { TestClient } from "./testing/server.ts";
import { served } from "./testing/served.ts";

const WORKERS = 8;
const ROUNDS = 25;
const BATCH = 20;
const collectionName = "busy";

describe("many clients at once", () => {
  const db = served();

  before(async () => {
    await createQuick(db.client, collectionName);
    await load(db.client, collectionName);
  });

  test("see their own writes", async () => {
    const state = { running: WORKERS };
    const workers = Array.from({ length: WORKERS }, async (_, worker) => {
      const own = new TestClient(db.server.port);
      try {
        await work(own, worker * 100_000);
      } finally {
        state.running -= 1;
        own.close();
      }
    });
    const flusher = (async () => {
      const own = new TestClient(db.server.port);
      while (state.running > 0) {
        ok(await own.call(service.flush, { collectionNames: [collectionName] }));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      own.close();
    })();
    await Promise.all([...workers, flusher]);
    assert.equal(await count(db.client, "id >= 0"), BigInt(WORKERS * (ROUNDS * BATCH - ROUNDS)));

    ok(await db.client.call(service.releaseCollection, { collectionName }));
    await load(db.client, collectionName);
    assert.equal(await count(db.client, "id >= 0"), BigInt(WORKERS * (ROUNDS * BATCH - ROUNDS)));
    const { flushAllTs } = await db.client.call(service.flushAll, {});
    await until(async () => (await db.client.call(service.getFlushAllState, { flushAllTs })).flushed);
    assert.equal(await count(db.client, "id >= 0"), BigInt(WORKERS * (ROUNDS * BATCH - ROUNDS)));
  });

  async function work(own: TestClient, first: number): Promise<void> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const from = first + round * BATCH;
      const ids = Array.from({ length: BATCH }, (_, at) => from + at);
      const fieldsData = [int64s("id", ids), vectors(ids.map((id) => [id, 1, 0, 0]))];
      const request = { collectionName, fieldsData, numRows: BATCH };
      ok(await own.call(round % 2 === 0 ? service.insert : service.upsert, request));
      const mine = `id >= ${first} and id < ${first + 100_000}`;
      assert.equal(await count(own, mine), BigInt((round + 1) * BATCH - round), `worker ${first}, round ${round}`);
      ok(await own.call(service.delete, { collectionName, expr: `id in [${from}]` }));
      assert.equal(await count(own, mine), BigInt((round + 1) * (BATCH - 1)), `worker ${first}, round ${round}`);
      const found = await own.call(
        service.search,
        searchFor(collectionName, [[from + 1, 1, 0, 0]], { topk: "2" }, { dsl: mine }),
      );
      ok(found);
      assert.equal(found.results!.ids!.idField.value!.data[0], BigInt(from + 1));
    }
  }

  async function count(own: TestClient, expr: string): Promise<bigint> {
    const request = { collectionName, expr, outputFields: ["count(*)"], useDefaultConsistency: true };
    const answer = await own.call(service.query, request);
    ok(answer);
    const { field } = answer.fieldsData[0]!;
    assert.ok(field.case === "scalars" && field.value.data.case === "longData");
    return field.value.data.value.data[0]!;
  }
});
