import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IndexState, LoadState } from "../wire/generated/common_pb.js";
import type { FieldData } from "../wire/generated/schema_pb.js";
import {
  createQuick,
  dynamic,
  int64s,
  load,
  ok,
  params,
  searchFor,
  service,
  vectors,
  until,
} from "./testing/messages.ts";
import { served } from "./testing/served.ts";

describe("the life of a collection", () => {
  const db = served();

  const collectionName = "life";
  const rows = [1, 2, 3, 4, 5].map((id) => [id, 0, 0, 0]);

  test("is born with an index", async () => {
    await createQuick(db.client, collectionName);
    const told = await db.client.call(service.describeIndex, { collectionName });
    ok(told);
    assert.equal(told.indexDescriptions.length, 1);
    const index = told.indexDescriptions[0]!;
    assert.equal(index.indexName, "vector");
    assert.equal(index.fieldName, "vector");
    assert.equal(index.state, IndexState.Finished);
    assert.deepEqual(
      index.params.map(({ key, value }) => [key, value]),
      [
        ["index_type", "FLAT"],
        ["metric_type", "L2"],
      ],
    );
  });

  test("is described without the fields of the system", async () => {
    const told = await db.client.call(service.describeCollection, { collectionName });
    ok(told);
    assert.deepEqual(
      told.schema!.fields.map(({ name, fieldID }) => [name, fieldID]),
      [
        ["id", 100n],
        ["vector", 101n],
      ],
    );
    assert.equal(told.schema!.enableDynamicField, true);
    assert.deepEqual(
      told.schema!.fields[1]!.typeParams.map(({ key, value }) => [key, value]),
      [["dim", "4"]],
    );
    assert.equal(told.collectionName, collectionName);
    assert.equal(told.dbName, "default");
    assert.equal(told.shardsNum, 1);
    assert.equal(told.numPartitions, 1n);
    assert.equal(told.createdUtcTimestamp, told.createdTimestamp >> 18n);
    assert.equal(told.updateTimestampStr, String(told.updateTimestamp));
    assert.ok(Math.abs(Number(told.createdUtcTimestamp) - Date.now()) < 60_000);
    assert.equal(told.virtualChannelNames.length, 1);
    assert.ok(told.virtualChannelNames[0]!.startsWith(`${told.physicalChannelNames[0]!}_`));
    const byId = await db.client.call(service.describeCollection, { collectionID: told.collectionID });
    assert.equal(byId.collectionName, collectionName);
  });

  test("is loaded", async () => {
    const before = await db.client.call(service.getLoadState, { collectionName });
    assert.equal(before.state, LoadState.LoadStateNotLoad);
    await load(db.client, collectionName);
    const now = await db.client.call(service.getLoadState, { collectionName });
    assert.equal(now.state, LoadState.LoadStateLoaded);
  });

  test("takes rows", async () => {
    const { updateTimestamp } = await db.client.call(service.describeCollection, { collectionName });
    const answer = await db.client.call(service.insert, {
      collectionName,
      fieldsData: [
        int64s("id", [1, 2, 3, 4, 5]),
        vectors(rows),
        dynamic(rows.map((row) => ({ color: `c${row[0]}`, even: row[0]! % 2 === 0 }))),
      ],
      numRows: 5,
      schemaTimestamp: updateTimestamp,
    });
    ok(answer);
    assert.equal(answer.insertCnt, 5n);
    assert.deepEqual(answer.succIndex, [0, 1, 2, 3, 4]);
    assert.deepEqual(answer.IDs!.idField.value!.data, [1n, 2n, 3n, 4n, 5n]);
    assert.ok(answer.timestamp > 0n);
  });

  test("answers a search at once", async () => {
    const answer = await db.client.call(service.search, {
      ...searchFor(collectionName, [[2.9, 0, 0, 0]]),
      outputFields: ["color"],
    });
    ok(answer);
    const results = answer.results!;
    assert.deepEqual(results.topks, [3n]);
    assert.deepEqual(results.ids!.idField.value!.data, [3n, 2n, 4n]);
    assert.deepEqual(results.outputFields, ["color"]);
    assert.equal(results.primaryFieldName, "id");
    assert.equal(results.fieldsData.length, 1);
    const meta = results.fieldsData[0]!;
    assert.equal(meta.fieldName, "$meta");
    assert.equal(meta.isDynamic, true);
    assert.deepEqual(documents(meta), [{ color: "c3" }, { color: "c2" }, { color: "c4" }]);
  });

  test("answers a filtered search of two queries with all fields", async () => {
    const answer = await db.client.call(service.search, {
      ...searchFor(
        collectionName,
        [
          [1, 0, 0, 0],
          [5, 0, 0, 0],
        ],
        { topk: "1" },
      ),
      dsl: "even == true",
      outputFields: ["*"],
    });
    ok(answer);
    assert.deepEqual(answer.results!.topks, [1n, 1n]);
    assert.deepEqual(answer.results!.ids!.idField.value!.data, [2n, 4n]);
    assert.deepEqual(
      answer.results!.fieldsData.map(({ fieldName }) => fieldName),
      ["id", "vector", "$meta"],
    );
  });

  test("answers a query and a count", async () => {
    const found = await db.client.call(service.query, {
      collectionName,
      expr: "id in [5, 1]",
      outputFields: ["vector"],
      useDefaultConsistency: true,
    });
    ok(found);
    assert.deepEqual(longs(found.fieldsData, "id"), [1n, 5n]);
    assert.equal(await count(), 5n);
  });

  test("loses deleted rows", async () => {
    const answer = await db.client.call(service.delete, { collectionName, expr: "id in [2]" });
    ok(answer);
    assert.equal(answer.deleteCnt, 1n);
    const byFilter = await db.client.call(service.delete, { collectionName, expr: 'color == "c5"' });
    ok(byFilter);
    assert.equal(byFilter.deleteCnt, 1n);
    assert.equal(await count(), 3n);
  });

  test("replaces rows", async () => {
    const answer = await db.client.call(service.upsert, {
      collectionName,
      fieldsData: [
        int64s("id", [3, 9]),
        vectors([
          [30, 0, 0, 0],
          [90, 0, 0, 0],
        ]),
        dynamic([{ color: "new" }, {}]),
      ],
      numRows: 2,
    });
    ok(answer);
    assert.equal(answer.upsertCnt, 2n);
    assert.equal(await count(), 4n);
    const found = await db.client.call(service.search, searchFor(collectionName, [[30, 0, 0, 0]], { topk: "1" }));
    assert.deepEqual(found.results!.ids!.idField.value!.data, [3n]);
    assert.deepEqual(found.results!.scores, [0]);
  });

  test("says the same after a flush", async () => {
    const asked = searchFor(collectionName, [[3.9, 0, 0, 0]], { topk: "10" });
    const before = (await db.client.call(service.search, asked)).results!;
    const flushed = await db.client.call(service.flush, { collectionNames: [collectionName] });
    ok(flushed);
    const segmentIDs = flushed.collSegIDs[collectionName]!.data;
    assert.ok(segmentIDs.length > 0);
    assert.ok(flushed.collFlushTs[collectionName]! > 0n);
    assert.ok(flushed.collSealTimes[collectionName]! > 0n);
    const state = { segmentIDs, flushTs: flushed.collFlushTs[collectionName]!, collectionName };
    await until(async () => (await db.client.call(service.getFlushState, state)).flushed);
    await until(async () => (await db.client.call(service.getFlushState, { segmentIDs })).flushed);
    const afterwards = (await db.client.call(service.search, asked)).results!;
    assert.deepEqual(afterwards.ids, before.ids);
    assert.deepEqual(afterwards.scores, before.scores);
    assert.equal(await count(), 4n);
    const stored = await db.client.call(service.getPersistentSegmentInfo, { collectionName });
    ok(stored);
    assert.ok(stored.infos.some(({ segmentID }) => segmentIDs.includes(segmentID)));
    const served = await db.client.call(service.getQuerySegmentInfo, { collectionName });
    ok(served);
    assert.ok(served.infos.length > 0);
  });

  test("counts rows in its statistics, deletes not subtracted", async () => {
    const answer = await db.client.call(service.getCollectionStatistics, { collectionName });
    ok(answer);
    assert.equal(answer.stats[0]!.key, "row_count");
    assert.ok(Number(answer.stats[0]!.value) >= 4);
  });

  test("is released and dropped", async () => {
    ok(await db.client.call(service.releaseCollection, { collectionName }));
    const released = await db.client.call(service.search, searchFor(collectionName, [[1, 0, 0, 0]]));
    assert.equal(released.status!.code, 101);
    ok(await db.client.call(service.dropCollection, { collectionName }));
    const gone = await db.client.call(service.hasCollection, { collectionName });
    ok(gone);
    assert.equal(gone.value, false);
    const state = await db.client.call(service.getLoadState, { collectionName });
    ok(state);
    assert.equal(state.state, LoadState.LoadStateNotExist);
  });

  async function count(): Promise<bigint> {
    const answer = await db.client.call(service.query, {
      collectionName,
      outputFields: ["count(*)"],
      queryParams: params({}),
      useDefaultConsistency: true,
    });
    ok(answer);
    return longs(answer.fieldsData, "count(*)")[0]!;
  }
});

function longs(fields: readonly FieldData[], name: string): readonly bigint[] {
  const field = fields.find(({ fieldName }) => fieldName === name)!.field;
  assert.ok(field.case === "scalars" && field.value.data.case === "longData");
  return field.value.data.value.data;
}

function documents({ field }: FieldData): unknown[] {
  assert.ok(field.case === "scalars" && field.value.data.case === "jsonData");
  return field.value.data.value.data.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
}
