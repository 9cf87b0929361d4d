import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConsistencyLevel, LoadState } from "../wire/generated/common_pb.js";
import { ShowType } from "../wire/generated/milvus_pb.js";
import {
  createQuick,
  int64s,
  load,
  ok,
  params,
  quickSchema,
  searchFor,
  service,
  vectors,
  until,
} from "./testing/messages.ts";
import { TestClient } from "./testing/server.ts";
import { served } from "./testing/served.ts";

describe("names", () => {
  const db = served();

  async function put(collectionName: string, ids: readonly number[], dbName = "", partitionName = ""): Promise<void> {
    const fieldsData = [int64s("id", ids), vectors(ids.map((id) => [id, 0, 0, 0]))];
    const inserted = await db.client.call(service.insert, {
      dbName,
      collectionName,
      partitionName,
      fieldsData,
      numRows: ids.length,
    });
    ok(inserted);
  }

  async function idsOf(
    collectionName: string,
    more: { readonly dbName?: string; readonly partitionNames?: string[] } = {},
    asking = db.client,
  ): Promise<readonly (bigint | string)[]> {
    const answer = await asking.call(service.search, searchFor(collectionName, [[0, 0, 0, 0]], { topk: "100" }, more));
    ok(answer);
    return answer.results!.ids!.idField.value!.data;
  }

  test("databases keep collections of one name apart", async () => {
    ok(
      await db.client.call(service.createDatabase, {
        dbName: "left",
        properties: params({ "database.max.collections": "9" }),
      }),
    );
    ok(await db.client.call(service.createDatabase, { dbName: "right" }));
    const listed = await db.client.call(service.listDatabases, {});
    ok(listed);
    assert.deepEqual(listed.dbNames, ["default", "left", "right"]);
    assert.equal(listed.dbIds.length, 3);
    assert.equal(listed.createdTimestamp.length, 3);
    for (const [at, dbName] of ["left", "right"].entries()) {
      await createQuick(db.client, "same", { dbName });
      await load(db.client, "same", dbName);
      await put("same", [at + 1], dbName);
    }
    assert.deepEqual(await idsOf("same", { dbName: "left" }), [1n]);
    assert.deepEqual(await idsOf("same", { dbName: "right" }), [2n]);
    const absent = await db.client.call(service.hasCollection, { collectionName: "same" });
    assert.equal(absent.value, false);
    const described = await db.client.call(service.describeCollection, { collectionName: "same", dbName: "right" });
    assert.equal(described.dbName, "right");
  });

  test("the header names the database of requests that name none", async () => {
    const right = new TestClient(db.server.port, { dbname: "right" });
    ok(await right.call(service.connect, {}));
    assert.deepEqual(await idsOf("same", {}, right), [2n]);
    assert.deepEqual(await idsOf("same", { dbName: "left" }, right), [1n]);
    const shown = await right.call(service.showCollections, {});
    assert.deepEqual(shown.collectionNames, ["same"]);
    const { collectionID } = await right.call(service.describeCollection, { collectionName: "same", dbName: "left" });
    const byId = await right.call(service.describeCollection, { collectionID });
    ok(byId);
    assert.equal(byId.dbName, "left");
    right.close();
  });

  test("databases are described, altered and dropped when empty", async () => {
    ok(
      await db.client.call(service.alterDatabase, {
        dbName: "left",
        properties: params({ "database.replica.number": "1" }),
        deleteKeys: ["database.max.collections"],
      }),
    );
    const told = await db.client.call(service.describeDatabase, { dbName: "left" });
    ok(told);
    assert.deepEqual(
      told.properties.map(({ key, value }) => [key, value]),
      [["database.replica.number", "1"]],
    );
    assert.equal(told.dbName, "left");
    assert.ok(told.dbID > 1n);
    ok(await db.client.call(service.dropCollection, { collectionName: "same", dbName: "left" }));
    ok(await db.client.call(service.dropDatabase, { dbName: "left" }));
    const listed = await db.client.call(service.listDatabases, {});
    assert.deepEqual(listed.dbNames, ["default", "right"]);
  });

  test("a collection has the time zone of its database, unless it says another", async () => {
    const dbName = "east";
    const create = (collectionName: string, zone: Readonly<Record<string, string>> = {}) =>
      db.client.call(service.createCollection, {
        dbName,
        collectionName,
        schema: quickSchema(collectionName),
        properties: params(zone),
      });
    const zoneOf = async (collectionName: string): Promise<string | undefined> => {
      const { properties } = await db.client.call(service.describeCollection, { dbName, collectionName });
      return properties.find(({ key }) => key === "timezone")?.value;
    };
    const wrong = await db.client.call(service.createDatabase, { dbName, properties: params({ timezone: "Mars/X" }) });
    assert.equal(wrong.reason, "unknown or invalid IANA Time Zone ID: Mars/X: invalid parameter");
    ok(await db.client.call(service.createDatabase, { dbName, properties: params({ timezone: "Asia/Tokyo" }) }));
    ok(await create("plain"));
    ok(await create("own", { timezone: "Europe/Berlin" }));
    ok(await create("plain"));
    assert.deepEqual([await zoneOf("plain"), await zoneOf("own")], ["Asia/Tokyo", "Europe/Berlin"]);
    for (const collectionName of ["plain", "own"])
      ok(await db.client.call(service.dropCollection, { dbName, collectionName }));
    ok(await db.client.call(service.dropDatabase, { dbName }));
  });

  test("collections are shown with what is loaded of them", async () => {
    await createQuick(db.client, "loaded");
    await createQuick(db.client, "waiting");
    await load(db.client, "loaded");
    const shown = await db.client.call(service.showCollections, {});
    ok(shown);
    assert.deepEqual(shown.collectionNames.toSorted(), ["loaded", "waiting"]);
    for (const array of [
      shown.collectionIds,
      shown.createdTimestamps,
      shown.createdUtcTimestamps,
      shown.inMemoryPercentages,
      shown.queryServiceAvailable,
      shown.shardsNum,
    ]) {
      assert.equal(array.length, 2);
    }
    const at = shown.collectionNames.indexOf("loaded");
    assert.equal(shown.inMemoryPercentages[at], 100n);
    assert.equal(shown.queryServiceAvailable[at], true);
    assert.equal(shown.queryServiceAvailable[1 - at], false);
    const inMemory = await db.client.call(service.showCollections, { type: ShowType.InMemory });
    assert.deepEqual(inMemory.collectionNames, ["loaded"]);
    const notThere = await db.client.call(service.showCollections, {
      type: ShowType.InMemory,
      collectionNames: ["waiting"],
    });
    assert.equal(notThere.status!.code, 101);
  });

  test("several collections are described at once, one error beside the others", async () => {
    const answer = await db.client.call(service.batchDescribeCollection, {
      collectionName: ["loaded", "nothing", "waiting"],
    });
    ok(answer);
    assert.deepEqual(
      answer.responses.map(({ status, collectionName }) => [status!.code, collectionName]),
      [
        [0, "loaded"],
        [100, ""],
        [0, "waiting"],
      ],
    );
  });

  test("partitions divide a collection", async () => {
    const collectionName = "divided";
    await createQuick(db.client, collectionName);
    for (const partitionName of ["old", "new-1"]) {
      ok(await db.client.call(service.createPartition, { collectionName, partitionName }));
      ok(await db.client.call(service.createPartition, { collectionName, partitionName }));
    }
    const has = await db.client.call(service.hasPartition, { collectionName, partitionName: "old" });
    assert.equal(has.value, true);
    ok(await db.client.call(service.loadPartitions, { collectionName, partitionNames: ["old", "_default"] }));
    await until(async () => {
      const { state } = await db.client.call(service.getLoadState, { collectionName, partitionNames: ["old"] });
      return state === LoadState.LoadStateLoaded;
    });
    await put(collectionName, [1, 2], "", "old");
    await put(collectionName, [3], "", "new-1");
    await put(collectionName, [4]);
    assert.deepEqual(await idsOf(collectionName, { partitionNames: ["old"] }), [1n, 2n]);
    assert.deepEqual(await idsOf(collectionName, { partitionNames: ["_default", "old"] }), [1n, 2n, 4n]);
    const unloaded = await db.client.call(
      service.search,
      searchFor(collectionName, [[0, 0, 0, 0]], {}, { partitionNames: ["new-1"] }),
    );
    assert.equal(unloaded.status!.code, 201);
    const state = await db.client.call(service.getLoadState, { collectionName, partitionNames: ["new-1"] });
    assert.equal(state.state, LoadState.LoadStateNotLoad);

    const shown = await db.client.call(service.showPartitions, { collectionName });
    ok(shown);
    assert.deepEqual(shown.partitionNames, ["_default", "old", "new-1"]);
    assert.deepEqual(shown.inMemoryPercentages, [100n, 100n, 0n]);
    const counted = await db.client.call(service.getPartitionStatistics, { collectionName, partitionName: "old" });
    ok(counted);
    assert.deepEqual(
      counted.stats.map(({ key, value }) => [key, value]),
      [["row_count", "2"]],
    );
    const { numPartitions } = await db.client.call(service.describeCollection, { collectionName });
    assert.equal(numPartitions, 3n);

    const refused = await db.client.call(service.dropPartition, { collectionName, partitionName: "old" });
    assert.match(refused.reason, /partition is loaded, please release it first/);
    ok(await db.client.call(service.releasePartitions, { collectionName, partitionNames: ["old"] }));
    ok(await db.client.call(service.dropPartition, { collectionName, partitionName: "old" }));
    assert.deepEqual(await idsOf(collectionName), [4n]);
    const gone = await db.client.call(service.hasPartition, { collectionName, partitionName: "old" });
    assert.equal(gone.value, false);
  });

  test("an alias reads and writes what it stands for, and moves", async () => {
    for (const [at, name] of ["first", "second"].entries()) {
      await createQuick(db.client, name);
      await load(db.client, name);
      await put(name, [at + 1]);
    }
    ok(await db.client.call(service.createAlias, { collectionName: "first", alias: "current" }));
    assert.deepEqual(await idsOf("current"), [1n]);
    await put("current", [7]);
    assert.deepEqual(await idsOf("first"), [1n, 7n]);
    const told = await db.client.call(service.describeAlias, { alias: "current" });
    ok(told);
    assert.deepEqual([told.alias, told.collection, told.dbName], ["current", "first", "default"]);
    const described = await db.client.call(service.describeCollection, { collectionName: "current" });
    assert.deepEqual([described.collectionName, described.aliases], ["first", ["current"]]);

    ok(await db.client.call(service.alterAlias, { collectionName: "second", alias: "current" }));
    assert.deepEqual(await idsOf("current"), [2n]);
    const ofSecond = await db.client.call(service.listAliases, { collectionName: "second" });
    assert.deepEqual(ofSecond.aliases, ["current"]);
    const ofFirst = await db.client.call(service.listAliases, { collectionName: "first" });
    assert.deepEqual(ofFirst.aliases, []);
    const flushed = await db.client.call(service.flush, { collectionNames: ["current"] });
    ok(flushed);
    assert.deepEqual(Object.keys(flushed.collSegIDs), ["current"], "keyed by the name that was asked for");

    const taken = await db.client.call(service.createAlias, { collectionName: "first", alias: "current" });
    assert.equal(taken.code, 1602);
    ok(await db.client.call(service.dropAlias, { alias: "current" }));
    const gone = await db.client.call(service.hasCollection, { collectionName: "current" });
    assert.equal(gone.value, false);
  });

  test("a collection is renamed, also into another database, and keeps its rows", async () => {
    ok(await db.client.call(service.renameCollection, { oldName: "first", newName: "third" }));
    assert.deepEqual(await idsOf("third"), [1n, 7n]);
    ok(await db.client.call(service.renameCollection, { oldName: "third", newName: "third", newDBName: "right" }));
    assert.deepEqual(await idsOf("third", { dbName: "right" }), [1n, 7n]);
    const gone = await db.client.call(service.hasCollection, { collectionName: "third" });
    assert.equal(gone.value, false);
  });

  test("properties are set, told and deleted, and each change is seen in the schema's timestamp", async () => {
    const collectionName = "second";
    const before = await db.client.call(service.describeCollection, { collectionName });
    const properties = params({ "collection.ttl.seconds": "3600", other: "kept" });
    ok(await db.client.call(service.alterCollection, { collectionName, properties }));
    ok(await db.client.call(service.alterCollection, { collectionName, deleteKeys: ["collection.ttl.seconds"] }));
    const told = await db.client.call(service.describeCollection, { collectionName });
    assert.deepEqual(
      told.properties.map(({ key, value }) => [key, value]),
      [["other", "kept"]],
    );
    assert.ok(told.updateTimestamp > before.updateTimestamp);
    assert.equal(told.createdTimestamp, before.createdTimestamp);
    assert.equal(told.consistencyLevel, ConsistencyLevel.Strong);
  });

  test("indexes are told as they were asked for, and dropped", async () => {
    const collectionName = "waiting";
    ok(await db.client.call(service.dropIndex, { collectionName, indexName: "vector" }));
    const none = await db.client.call(service.describeIndex, { collectionName });
    assert.equal(none.status!.code, 700);
    const extraParams = params({
      index_type: "HNSW",
      metric_type: "IP",
      params: '{"M":16,"efConstruction":"200"}',
    });
    const asked = { collectionName, fieldName: "vector", indexName: "graph", extraParams };
    ok(await db.client.call(service.createIndex, asked));
    ok(await db.client.call(service.createIndex, asked));
    for (const request of [{}, { indexName: "graph" }, { fieldName: "vector" }]) {
      const told = await db.client.call(service.describeIndex, { collectionName, ...request });
      ok(told);
      assert.deepEqual(
        told.indexDescriptions.map(({ indexName, fieldName, params: given }) => [
          indexName,
          fieldName,
          Object.fromEntries(given.map(({ key, value }) => [key, value])),
        ]),
        [["graph", "vector", { index_type: "HNSW", metric_type: "IP", params: '{"M":16,"efConstruction":"200"}' }]],
      );
    }
    ok(await db.client.call(service.createIndex, { collectionName, fieldName: "id", indexName: "of_keys" }));
    ok(await db.client.call(service.dropIndex, { collectionName, fieldName: "id" }));
    const left = await db.client.call(service.describeIndex, { collectionName });
    assert.deepEqual(
      left.indexDescriptions.map(({ indexName }) => indexName),
      ["graph"],
    );
    const progress = await db.client.call(service.getIndexBuildProgress, { collectionName, indexName: "graph" });
    ok(progress);
    assert.equal(progress.indexedRows, progress.totalRows);
    const state = await db.client.call(service.getIndexState, { collectionName, indexName: "graph" });
    ok(state);
    const statistics = await db.client.call(service.getIndexStatistics, { collectionName });
    assert.equal(statistics.indexDescriptions.length, 1);
  });

  test("everything is flushed at once", async () => {
    const answer = await db.client.call(service.flushAll, {});
    ok(answer);
    assert.ok(answer.flushAllTs > 0n);
    await until(async () => {
      const state = await db.client.call(service.getFlushAllState, { flushAllTs: answer.flushAllTs });
      ok(state);
      return state.flushed;
    });
    const stored = await db.client.call(service.getPersistentSegmentInfo, { collectionName: "second" });
    assert.equal(
      stored.infos.reduce((sum, { numRows }) => sum + numRows, 0n),
      1n,
    );
  });
});
