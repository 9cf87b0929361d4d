import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { SystemRuntime } from "../../base/host/system.ts";
import { BROADCASTS } from "../../coordinator/meta-keys.ts";
import type { MetaStore } from "../../metastore/metastore.ts";
import { ConsistencyLevel } from "../wire/generated/common_pb.js";
import {
  KEY,
  flush,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  until,
  vectorField,
  vectors,
} from "./testing/messages.ts";
import { type Running, TestClient, startServer } from "./testing/server.ts";

/** Waits of the server are short here. */
class HastyRuntime extends SystemRuntime {
  override sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return super.sleep(Math.min(milliseconds, 10), signal);
  }
}

describe("truncation", () => {
  const directory = mkdtempSync(join(tmpdir(), "elanus-truncation-"));
  const runtime = new HastyRuntime();
  let server: Running;
  let client: TestClient;

  before(() => start());

  after(async () => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(metadata?: (store: MetaStore) => MetaStore): Promise<void> {
    server = await startServer({}, 0, { directory, runtime, ...(metadata === undefined ? {} : { metadata }) });
    client = new TestClient(server.port);
  }

  async function stop(): Promise<void> {
    client.close();
    await server.close();
    assert.deepEqual(server.faults, []);
  }

  async function created(collectionName: string, shardsNum: number): Promise<void> {
    const schema = schemaBytes({ name: collectionName, fields: [KEY, vectorField()] });
    const consistencyLevel = ConsistencyLevel.Strong;
    ok(await client.call(service.createCollection, { collectionName, schema, shardsNum, consistencyLevel }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
    await load(client, collectionName);
  }

  async function put(collectionName: string, ids: readonly number[], partitionName = ""): Promise<void> {
    const fieldsData = [int64s("id", ids), vectors(ids.map((id) => [id, 0, 0, 0]))];
    ok(await client.call(service.insert, { collectionName, partitionName, fieldsData, numRows: ids.length }));
  }

  async function truncated(collectionName: string): Promise<void> {
    ok(await client.call(service.truncateCollection, { collectionName }));
  }

  async function count(collectionName: string): Promise<number> {
    const answer = await client.call(service.query, { collectionName, outputFields: ["count(*)"] });
    ok(answer);
    const { field } = answer.fieldsData[0]!;
    assert.ok(field.case === "scalars" && field.value.data.case === "longData");
    return Number(field.value.data.value.data[0]);
  }

  /** What search, query and count say; they must agree. */
  async function seen(collectionName: string): Promise<number[]> {
    const found = await client.call(service.search, searchFor(collectionName, [[0, 0, 0, 0]], { topk: "10000" }));
    ok(found);
    const ids = [...((found.results!.ids!.idField.value?.data ?? []) as bigint[])].map(Number);
    const rows = await client.call(service.query, { collectionName, expr: "id >= 0", outputFields: ["id"] });
    ok(rows);
    const value = rows.fieldsData[0]?.field.value as { data: { value: { data: bigint[] } } } | undefined;
    assert.deepEqual((value?.data.value.data ?? []).map(Number), ids);
    assert.equal(await count(collectionName), ids.length);
    return ids;
  }

  async function statistics(collectionName: string): Promise<string> {
    const answer = await client.call(service.getCollectionStatistics, { collectionName });
    ok(answer);
    return answer.stats.find(({ key }) => key === "row_count")!.value;
  }

  async function files(collectionName: string): Promise<string[]> {
    const { collection } = await server.proxy.describe({ databaseName: "", collectionName });
    const folder = join(directory, "objects", "insert_log", String(collection.collectionId));
    if (!existsSync(folder)) return [];
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  test("takes every row, growing and sealed, of every partition and shard, and nothing else", async () => {
    const collectionName = "all";
    await created(collectionName, 2);
    ok(await client.call(service.createPartition, { collectionName, partitionName: "other" }));
    ok(await client.call(service.createAlias, { collectionName, alias: "nickname" }));
    await put(collectionName, [1, 2, 3, 4, 5, 6]);
    await put(collectionName, [7, 8], "other");
    ok(await client.call(service.delete, { collectionName, expr: "id in [1, 7]" }));
    await flush(client, collectionName);
    await put(collectionName, [9, 10, 11]);
    assert.deepEqual(await seen(collectionName), [2, 3, 4, 5, 6, 8, 9, 10, 11]);
    assert.notDeepEqual(await files(collectionName), []);

    await truncated(collectionName);
    assert.deepEqual(await seen(collectionName), []);
    assert.equal(await statistics(collectionName), "0");
    assert.deepEqual(await files(collectionName), []);
    assert.equal((await server.proxy.loadedSegments()).size, 0);
    await truncated(collectionName);
    await put(collectionName, [1, 2]);
    await put(collectionName, [20], "other");
    const check = async (): Promise<void> => {
      assert.deepEqual(await seen(collectionName), [1, 2, 20]);
      assert.equal(await statistics(collectionName), "3");
      const told = await client.call(service.describeCollection, { collectionName: "nickname" });
      assert.equal(told.collectionName, collectionName);
    };
    await check();
    await stop();
    await start();
    await load(client, collectionName);
    await check();
    await flush(client, collectionName);
    await check();
    await truncated(collectionName);
    assert.deepEqual(await seen(collectionName), []);
    await stop();
    await start();
    await load(client, collectionName);
    assert.deepEqual(await seen(collectionName), []);
    assert.deepEqual(await files(collectionName), []);
  });

  test("a collection that is not there, or not loaded", async () => {
    const missing = await client.call(service.truncateCollection, { collectionName: "nothing" });
    assert.equal(missing.status!.code, 100);
    const unnamed = await client.call(service.truncateCollection, { collectionName: "" });
    assert.equal(unnamed.status!.code, 1100);
    const collectionName = "unloaded";
    await created(collectionName, 1);
    await put(collectionName, [1, 2, 3]);
    await flush(client, collectionName);
    await put(collectionName, [4]);
    ok(await client.call(service.releaseCollection, { collectionName }));
    await truncated(collectionName);
    assert.equal(await statistics(collectionName), "0");
    await put(collectionName, [5]);
    await load(client, collectionName);
    assert.deepEqual(await seen(collectionName), [5]);
  });

  test("a shard is read with all its rows or with none", async () => {
    const collectionName = "atomic";
    await created(collectionName, 1);
    const rows = 40;
    const half = Array.from({ length: rows / 2 }, (_, at) => at + 1);
    for (let round = 0; round < 5; round += 1) {
      await put(collectionName, half);
      await flush(client, collectionName);
      await put(
        collectionName,
        half.map((id) => id + rows),
      );
      const work = { isOver: false };
      const counts: number[] = [];
      const reader = async (): Promise<void> => {
        while (!work.isOver) counts.push(await count(collectionName));
      };
      const readers = [reader(), reader()];
      await until(async () => counts.length > 3);
      await truncated(collectionName);
      assert.equal(await count(collectionName), 0);
      work.isOver = true;
      await Promise.all(readers);
      assert.deepEqual(
        counts.filter((found) => found !== 0 && found !== rows),
        [],
      );
      assert.equal(counts[0], rows);
    }
  });

  test("rows that come meanwhile are on one side of it, and stay there", async () => {
    const collectionName = "meanwhile";
    await created(collectionName, 2);
    const work = { isOver: false, truncations: 0 };
    /** Rows with how many truncations had ended when they were sent, and had begun when they were there. */
    const sent: { readonly id: number; readonly ended: number; begun: number }[] = [];
    let begun = 0;
    const writer = async (first: number): Promise<void> => {
      for (let id = first; !work.isOver; id += 3) {
        const row = { id, ended: work.truncations, begun: 0 };
        await put(collectionName, [id]);
        row.begun = begun;
        sent.push(row);
      }
    };
    const writers = [writer(1), writer(2), writer(3)];
    for (let round = 0; round < 6; round += 1) {
      await until(async () => sent.some(({ ended }) => ended === round));
      if (round % 2 === 1) await flush(client, collectionName);
      begun += 1;
      await truncated(collectionName);
      work.truncations += 1;
    }
    await until(async () => sent.some(({ ended }) => ended === 6));
    work.isOver = true;
    await Promise.all(writers);
    const found = new Set(await seen(collectionName));
    for (const row of sent) {
      if (row.ended === 6) assert.ok(found.has(row.id), "it came after the last truncation");
      if (row.begun < 6) assert.ok(!found.has(row.id), "it was there before the last truncation");
    }
    for (let again = 0; again < 2; again += 1) {
      await stop();
      await start();
      await load(client, collectionName);
      assert.deepEqual(new Set(await seen(collectionName)), found);
      await flush(client, collectionName);
    }
  });

  test("a process that ends in the middle: the next one ends it, and takes no later row", async () => {
    const collectionName = "crash";
    await created(collectionName, 2);
    await put(collectionName, [1, 2, 3, 4, 5]);
    await flush(client, collectionName);
    await put(collectionName, [6, 7, 8]);
    await stop();
    let refusals = 0;
    // The channels have the change; the metadata never get it.
    await start((store) => {
      const transaction = store.transaction.bind(store);
      store.transaction = (compares, operations) => {
        if (operations.some((operation) => "delete" in operation && operation.delete.startsWith(BROADCASTS))) {
          refusals += 1;
          return Promise.reject(new Error("the store is down"));
        }
        return transaction(compares, operations);
      };
      return store;
    });
    const pending = client.call(service.truncateCollection, { collectionName }).catch(() => null);
    await until(async () => refusals > 2);
    await put(collectionName, [20, 21, 22]);
    // What is flushed meanwhile moves the place from which the log is read again.
    await flush(client, collectionName);
    await put(collectionName, [23, 24]);
    await Promise.all([stop().catch(() => undefined), pending]);
    await start();
    await load(client, collectionName);
    assert.deepEqual(await seen(collectionName), [20, 21, 22, 23, 24]);
    await flush(client, collectionName);
    await stop();
    await start();
    await load(client, collectionName);
    assert.deepEqual(await seen(collectionName), [20, 21, 22, 23, 24]);
    assert.equal(await statistics(collectionName), "5");
  });
});
