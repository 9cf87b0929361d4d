/** Collections and their rows under Milvus's SDK for Node: what is told of them, names, databases, updates, and what time takes away. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataType } from "@zilliz/milvus2-sdk-node";
import { type Row, createKeyed, refused, succeeded } from "./node-client.ts";
import { serveSuite } from "./node-fixture.ts";

const vector = { name: "vector", data_type: DataType.FloatVector, dim: 4 };
const index = { field_name: "vector", index_type: "FLAT", metric_type: "L2" };
const near = (id: number): number[] => [id, 1, 2, 3];

describe("managing collections with Milvus's SDK for Node", () => {
  const served = serveSuite();
  const count = async (collection_name: string): Promise<number> =>
    Number(succeeded(await served.client.count({ collection_name })).data);

  test("a collection is described with all that it was created with, renamed, released and loaded", async () => {
    const collection_name = "described";
    succeeded(
      await served.client.createCollection({
        collection_name,
        description: "all attributes",
        fields: [
          { name: "key", data_type: DataType.VarChar, is_primary_key: true, max_length: 32, description: "the key" },
          vector,
          { name: "group", data_type: DataType.Int64, is_partition_key: true },
          { name: "note", data_type: DataType.VarChar, max_length: 16, nullable: true },
          { name: "level", data_type: DataType.Int8, default_value: 3 },
          { name: "since", data_type: DataType.Timestamptz, default_value: "2020-02-29T00:00:00.250Z" },
          { name: "list", data_type: DataType.Array, element_type: DataType.Float, max_capacity: 7 },
        ],
        enable_dynamic_field: true,
        shards_num: 2,
        num_partitions: 4,
        consistency_level: "Session",
        properties: { "collection.ttl.seconds": 604_800 },
      }),
    );
    const told = succeeded(await served.client.describeCollection({ collection_name }));
    assert.equal(told.collection_name, collection_name);
    assert.equal(told.schema.description, "all attributes");
    assert.equal(told.schema.enable_dynamic_field, true);
    assert.equal(told.shards_num, 2);
    assert.equal(told.num_partitions, "4");
    assert.equal(told.consistency_level, "Session");
    assert.deepEqual(
      told.properties.filter(({ key }) => key === "collection.ttl.seconds"),
      [{ key: "collection.ttl.seconds", value: "604800" }],
    );
    const fields = told.schema.fields.map(({ name, fieldID, data_type }) => [name, fieldID, data_type]);
    assert.deepEqual(fields, [
      ["key", "100", "VarChar"],
      ["vector", "101", "FloatVector"],
      ["group", "102", "Int64"],
      ["note", "103", "VarChar"],
      ["level", "104", "Int8"],
      ["since", "105", "Timestamptz"],
      ["list", "106", "Array"],
    ]);
    const [key, dense, group, note, level, since, list] = told.schema.fields;
    assert.deepEqual([key!.is_primary_key, key!.description, key!["max_length"]], [true, "the key", "32"]);
    assert.equal(dense!["dim"], "4");
    assert.deepEqual([group!.is_partition_key, note!.is_partition_key], [true, false]);
    assert.deepEqual([note!.nullable, level!.nullable], [true, false]);
    assert.deepEqual([level!.default_value, since!.default_value], [3, "2020-02-29T00:00:00.25Z"]);
    assert.deepEqual([list!.element_type, list!["max_capacity"]], ["Float", "7"]);

    succeeded(await served.client.createIndex({ collection_name, ...index }));
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    const data = Array.from({ length: 20 }, (_, id) => ({
      key: `k${id}`,
      vector: near(id),
      group: id,
      list: [id / 2],
    }));
    succeeded(await served.client.insert({ collection_name, data }));
    succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    const renamed = "Dw_easy_vectorDB";
    succeeded(await served.client.renameCollection({ collection_name, new_collection_name: renamed }));
    assert.equal((await served.client.hasCollection({ collection_name })).value, false);
    assert.equal((await served.client.getLoadState({ collection_name: renamed })).state, "LoadStateLoaded");
    assert.equal(await count(renamed), 20);
    const row = succeeded(
      await served.client.query({ collection_name: renamed, filter: 'key == "k7"', output_fields: ["*"] }),
    ).data[0]!;
    assert.deepEqual(
      [row["note"], row["level"], row["since"], row["list"]],
      [null, 3, "2020-02-29T00:00:00.25Z", [3.5]],
    );
    succeeded(await served.client.releaseCollection({ collection_name: renamed }));
    assert.equal((await served.client.getLoadState({ collection_name: renamed })).state, "LoadStateNotLoad");
    refused(await served.client.query({ collection_name: renamed, filter: "group > 0" }), "collection not loaded", 101);
    succeeded(await served.client.loadCollectionSync({ collection_name: renamed }));
    assert.equal(await count(renamed), 20);
    succeeded(await served.client.dropCollection({ collection_name: renamed }));
  });

  test("collections of one name in two databases have rows of their own", async () => {
    const collection_name = "same";
    for (const [db_name, ids] of Object.entries({ first: [1, 2, 3], second: [4, 5] })) {
      succeeded(await served.client.createDatabase({ db_name }));
      await served.client.useDatabase({ db_name });
      succeeded(
        await served.client.createCollection({
          collection_name,
          dimension: 4,
          metric_type: "L2",
          consistency_level: "Strong",
        }),
      );
      const data = ids.map((id) => ({ id, vector: near(id) }));
      succeeded(await served.client.insert({ collection_name, data }));
    }
    const { db_names } = succeeded(await served.client.listDatabases());
    assert.deepEqual(db_names.toSorted(), ["default", "first", "second"]);
    for (const [db_name, ids] of Object.entries({ first: ["1", "2", "3"], second: ["4", "5"] })) {
      await served.client.useDatabase({ db_name });
      const asked = { collection_name, output_fields: ["id"] };
      const found = succeeded(await served.client.search({ ...asked, data: near(1), limit: 9 }));
      assert.deepEqual(
        (found.results as unknown as Row[]).map(({ id }) => id),
        ids,
      );
      const queried = succeeded(await served.client.query({ ...asked, filter: "id > 0" }));
      assert.deepEqual(queried.data.map(({ id }) => id).toSorted(), ids);
      succeeded(await served.client.dropCollection({ collection_name }));
    }
    await served.client.useDatabase({ db_name: "default" });
    assert.equal((await served.client.hasCollection({ collection_name })).value, false);
    for (const db_name of ["first", "second"]) succeeded(await served.client.dropDatabase({ db_name }));
  });

  test("an update replaces a row, or some of its fields, wherever the row is", async () => {
    const collection_name = "updated";
    await createKeyed(
      served.client,
      collection_name,
      [
        vector,
        { name: "text", data_type: DataType.VarChar, max_length: 20 },
        { name: "size", data_type: DataType.Int32, nullable: true },
      ],
      { index_params: [index] },
    );
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    const rows = new Map<number, Row>();
    const put = async (changed: readonly Row[], partial_update = false): Promise<void> => {
      succeeded(await served.client.upsert({ collection_name, data: changed as never, partial_update }));
      for (const row of changed) {
        const id = Number(row["id"]);
        rows.set(id, partial_update ? { ...rows.get(id), ...row } : { size: null, ...row });
      }
    };
    const check = async (): Promise<void> => {
      const all = succeeded(
        await served.client.query({ collection_name, filter: "id >= 0", output_fields: ["vector", "text", "size"] }),
      );
      assert.equal(all.data.length, rows.size);
      for (const row of all.data)
        assert.deepEqual({ ...row, id: Number(row["id"]) }, { ...rows.get(Number(row["id"])) });
      assert.equal(await count(collection_name), rows.size);
      // The row is found where it went, and not where it was.
      const found = succeeded(
        await served.client.search({ collection_name, data: near(103), limit: 1, output_fields: ["text"] }),
      );
      assert.equal((found.results[0] as unknown as Row)["text"], rows.get(3)!["text"]);
      const before = succeeded(
        await served.client.query({ collection_name, filter: 'text == "t3"', output_fields: ["id"] }),
      );
      assert.deepEqual(before.data, []);
    };
    await put(Array.from({ length: 30 }, (_, id) => ({ id, vector: near(id), text: `t${id}`, size: id })));
    await put([
      { id: 3, vector: near(103), text: "new" },
      { id: 30, vector: near(30), text: "more" },
    ]);
    await check();
    succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    await check();
    await put(
      [
        { id: 3, text: "newer" },
        { id: 4, text: "part" },
      ],
      true,
    );
    await put([{ id: 5, vector: near(55), text: "whole" }]);
    await check();
    succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    const { compactionID } = succeeded(await served.client.compact({ collection_name }));
    for (;;) {
      if (String(succeeded(await served.client.getCompactionState({ compactionID })).state) === "Completed") break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await check();
    succeeded(await served.client.dropCollection({ collection_name }));
  });
});
