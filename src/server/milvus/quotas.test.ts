/** Limits that clients set: rates of a collection, shut databases, how many collections one has, and what a server says when writes wait. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SystemRuntime } from "../../base/host/system.ts";
import { QuotaState } from "../wire/generated/milvus_pb.js";
import { createQuick, int64s, load, ok, params, searchFor, service, vectors } from "./testing/messages.ts";
import { type Running, TestClient, startServer } from "./testing/server.ts";

const NAME = "limited";
/** A row has a key of 8 bytes and a vector of 16. */
const ROW_BYTES = 24;
const MEGABYTE = 1024 * 1024;

class Clock extends SystemRuntime {
  /** Added to the time that passes. */
  milliseconds = 0;

  override monotonic(): number {
    return super.monotonic() + this.milliseconds;
  }
}

type Limits = NonNullable<Parameters<typeof startServer>[2]>["limits"];

async function inServer(
  limits: Limits,
  use: (client: TestClient, clock: Clock, server: Running) => Promise<void>,
): Promise<void> {
  const clock = new Clock();
  const server = await startServer({}, 0, { runtime: clock, limits: limits ?? {} });
  const client = new TestClient(server.port);
  try {
    await use(client, clock, server);
    assert.deepEqual(server.faults, []);
  } finally {
    client.close();
    await server.close();
  }
}

/** Tokens for a tenth of a row: the next write is let in, and the one after it has to wait for very long. */
const SLOW_MEGABYTES = String(ROW_BYTES / 10 / MEGABYTE);

const insert = (client: TestClient, ids: readonly number[]) =>
  client.call(service.insert, {
    collectionName: NAME,
    fieldsData: [int64s("id", ids), vectors(ids.map((id) => [id, 0, 0, 0]))],
    numRows: ids.length,
  });

const alter = async (client: TestClient, properties: Readonly<Record<string, string>>): Promise<void> =>
  ok(await client.call(service.alterCollection, { collectionName: NAME, properties: params(properties) }));

describe("rates of a collection", () => {
  test("writes, deletes, searches and queries are refused with code 8 until time has passed", () =>
    inServer({}, async (client, clock) => {
      await createQuick(client, NAME);
      await load(client, NAME);
      ok(await insert(client, [1, 2, 3]));
      const remove = (expr: string) => client.call(service.delete, { collectionName: NAME, expr });
      const search = () => client.call(service.search, searchFor(NAME, [[0, 0, 0, 0]], { topk: "3" }));
      const query = () => client.call(service.query, { collectionName: NAME, expr: "id > 0", outputFields: ["id"] });
      const limited = [
        ["collection.insertRate.max.mb", SLOW_MEGABYTES, () => insert(client, [4])],
        ["collection.deleteRate.max.mb", SLOW_MEGABYTES, () => remove("id in [1]")],
        ["collection.searchRate.max.vps", "0.001", search],
        ["collection.queryRate.max.qps", "0.001", query],
      ] as const;
      for (const [key, rate, call] of limited) {
        await alter(client, { [key]: rate });
        ok(await call());
        const refused = await call();
        assert.equal(refused.status?.code, 8, key);
        assert.equal(refused.status.retriable, true);
        assert.match(refused.status.reason, /rate limit exceeded\[rate=[\d.e+-]+\]$/);
        clock.milliseconds += 3_600_000;
        ok(await call());
        ok(await client.call(service.alterCollection, { collectionName: NAME, deleteKeys: [key] }));
        ok(await call());
      }
    }));

  test("a rate that is no number is refused and changes nothing", () =>
    inServer({}, async (client) => {
      await createQuick(client, NAME);
      const answer = await client.call(service.alterCollection, {
        collectionName: NAME,
        properties: params({ "collection.insertRate.max.mb": "fast" }),
      });
      assert.equal(answer.code, 1100);
      assert.match(answer.reason, /invalid collection\.insertRate\.max\.mb value: fast, expected a number/);
      ok(await insert(client, [1]));
      ok(await insert(client, [2]));
    }));

  for (const limitsFoundDeletes of [false, true]) {
    test(`keys found by a filter ${limitsFoundDeletes ? "count" : "do not count"} as deletes`, () =>
      inServer({ limitsFoundDeletes }, async (client) => {
        await createQuick(client, NAME);
        await load(client, NAME);
        ok(
          await insert(
            client,
            Array.from({ length: 100 }, (_, id) => id),
          ),
        );
        // The text of the filter has tokens to spare, the 800 bytes of keys put the rate into debt.
        await alter(client, { "collection.deleteRate.max.mb": String(100 / MEGABYTE) });
        const remove = () => client.call(service.delete, { collectionName: NAME, expr: "id >= 0" });
        const count = async (): Promise<string> => {
          const answer = await client.call(service.query, { collectionName: NAME, outputFields: ["count(*)"] });
          ok(answer);
          return JSON.stringify(answer.fieldsData[0]!.field.value, (_, value) =>
            typeof value === "bigint" ? Number(value) : value,
          );
        };
        ok(await remove());
        assert.match(await count(), /"data":\[0\]/);
        ok(await insert(client, [1, 2, 3]));
        const again = await remove();
        assert.equal(again.status?.code, limitsFoundDeletes ? 8 : 0);
        assert.match(
          await count(),
          limitsFoundDeletes ? /"data":\[3\]/ : /"data":\[0\]/,
          "refused whole, or done whole",
        );
      }));
  }
});

describe("properties of a database", () => {
  test("writing or reading is shut and opened again", () =>
    inServer({}, async (client) => {
      await createQuick(client, NAME);
      await load(client, NAME);
      ok(await insert(client, [1]));
      const shut = async (key: string, value: string): Promise<void> =>
        ok(await client.call(service.alterDatabase, { dbName: "default", properties: params({ [key]: value }) }));
      const query = () => client.call(service.query, { collectionName: NAME, expr: "id > 0", outputFields: ["id"] });
      const reason = "quota exceeded[reason=access has been disabled by the administrator]";
      await shut("database.force.deny.writing", "true");
      const written = await insert(client, [2]);
      assert.deepEqual([written.status?.code, written.status?.reason], [9, reason]);
      ok(await query());
      await shut("database.force.deny.writing", "false");
      ok(await insert(client, [2]));
      await shut("database.force.deny.reading", "true");
      const read = await query();
      assert.equal(read.status?.code, 9);
      ok(await insert(client, [3]));
      const bad = await client.call(service.alterDatabase, {
        dbName: "default",
        properties: params({ "database.force.deny.reading": "maybe" }),
      });
      assert.equal(bad.code, 1100);
      assert.match(bad.reason, /invalid database\.force\.deny\.reading value: maybe, expected: true, false/);
    }));

  test("as many collections as it may have, and one more", () =>
    inServer({}, async (client) => {
      ok(
        await client.call(service.createDatabase, {
          dbName: "small",
          properties: params({ "database.max.collections": "1" }),
        }),
      );
      await createQuick(client, "first", { dbName: "small" });
      await assert.rejects(
        createQuick(client, "second", { dbName: "small" }),
        /exceeded the limit number of collections\[dbName=small\]\[limit=1\]/,
      );
      await createQuick(client, "second");
    }));
});

test("while inserts wait for memory the server says so, and is healthy", () =>
  inServer({ refuseBytes: 0 }, async (client, clock) => {
    await createQuick(client, NAME);
    const before = await client.call(service.checkHealth, {});
    assert.deepEqual([before.isHealthy, before.quotaStates, before.reasons], [true, [], []]);
    ok(await insert(client, [1]));
    clock.milliseconds += 1_000;
    const during = await client.call(service.checkHealth, {});
    assert.deepEqual(during.quotaStates, [QuotaState.WriteLimited]);
    assert.deepEqual(during.reasons, ["memory quota exceeded, please allocate more resources"]);
    assert.equal(during.isHealthy, true);
  }));
