import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataType } from "@zilliz/milvus2-sdk-node";
import { type Row, refused, succeeded } from "./node-client.ts";
import { serveSuite } from "./node-fixture.ts";
import { drawnVectors } from "./nearest-rows.ts";

const DIMENSION = 16;

describe("Milvus SDK for Node", () => {
  const served = serveSuite();

  const vectors = drawnVectors(200, DIMENSION, 1);
  const vectorOf = (row: number): number[] => [...vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION)];
  /** In a query this SDK leaves undeclared keys in `$meta`; in a search it takes them out. */
  const dynamic = (row: Row): Row => row["$meta"] as Row;
  const count = async (collection_name: string, expr = ""): Promise<number> =>
    Number(succeeded(await served.client.count({ collection_name, expr })).data);

  test("a collection made quickly: insert, search, query, get, count, delete, upsert", async () => {
    const collection_name = "quick";
    succeeded(
      await served.client.createCollection({ collection_name, dimension: DIMENSION, consistency_level: "Strong" }),
    );
    const told = succeeded(await served.client.describeCollection({ collection_name }));
    assert.deepEqual(
      told.schema.fields.map(({ name, data_type }) => [name, data_type]),
      [
        ["id", "Int64"],
        ["vector", "FloatVector"],
      ],
    );
    assert.equal(told.schema.enable_dynamic_field, true);
    assert.equal(told.consistency_level, "Strong");

    const rows = Array.from({ length: 100 }, (_, row) => ({ id: row, vector: vectorOf(row), text: `t${row}` }));
    const inserted = succeeded(await served.client.insert({ collection_name, data: rows }));
    assert.equal(inserted.insert_cnt, "100");

    const found = succeeded(
      await served.client.search({ collection_name, data: vectorOf(42), limit: 3, output_fields: ["id", "text"] }),
    );
    const first = found.results[0] as unknown as Row;
    assert.equal(first["id"], "42");
    assert.equal(first["text"], "t42");
    assert.ok(Math.abs(Number(first["score"]) - 1) < 1e-6);

    const queried = succeeded(
      await served.client.query({ collection_name, filter: 'text in ["t1", "t2"]', output_fields: ["text"] }),
    );
    assert.deepEqual(queried.data.map((row) => [row["id"], dynamic(row)["text"]]).toSorted(), [
      ["1", "t1"],
      ["2", "t2"],
    ]);
    const got = succeeded(await served.client.get({ collection_name, ids: [7, 8, 999], output_fields: ["*"] }));
    assert.deepEqual(got.data.map(({ id }) => id).toSorted(), ["7", "8"]);
    const whole = got.data.find(({ id }) => id === "7")!;
    assert.equal(dynamic(whole)["text"], "t7");
    assert.deepEqual(Float32Array.from(whole["vector"] as number[]), vectors.subarray(7 * DIMENSION, 8 * DIMENSION));
    assert.equal(await count(collection_name), 100);

    succeeded(await served.client.delete({ collection_name, ids: [1, 2, 3] }));
    assert.equal(await count(collection_name), 97);
    const byFilter = succeeded(await served.client.delete({ collection_name, filter: "id >= 90" }));
    assert.equal(byFilter.delete_cnt, "10");
    assert.equal(await count(collection_name), 87);
    const upserted = succeeded(
      await served.client.upsert({
        collection_name,
        data: [
          { id: 1, vector: vectorOf(101), text: "back" },
          { id: 5, vector: vectorOf(105), text: "new" },
        ],
      }),
    );
    assert.equal(upserted.upsert_cnt, "2");
    assert.equal(await count(collection_name), 88);
    const changed = succeeded(await served.client.get({ collection_name, ids: [1, 5], output_fields: ["text"] }));
    assert.deepEqual(changed.data.map((row) => dynamic(row)["text"]).toSorted(), ["back", "new"]);
    succeeded(await served.client.dropCollection({ collection_name }));
    assert.equal((await served.client.hasCollection({ collection_name })).value, false);
  });

  test("a schema, its index, loading and releasing", async () => {
    const collection_name = "declared";
    succeeded(
      await served.client.createCollection({
        collection_name,
        fields: [
          { name: "key", data_type: DataType.VarChar, is_primary_key: true, max_length: 40 },
          { name: "embedding", data_type: DataType.FloatVector, dim: DIMENSION },
          { name: "age", data_type: DataType.Int32, nullable: true },
          { name: "note", data_type: DataType.VarChar, max_length: 20, default_value: "none" },
          { name: "facts", data_type: DataType.JSON },
          { name: "ratio", data_type: DataType.Double },
          { name: "big", data_type: DataType.Int64 },
          { name: "flag", data_type: DataType.Bool },
        ],
        consistency_level: "Strong",
      }),
    );
    succeeded(
      await served.client.createIndex({
        collection_name,
        field_name: "embedding",
        index_name: "by_embedding",
        index_type: "HNSW",
        metric_type: "L2",
        params: { M: 8, efConstruction: 64 },
      }),
    );
    const index = succeeded(await served.client.describeIndex({ collection_name })).index_descriptions[0]!;
    const params = new Map(index.params.map(({ key, value }) => [key, value]));
    assert.equal(index.index_name, "by_embedding");
    assert.equal(index.state, "Finished");
    assert.equal(params.get("index_type"), "HNSW");
    assert.equal(params.get("metric_type"), "L2");
    assert.deepEqual(JSON.parse(String(params.get("params"))), { M: 8, efConstruction: 64 });

    assert.equal((await served.client.getLoadState({ collection_name })).state, "LoadStateNotLoad");
    const early = await served.client.query({ collection_name, filter: 'key != ""' });
    refused(early, "collection not loaded", 101);
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    assert.equal((await served.client.getLoadState({ collection_name })).state, "LoadStateLoaded");

    const rows = Array.from({ length: 60 }, (_, row) => ({
      key: `k${String(row).padStart(2, "0")}`,
      embedding: vectorOf(row),
      age: row % 4 === 0 ? null : row,
      ...(row % 3 === 0 ? {} : { note: `n${row}` }),
      facts: { row, list: [1, "x", null] },
      ratio: row / 7,
      big: String(2n ** 60n + BigInt(row)),
      flag: row % 2 === 0,
    }));
    succeeded(await served.client.insert({ collection_name, data: rows.slice(0, 30) }));
    const flushed = succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    assert.equal(flushed.flushed, true);
    succeeded(await served.client.insert({ collection_name, data: rows.slice(30) }));

    const all = succeeded(
      await served.client.query({ collection_name, filter: 'key like "k%"', output_fields: ["*"] }),
    );
    assert.equal(all.data.length, 60);
    for (const row of all.data) {
      const at = Number(String(row["key"]).slice(1));
      assert.equal(row["age"], at % 4 === 0 ? null : at);
      assert.equal(row["note"], at % 3 === 0 ? "none" : `n${at}`);
      assert.deepEqual(row["facts"], { row: at, list: [1, "x", null] });
      assert.equal(row["ratio"], at / 7);
      assert.equal(row["big"], String(2n ** 60n + BigInt(at)));
      assert.equal(row["flag"], at % 2 === 0);
    }
    const batch = succeeded(
      await served.client.search({
        collection_name,
        anns_field: "embedding",
        data: [vectorOf(3), vectorOf(44)],
        limit: 2,
        params: { ef: 64 },
        filter: "flag == true",
        output_fields: ["key"],
      }),
    );
    const lists = batch.results as unknown as Row[][];
    assert.equal(lists.length, 2);
    assert.equal(lists[1]![0]!["key"], "k44");
    assert.ok(
      lists[0]!.every((hit) => hit["key"] !== "k03"),
      "a row that does not pass is no hit",
    );

    succeeded(await served.client.releaseCollection({ collection_name }));
    assert.equal((await served.client.getLoadState({ collection_name })).state, "LoadStateNotLoad");
    succeeded(await served.client.dropIndex({ collection_name, index_name: "by_embedding" }));
    await assert.rejects(served.client.loadCollectionSync({ collection_name }), /index not found/);
    succeeded(await served.client.dropCollection({ collection_name }));
  });

  test("partitions and aliases", async () => {
    const collection_name = "parted";
    succeeded(
      await served.client.createCollection({ collection_name, dimension: DIMENSION, consistency_level: "Strong" }),
    );
    succeeded(await served.client.createPartition({ collection_name, partition_name: "second" }));
    const listed = succeeded(await served.client.listPartitions({ collection_name }));
    assert.deepEqual(listed.partition_names.toSorted(), ["_default", "second"]);
    for (const [partition_name, start] of [
      ["_default", 0],
      ["second", 10],
    ] as const) {
      const rows = Array.from({ length: 10 }, (_, row) => ({ id: start + row, vector: vectorOf(start + row) }));
      succeeded(await served.client.insert({ collection_name, partition_name, data: rows }));
    }
    const within = succeeded(
      await served.client.search({ collection_name, data: vectorOf(3), limit: 10, partition_names: ["second"] }),
    );
    assert.deepEqual(
      (within.results as unknown as Row[]).map((hit) => Number(hit["id"])).toSorted((left, right) => left - right),
      [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    );

    succeeded(await served.client.createAlias({ collection_name, alias: "other_name" }));
    assert.equal(
      (await served.client.describeAlias({ collection_name, alias: "other_name" })).collection,
      collection_name,
    );
    assert.equal(await count("other_name"), 20);
    succeeded(await served.client.dropAlias({ alias: "other_name" }));
    refused(
      await served.client.query({ collection_name: "other_name", filter: "id > 0" }),
      "collection not found",
      100,
    );

    succeeded(await served.client.releasePartitions({ collection_name, partition_names: ["second"] }));
    succeeded(await served.client.dropPartition({ collection_name, partition_name: "second" }));
    assert.equal((await served.client.hasPartition({ collection_name, partition_name: "second" })).value, false);
    assert.equal(await count(collection_name), 10);
    succeeded(await served.client.dropCollection({ collection_name }));
  });

  test("compaction is asked for, waited for, and changes no answer", async () => {
    const collection_name = "compacted";
    succeeded(
      await served.client.createCollection({ collection_name, dimension: DIMENSION, consistency_level: "Strong" }),
    );
    for (let round = 0; round < 3; round += 1) {
      const rows = Array.from({ length: 20 }, (_, row) => ({
        id: round * 20 + row,
        vector: vectorOf(round * 20 + row),
      }));
      succeeded(await served.client.insert({ collection_name, data: rows }));
      succeeded(await served.client.delete({ collection_name, ids: [round * 20] }));
      succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    }
    const { compactionID } = succeeded(await served.client.compact({ collection_name }));
    const isCompleted = async (): Promise<boolean> =>
      String(succeeded(await served.client.getCompactionState({ compactionID })).state) === "Completed";
    while (!(await isCompleted())) await new Promise((resolve) => setTimeout(resolve, 50));
    const plans = succeeded(await served.client.getCompactionStateWithPlans({ compactionID }));
    assert.equal(String(plans.state), "Completed");
    const { infos } = succeeded(await served.client.getPersistentSegmentInfo({ collectionName: collection_name }));
    assert.equal(infos.length, 1);
    assert.equal(await count(collection_name), 57);
    const found = succeeded(await served.client.search({ collection_name, data: vectorOf(42), limit: 1 }));
    assert.equal((found.results[0] as unknown as Row)["id"], "42");
    succeeded(await served.client.dropCollection({ collection_name }));
  });

  test("fields come and go", async () => {
    const collection_name = "evolving";
    succeeded(
      await served.client.createCollection({ collection_name, dimension: DIMENSION, consistency_level: "Strong" }),
    );
    const put = async (row: Row) =>
      succeeded(
        await served.client.insert({ collection_name, data: [{ ...row, vector: vectorOf(Number(row["id"])) }] }),
      );
    const note = { name: "note", data_type: DataType.VarChar, max_length: 9, nullable: true };
    await put({ id: 1 });
    succeeded(await served.client.addCollectionField({ collection_name, field: note }));
    await put({ id: 2, note: "two" });
    succeeded(await served.client.dropCollectionField({ collection_name, field_name: "note" }));
    refused(
      await served.client.dropCollectionField({ collection_name, field_name: "id" }),
      "cannot drop primary key field: id",
      1100,
    );
    succeeded(
      await served.client.addCollectionField({ collection_name, field: { ...note, data_type: DataType.Int64 } }),
    );
    await put({ id: 3, note: 3 });
    const all = succeeded(await served.client.query({ collection_name, filter: "id > 0", output_fields: ["note"] }));
    assert.deepEqual(
      all.data.map((row) => [row["id"], row["note"]]),
      [
        ["1", null],
        ["2", null],
        ["3", "3"],
      ],
    );
    succeeded(await served.client.dropCollection({ collection_name }));
  });

  test("an iterator sees every row once", async () => {
    const collection_name = "walked";
    succeeded(
      await served.client.createCollection({ collection_name, dimension: DIMENSION, consistency_level: "Strong" }),
    );
    const rows = Array.from({ length: 200 }, (_, row) => ({ id: row, vector: vectorOf(row) }));
    succeeded(await served.client.insert({ collection_name, data: rows.toReversed() }));
    const seen: number[] = [];
    const pages: AsyncIterable<Row[]> = await served.client.queryIterator({
      collection_name,
      filter: "id % 2 == 0",
      batchSize: 30,
      output_fields: ["id"],
    });
    for await (const page of pages) {
      assert.ok(page.length <= 30);
      seen.push(...page.map((row) => Number(row["id"])));
    }
    assert.deepEqual(
      seen,
      rows.map(({ id }) => id).filter((id) => id % 2 === 0),
    );
    succeeded(await served.client.dropCollection({ collection_name }));
  });
});
