import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DataType } from "../../model/types.ts";
import { EvolvingServer, type FieldInit, named, values } from "./testing/evolving.ts";
import {
  createQuick,
  int64s,
  load,
  ok,
  params,
  searchFor,
  service,
  texts,
  until,
  vectorField,
  vectors,
  whenLoaded,
} from "./testing/messages.ts";

const LIMITS = { retentionMilliseconds: 0, garbageMilliseconds: 0, compactionCheckMilliseconds: 20 };
const COUNT: FieldInit = { name: "count", dataType: DataType.Int64, nullable: true };

describe("fields that go", () => {
  const db = new EvolvingServer({ limits: LIMITS, isNative: true });
  before(() => db.start());
  after(() => db.end());

  async function fields(collectionName: string): Promise<[string, bigint][]> {
    const told = await db.client.call(service.describeCollection, { collectionName });
    ok(told);
    return told.schema!.fields.map(({ name, fieldID }) => [name, fieldID]);
  }

  async function refusal(collectionName: string, expr: string, outputFields: string[]): Promise<[number, string]> {
    const { status } = await db.client.call(service.query, { collectionName, expr, outputFields });
    return [status!.code, status!.reason];
  }

  test("it is gone for reads and writes, and a new one of its name is another one: in memory, in files, after a restart", async () => {
    const collectionName = "again";
    await db.created(collectionName, [COUNT]);
    await load(db.client, collectionName);
    const put = (ids: number[], more: Parameters<typeof db.put>[2] = []) =>
      db.put(collectionName, ids, [named(ids), ...more]);
    assert.equal(await put([1, 2, 3, 4], [int64s("count", [1, 2, 3, 4])]), 0);
    await db.flushed(collectionName);
    assert.equal(await put([5, 6], [int64s("count", [5, 6])]), 0);
    assert.deepEqual((await db.queried(collectionName, "count > 3", ["count"])).get("count"), [4n, 5n, 6n]);

    assert.equal(await db.drop(collectionName, "count"), "");
    assert.deepEqual(await fields(collectionName), [
      ["id", 100n],
      ["vector", 101n],
      ["name", 102n],
    ]);
    assert.match((await refusal(collectionName, "count > 3", []))[1], /field count not exist/);
    assert.match((await refusal(collectionName, "id > 3", ["count"]))[1], /field count not exist/);
    assert.notEqual(await put([9], [int64s("count", [9])]), 0);
    assert.equal(await put([7, 8]), 0);

    assert.equal(
      await db.add(collectionName, { ...COUNT, dataType: DataType.VarChar, typeParams: params({ max_length: "9" }) }),
      "",
    );
    assert.deepEqual((await fields(collectionName)).at(-1), ["count", 104n]);
    assert.equal(await put([9, 10], [texts("count", ["nine", "ten"])]), 0);
    const check = async (): Promise<void> => {
      const all = await db.queried(collectionName, "id > 0", ["*"]);
      assert.deepEqual(all.get("id"), [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n]);
      assert.deepEqual(all.get("count"), [null, null, null, null, null, null, null, null, "nine", "ten"]);
      assert.deepEqual((await db.queried(collectionName, 'count == "nine"', ["id"])).get("id"), [9n]);
      assert.deepEqual((await db.queried(collectionName, "count is null", ["name"])).get("name")!.length, 8);
      const search = searchFor(collectionName, [[8.6, 0, 0, 0]], { topk: "2" }, { outputFields: ["count"] });
      const found = await db.client.call(service.search, search);
      ok(found);
      assert.deepEqual(values(found.results!.fieldsData[0]), ["nine", null]);
    };
    await check();
    // Out of the log, part of which was written with the field.
    await db.reopen();
    await load(db.client, collectionName);
    await check();
    await db.flushed(collectionName);
    await check();
    await db.reopen();
    await load(db.client, collectionName);
    await check();
    await db.compacted(collectionName);
    await check();
    assert.deepEqual((await fields(collectionName)).at(-1), ["count", 104n]);
  });

  test("merged files do not have it any more", async () => {
    const collectionName = "merged";
    await db.created(collectionName, [COUNT]);
    for (const ids of [
      [1, 2, 3],
      [4, 5, 6],
    ]) {
      assert.equal(await db.put(collectionName, ids, [named(ids), int64s("count", ids)]), 0);
      await db.flushed(collectionName);
    }
    assert.equal(await db.drop(collectionName, 103n), "");
    const fieldFiles = async (): Promise<string[]> => {
      const { collection } = await db.server.proxy.describe({ databaseName: "", collectionName });
      const segments = await db.server.proxy.flushedSegments(collection);
      const names = await Promise.all(
        segments.map(async ({ manifestKey }) => {
          const bytes = await db.server.objects.get(manifestKey);
          return new TextDecoder().decode(bytes);
        }),
      );
      return names.filter((text) => text.includes('"count"'));
    };
    assert.notEqual((await fieldFiles()).length, 0);
    await db.compacted(collectionName);
    assert.deepEqual(await fieldFiles(), []);
    await load(db.client, collectionName);
    assert.deepEqual((await db.queried(collectionName, "id > 0", ["name"])).get("name")!.length, 6);
  });

  test("its indexes go with it, and its place among the fields that are loaded", async () => {
    const collectionName = "indexed";
    const other: FieldInit = { ...vectorField(4, "other"), nullable: true };
    await db.created(collectionName, [other, COUNT]);
    const index = (fieldName: string, extraParams: Record<string, string>) =>
      db.client.call(service.createIndex, { collectionName, fieldName, extraParams: params(extraParams) });
    ok(await index("other", { index_type: "HNSW", metric_type: "L2", M: "8", efConstruction: "40" }));
    ok(await index("count", { index_type: "INVERTED" }));
    const ids = Array.from({ length: 3_000 }, (_, at) => at);
    const more = [
      named(ids),
      int64s("count", ids),
      vectors(
        ids.map((id) => [0, id, 0, 0]),
        "other",
      ),
    ];
    assert.equal(await db.put(collectionName, ids, more), 0);
    await db.flushed(collectionName);
    const states = async (): Promise<string[]> => {
      const answer = await db.client.call(service.describeIndex, { collectionName });
      return answer.indexDescriptions
        .map(({ fieldName, pendingIndexRows }) => `${fieldName} ${pendingIndexRows}`)
        .toSorted();
    };
    await until(async () => (await states()).join() === "count 0,other 0,vector 0");
    ok(
      await db.client.call(service.loadCollection, { collectionName, loadFields: ["id", "vector", "other", "count"] }),
    );
    await whenLoaded(db.client, collectionName);
    const near = searchFor(collectionName, [[0, 17, 0, 0]], { anns_field: "other", topk: "1" });
    ok(await db.client.call(service.search, near));

    assert.equal(await db.drop(collectionName, "other"), "");
    assert.equal(await db.drop(collectionName, "count"), "");
    assert.deepEqual(await states(), ["vector 0"]);
    const refused = await db.client.call(service.search, near);
    assert.match(refused.status!.reason, /fieldName\(other\) not found/);
    assert.equal(refused.status!.code, 1100);
    assert.equal(
      await db.drop(collectionName, "vector"),
      "cannot drop the last vector field: vector: invalid parameter",
    );
    const found = await db.client.call(service.search, searchFor(collectionName, [[17, 0, 0, 0]], { topk: "1" }));
    ok(found);
    assert.deepEqual(found.results!.ids!.idField.value!.data, [17n]);
    // What is asked for now is what is loaded.
    ok(await db.client.call(service.loadCollection, { collectionName, loadFields: ["id", "vector"] }));
    await db.reopen();
    ok(await db.client.call(service.loadCollection, { collectionName, loadFields: ["id", "vector"] }));
    await until(async () => (await states()).join() === "vector 0");
  });

  test("reads beside it see the field or are refused for its name, and nothing else happens", async () => {
    const collectionName = "beside";
    await db.created(collectionName, [COUNT]);
    await load(db.client, collectionName);
    const ids = Array.from({ length: 200 }, (_, at) => at);
    for (const part of [ids.slice(0, 100), ids.slice(100)]) {
      assert.equal(await db.put(collectionName, part, [named(part), int64s("count", part)]), 0);
      if (part[0] === 0) await db.flushed(collectionName);
    }
    const work = { isOver: false };
    const seen = new Set<string>();
    const reader = async (): Promise<void> => {
      while (!work.isOver) {
        const answer = await db.client.call(service.query, {
          collectionName,
          expr: "count >= 0",
          outputFields: ["count"],
          queryParams: params({ limit: "1000" }),
        });
        seen.add(answer.status!.reason);
        if (answer.status!.code === 0) assert.equal(values(answer.fieldsData.at(-1)).length, 200);
        const whole = await db.queried(collectionName, "id >= 0", ["*"]);
        assert.equal(whole.get("id")!.length, 200);
      }
    };
    const readers = [reader(), reader(), reader()];
    await until(async () => seen.has(""));
    assert.equal(await db.drop(collectionName, "count"), "");
    await until(async () => seen.size > 1);
    work.isOver = true;
    await Promise.all(readers);
    assert.deepEqual(
      [...seen].filter((reason) => reason !== "" && !reason.includes("field count not exist")),
      [],
    );
  });

  test("what may not go is refused in Milvus's words", async () => {
    const collectionName = "refusals";
    const zoned: FieldInit = { name: "until", dataType: DataType.Timestamptz, nullable: true };
    const parted: FieldInit = { name: "part", dataType: DataType.Int64, isPartitionKey: true };
    const clustered: FieldInit = { name: "cluster", dataType: DataType.Int64, isClusteringKey: true };
    await createQuick(db.client, collectionName, { fields: [zoned, parted, clustered] });
    const cases: [string | bigint, string][] = [
      ["", "field name is empty"],
      ["nothing", "field not found: nothing"],
      [999n, "field not found: 999"],
      ["RowID", "cannot drop system field: RowID"],
      ["id", "cannot drop primary key field: id"],
      ["part", "cannot drop partition key field: part"],
      ["cluster", "cannot drop clustering key field: cluster"],
      ["$meta", "cannot drop dynamic field: $meta, use AlterCollection to disable dynamic schema instead"],
      ["vector", "cannot drop the last vector field: vector"],
    ];
    for (const [name, reason] of cases) {
      assert.equal(await db.drop(collectionName, name), `${reason}: invalid parameter`);
    }
    const alter = (value: object) =>
      db.client.call(service.alterCollectionSchema, { collectionName, action: { op: value as never } });
    const reason = async (value: object): Promise<string> => (await alter(value)).alterStatus!.reason;
    const drop = (functionName: string) => ({
      case: "dropRequest",
      value: { identifier: { case: "functionName", value: functionName } },
    });
    assert.equal(await reason(drop("")), "function name is empty: invalid parameter");
    assert.equal(await reason(drop("bm25")), "function not found: bm25: invalid parameter");
    const nothing = await db.client.call(service.alterCollectionSchema, {
      collectionName: "nothing",
      action: { op: drop("x") as never },
    });
    assert.equal(nothing.alterStatus!.code, 100);
    assert.equal(
      await reason({ case: "addRequest", value: { funcSchema: [{ name: "f" }] } }),
      "functions are not supported yet: invalid parameter",
    );
    const added = await alter({
      case: "addRequest",
      value: {
        fieldInfos: [
          {
            fieldSchema: { ...COUNT, name: "one" },
            indexName: "first",
            extraParams: params({ index_type: "INVERTED" }),
          },
          { fieldSchema: { ...COUNT, name: "two" } },
        ],
      },
    });
    assert.equal(added.alterStatus!.reason, "");
    assert.deepEqual((await fields(collectionName)).slice(-2), [
      ["one", 106n],
      ["two", 107n],
    ]);
    const told = await db.client.call(service.describeIndex, { collectionName, indexName: "first" });
    assert.equal(told.indexDescriptions[0]!.fieldName, "one");
    // One that may not be added keeps the other out.
    assert.match(
      await reason({
        case: "addRequest",
        value: {
          fieldInfos: [{ fieldSchema: { ...COUNT, name: "three" } }, { fieldSchema: COUNT }, { fieldSchema: COUNT }],
        },
      }),
      /^duplicated field name count/,
    );
    assert.equal((await fields(collectionName)).length, 7);
  });
});
