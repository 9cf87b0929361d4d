/** The data model through Milvus's SDK for Node: keys, databases, partition keys, loaded fields, times to live, rates. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DataType } from "@zilliz/milvus2-sdk-node";
import { serveSuite } from "./node-fixture.ts";
import { drawnVectors } from "./nearest-rows.ts";
import { type Row, createKeyed, refused, succeeded } from "./node-client.ts";

const DIMENSION = 8;
const ROWS = 60;

describe("the data model with Milvus's SDK for Node", () => {
  const served = serveSuite();

  const vectors = drawnVectors(ROWS, DIMENSION, 3);
  const vectorOf = (row: number): number[] => [...vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION)];
  const index = { field_name: "vector", index_type: "FLAT", metric_type: "L2" };
  const vector = { name: "vector", data_type: DataType.FloatVector, dim: DIMENSION };
  const numbers = (rows: readonly Row[], name: string): number[] =>
    rows.map((row) => Number(row[name])).toSorted((left, right) => left - right);

  test("keys that the server makes; a filter with in and > on a search of several queries", async () => {
    const collection_name = "automatic";
    succeeded(
      await served.client.createCollection({
        collection_name,
        fields: [
          { name: "id", data_type: DataType.Int64, is_primary_key: true, autoID: true },
          vector,
          { name: "title", data_type: DataType.VarChar, max_length: 50 },
          { name: "year", data_type: DataType.Int64 },
          { name: "notes", data_type: DataType.JSON },
        ],
        index_params: [index],
        consistency_level: "Strong",
      }),
    );
    const rows = Array.from({ length: ROWS }, (_, row) => ({
      vector: vectorOf(row),
      title: `t${row % 4}`,
      year: row,
      notes: { row },
    }));
    const inserted = succeeded(await served.client.insert({ collection_name, data: rows }));
    const keys = (inserted.IDs as unknown as { int_id: { data: string[] } }).int_id.data;
    assert.equal(new Set(keys).size, ROWS);
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    const searched = succeeded(
      await served.client.search({
        collection_name,
        data: [vectorOf(5), vectorOf(9)],
        filter: 'title in ["t1", "t3"] and year > 20',
        limit: 4,
        output_fields: ["id", "title", "year", "notes"],
      }),
    );
    const allowed = rows.map((_, row) => row).filter((row) => row % 2 === 1 && row > 20);
    for (const [at, query] of [5, 9].entries()) {
      const hits = searched.results[at] as unknown as readonly Row[];
      const near = allowed
        .map((row) => ({ row, distance: distance(vectorOf(row), vectorOf(query)) }))
        .toSorted((left, right) => left.distance - right.distance)
        .slice(0, 4)
        .map(({ row }) => row);
      assert.deepEqual(
        hits.map((hit) => Number(hit["year"])),
        near,
      );
      for (const hit of hits) {
        assert.deepEqual(hit["notes"], { row: Number(hit["year"]) });
        assert.equal(hit["id"], keys[Number(hit["year"])]);
      }
    }
  });

  test("databases: their own collections, and as many as they may have", async () => {
    succeeded(
      await served.client.createDatabase({ db_name: "small", properties: { "database.max.collections": "1" } }),
    );
    const made = { dimension: DIMENSION, db_name: "small" };
    succeeded(await served.client.createCollection({ ...made, collection_name: "one" }));
    const shown = succeeded(await served.client.showCollections({ db_name: "small" }));
    assert.deepEqual(
      shown.data.map(({ name }) => name),
      ["one"],
    );
    await assert.rejects(served.client.createCollection({ ...made, collection_name: "two" }), {
      code: 102,
      reason: "exceeded the limit number of collections[dbName=small][limit=1]",
    });
    refused(
      await served.client.dropDatabase({ db_name: "small" }),
      "must drop all collections before drop database",
      1100,
    );
    succeeded(await served.client.dropCollection({ collection_name: "one", db_name: "small" }));
    succeeded(await served.client.dropDatabase({ db_name: "small" }));
  });

  test("a partition key with isolation: each tenant finds its own rows, and all of them", async () => {
    const collection_name = "tenants";
    await createKeyed(
      served.client,
      collection_name,
      [{ name: "tenant", data_type: DataType.VarChar, max_length: 20, is_partition_key: true }, vector],
      { num_partitions: 4, properties: { "partitionkey.isolation": "true" }, index_params: [index] },
    );
    const rows = Array.from({ length: ROWS }, (_, row) => ({ id: row, tenant: `n${row % 6}`, vector: vectorOf(row) }));
    succeeded(await served.client.insert({ collection_name, data: rows }));
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    for (let tenant = 0; tenant < 6; tenant += 1) {
      const filter = `tenant == "n${tenant}"`;
      const found = succeeded(await served.client.search({ collection_name, data: vectorOf(0), filter, limit: ROWS }));
      const own = rows.filter((row) => row.tenant === `n${tenant}`).map(({ id }) => id);
      assert.deepEqual(numbers(found.results as unknown as Row[], "id"), own);
      const queried = succeeded(await served.client.query({ collection_name, filter, output_fields: ["id"] }));
      assert.deepEqual(numbers(queried.data, "id"), own);
    }
    const all = await served.client.search({ collection_name, data: vectorOf(0), limit: 3 });
    assert.equal(all.status.code, 1100, "isolated searches name their tenant");
  });

  test("some fields are loaded, the others are not to be had: from growing rows and from files", async () => {
    const collection_name = "part";
    await createKeyed(
      served.client,
      collection_name,
      [
        vector,
        { ...vector, name: "other" },
        { name: "size", data_type: DataType.Int64 },
        { name: "text", data_type: DataType.VarChar, max_length: 20 },
      ],
      { enable_dynamic_field: true, index_params: [index, { ...index, field_name: "other" }] },
    );
    const rowOf = (id: number) => ({
      id,
      vector: vectorOf(id),
      other: vectorOf(id),
      size: id,
      text: `t${id % 2}`,
      extra: id,
    });
    const rows = Array.from({ length: 10 }, (_, id) => rowOf(id));
    succeeded(await served.client.insert({ collection_name, data: rows }));
    const load = (more: object) => served.client.loadCollectionSync({ collection_name, ...more });
    succeeded(await served.client.releaseCollection({ collection_name }));
    succeeded(await load({ load_fields: ["id", "vector", "size"], skip_load_dynamic_field: true }));
    const check = async (): Promise<void> => {
      const query = (more: object) =>
        served.client.query({ collection_name, filter: "id < 3", output_fields: ["id"], ...more });
      const search = (more: object) =>
        served.client.search({
          collection_name,
          anns_field: "vector",
          data: vectorOf(4),
          limit: 3,
          output_fields: ["id"],
          ...more,
        });
      const sized = succeeded(await query({ filter: "size < 3", output_fields: ["size"] }));
      assert.deepEqual(numbers(sized.data, "size"), [0, 1, 2]);
      const all = succeeded(await query({ output_fields: ["*"] }));
      assert.deepEqual(Object.keys(all.data[0]!).toSorted(), ["id", "size", "vector"], "all is what is loaded");
      const [hit] = succeeded(await search({ output_fields: ["*"] })).results as unknown as Row[];
      assert.deepEqual(Object.keys(hit!).toSorted(), ["id", "score", "size", "vector"]);
      for (const [what, answer] of [
        ["an output of a query", await query({ output_fields: ["text"] })],
        ["an output of a search", await search({ output_fields: ["text"] })],
        ["a vector that is put out", await query({ output_fields: ["other"] })],
        ["a filter", await query({ filter: 'text == "t1"' })],
        ["a filter of a search", await search({ filter: 'text in ["t1"]' })],
        ["a field to search", await search({ anns_field: "other" })],
        ["an order", await query({ limit: 3, order_by_fields: "text:asc" })],
        ["an aggregate", await query({ output_fields: ["max(text)"] })],
        ["groups of a query", await query({ group_by_fields: ["text"], output_fields: ["text", "count(*)"] })],
        ["groups of a search", await search({ group_by_field: "text" })],
        ["a delete by a filter", await served.client.delete({ collection_name, filter: 'text == "t1"' })],
      ] as const) {
        assert.match(answer.status.reason, /field (\w+ is|"other") not loaded/, what);
        assert.equal(answer.status.code, 1100, what);
      }
      const undeclared = "dynamic field";
      refused(
        await query({ output_fields: ["extra"] }),
        `field extra cannot be returned since ${undeclared} not loaded`,
        1100,
      );
      refused(await query({ filter: "extra == 3" }), `field extra is dynamic but ${undeclared} is not loaded`, 1100);
      refused(await search({ filter: "extra == 3" }), `field extra is dynamic but ${undeclared} is not loaded`, 1100);
      assert.equal(
        Number(succeeded(await query({ filter: "", output_fields: ["count(*)"] })).data[0]!["count(*)"]),
        10,
      );
    };
    await check();
    succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    await check();
    succeeded(await served.client.releaseCollection({ collection_name }));
    succeeded(await load({}));
    const whole = succeeded(
      await served.client.query({ collection_name, filter: "id == 3", output_fields: ["text", "extra"] }),
    );
    assert.deepEqual(
      [whole.data[0]!["text"], (whole.data[0]!["$meta"] as Row)["extra"]],
      ["t1", 3],
      "everything again",
    );
  });

  test("rows with a time to live are gone from reads when it has come", async () => {
    const collection_name = "short";
    succeeded(
      await served.client.createCollection({
        collection_name,
        fields: [{ name: "id", data_type: DataType.Int64, is_primary_key: true }, vector],
        index_params: [index],
        properties: { "collection.ttl.seconds": 1 },
        consistency_level: "Strong",
      }),
    );
    const told = succeeded(await served.client.describeCollection({ collection_name }));
    assert.ok(told.properties.some(({ key, value }) => key === "collection.ttl.seconds" && value === "1"));
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    succeeded(await served.client.insert({ collection_name, data: [{ id: 1, vector: vectorOf(1) }] }));
    const count = async (): Promise<number> => Number(succeeded(await served.client.count({ collection_name })).data);
    while ((await count()) > 0) await sleep(20);
    succeeded(
      await served.client.alterCollectionProperties({ collection_name, properties: { "collection.ttl.seconds": 0 } }),
    );
    assert.equal(await count(), 1, "nothing was thrown away yet");
  });

  test("rates of a collection are refused with code 8, and shut databases with 9", async () => {
    const collection_name = "limited";
    succeeded(
      await served.client.createCollection({ collection_name, dimension: DIMENSION, consistency_level: "Strong" }),
    );
    const insert = (id: number) => served.client.insert({ collection_name, data: [{ id, vector: vectorOf(id) }] });
    const rate = { "collection.insertRate.max.mb": "0.000001" };
    succeeded(await served.client.alterCollectionProperties({ collection_name, properties: rate }));
    succeeded(await insert(1));
    refused(await insert(2), "rate limit exceeded[rate=", 8);
    const deleted = ["collection.insertRate.max.mb"];
    succeeded(await served.client.dropCollectionProperties({ collection_name, properties: deleted }));
    succeeded(await insert(2));
    const shut = (value: string) =>
      served.client.alterDatabase({ db_name: "default", properties: { "database.force.deny.writing": value } });
    succeeded(await shut("true"));
    refused(await insert(3), "access has been disabled by the administrator", 9);
    succeeded(await shut("false"));
    succeeded(await insert(3));
  });
});

function distance(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, at) => sum + (value - right[at]!) ** 2, 0);
}
