import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { DataType } from "../../model/types.ts";
import { FieldSchemaSchema } from "../wire/generated/schema_pb.js";
import { EvolvingServer, type FieldInit, named, values } from "./testing/evolving.ts";
import {
  createQuick,
  dynamic,
  int64s,
  load,
  ok,
  params,
  searchFor,
  service,
  textField,
  texts,
  until,
  vectorField,
} from "./testing/messages.ts";

describe("fields that come later", () => {
  const db = new EvolvingServer();
  before(() => db.start());
  after(() => db.end());

  const INT: FieldInit = { name: "count", dataType: DataType.Int64, nullable: true };
  const WITH_DEFAULT: FieldInit = {
    ...textField("colour", 10),
    nullable: true,
    defaultValue: { data: { case: "stringData", value: "blue" } },
  };

  test("rows from before have the default or null: in memory, in files, and in both", async () => {
    const collectionName = "before";
    await db.created(collectionName);
    await load(db.client, collectionName);
    assert.equal(await db.put(collectionName, [1, 2, 3, 4], [named([1, 2, 3, 4])]), 0);
    await db.flushed(collectionName);
    assert.equal(await db.put(collectionName, [5, 6], [named([5, 6])]), 0);
    assert.equal(await db.add(collectionName, INT), "");
    assert.equal(await db.add(collectionName, WITH_DEFAULT), "");
    assert.equal(
      await db.put(collectionName, [7, 8], [named([7, 8]), int64s("count", [70, 80]), texts("colour", ["red", "red"])]),
      0,
    );

    const check = async (): Promise<void> => {
      const all = await db.queried(collectionName, "id > 0", ["*"]);
      assert.deepEqual(all.get("id"), [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]);
      assert.deepEqual(all.get("count"), [null, null, null, null, null, null, 70n, 80n]);
      assert.deepEqual(all.get("colour"), ["blue", "blue", "blue", "blue", "blue", "blue", "red", "red"]);
      assert.deepEqual((await db.queried(collectionName, "count is null", ["id"])).get("id"), [1n, 2n, 3n, 4n, 5n, 6n]);
      assert.deepEqual((await db.queried(collectionName, "count > 70", ["id"])).get("id"), [8n]);
      assert.deepEqual((await db.queried(collectionName, 'colour == "red"', ["id"])).get("id"), [7n, 8n]);
      const search = searchFor(collectionName, [[5.4, 0, 0, 0]], { topk: "3" }, { outputFields: ["count", "colour"] });
      const found = await db.client.call(service.search, search);
      ok(found);
      assert.deepEqual(found.results!.ids!.idField.value!.data, [5n, 6n, 4n]);
      assert.deepEqual(found.results!.fieldsData.map(values), [
        [null, null, null],
        ["blue", "blue", "blue"],
      ]);
    };
    await check();
    // Out of the log, with some of the rows in files.
    await db.reopen();
    await load(db.client, collectionName);
    await check();
    await db.flushed(collectionName);
    await check();
    // Out of files alone, some of which do not have the fields.
    await db.reopen();
    await load(db.client, collectionName);
    await check();
  });

  test("a change closes what grows with the schema before, in its own record", async () => {
    const collectionName = "closes";
    await db.created(collectionName);
    assert.equal(await db.put(collectionName, [1, 2, 3, 4], [named([1, 2, 3, 4])]), 0);
    assert.notDeepEqual(await db.growing(collectionName), []);
    assert.equal(await db.add(collectionName, INT), "");
    await until(async () => (await db.growing(collectionName)).length === 0);
    const { collection } = await db.server.proxy.describe({ databaseName: "", collectionName });
    const before = await db.server.proxy.flushedSegments(collection);
    assert.equal(
      before.reduce((rows, { rowCount }) => rows + rowCount, 0),
      4,
    );
    // A change of something else closes nothing.
    assert.equal(await db.put(collectionName, [5], [named([5]), int64s("count", [5])]), 0);
    ok(await db.client.call(service.alterCollection, { collectionName, properties: params({ "x.y": "1" }) }));
    assert.deepEqual(await db.growing(collectionName), [1]);
  });

  test("a client that knows the schema before is told so, and its second try works", async () => {
    const collectionName = "stale";
    await db.created(collectionName);
    await load(db.client, collectionName);
    const known = await db.client.call(service.describeCollection, { collectionName });
    assert.equal(await db.put(collectionName, [1], [named([1])], known.updateTimestamp), 0);
    assert.equal(await db.add(collectionName, INT), "");
    assert.equal(await db.put(collectionName, [2], [named([2])], known.updateTimestamp), 109);
    const now = await db.client.call(service.describeCollection, { collectionName });
    assert.equal(await db.put(collectionName, [2], [named([2])], now.updateTimestamp), 0);
    assert.deepEqual((await db.queried(collectionName, "id > 0", ["count"])).get("count"), [null, null]);
  });

  test("ids are given in order and told back, `$meta` stays hidden", async () => {
    const collectionName = "numbers";
    await createQuick(db.client, collectionName);
    assert.equal(await db.add(collectionName, INT), "");
    assert.equal(await db.add(collectionName, WITH_DEFAULT), "");
    const told = await db.client.call(service.describeCollection, { collectionName });
    assert.deepEqual(
      told.schema!.fields.map(({ name, fieldID, nullable }) => [name, fieldID, nullable]),
      [
        ["id", 100n, false],
        ["vector", 101n, false],
        ["count", 103n, true],
        ["colour", 104n, true],
      ],
    );
    assert.deepEqual(told.schema!.fields[3]!.defaultValue!.data, { case: "stringData", value: "blue" });
  });

  test("a default time is a text, or microseconds since 1970", async () => {
    const collectionName = "times";
    await db.created(collectionName);
    await load(db.client, collectionName);
    assert.equal(await db.put(collectionName, [1], [named([1])]), 0);
    const time = (name: string, data: NonNullable<FieldInit["defaultValue"]>["data"]): FieldInit => {
      return { name, dataType: DataType.Timestamptz, nullable: true, defaultValue: { data } };
    };
    const micros = BigInt(Date.parse("2020-02-29T00:00:00.250Z")) * 1000n + 1n;
    assert.equal(await db.add(collectionName, time("a", { case: "timestamptzData", value: micros })), "");
    assert.equal(
      await db.add(collectionName, time("b", { case: "stringData", value: "2020-02-29T08:00:00+08:00" })),
      "",
    );
    assert.equal(
      await db.add(collectionName, time("c", { case: "timestamptzData", value: 2n ** 62n })),
      "default value out of range: invalid parameter",
    );
    assert.equal(
      await db.add(collectionName, { ...INT, defaultValue: { data: { case: "timestamptzData", value: 1n } } }),
      "type (Int64) of field (count) is not equal to the type(DataType_Timestamptz) of default_value: invalid parameter",
    );
    const told = await db.client.call(service.describeCollection, { collectionName });
    const shown = ["2020-02-29T00:00:00.250001Z", "2020-02-29T00:00:00Z"];
    assert.deepEqual(
      told.schema!.fields.flatMap(({ defaultValue }) => defaultValue?.data.value ?? []),
      shown,
    );
    const all = await db.queried(collectionName, "id == 1", ["a", "b"]);
    assert.deepEqual([all.get("a"), all.get("b")], [[shown[0]], [shown[1]]]);
  });

  test("keys that are not declared can be allowed later", async () => {
    const collectionName = "dynamic";
    await db.created(collectionName);
    await load(db.client, collectionName);
    assert.equal(await db.put(collectionName, [1], [named([1])]), 0);
    const alter = async (value: string): Promise<string> =>
      (
        await db.client.call(service.alterCollection, {
          collectionName,
          properties: params({ "dynamicfield.enabled": value }),
        })
      ).reason;
    assert.equal(await alter("perhaps"), "invalid dynamic schema property value: perhaps: invalid parameter");
    assert.equal(await alter("true"), "");
    assert.equal(await alter("true"), "");
    const told = await db.client.call(service.describeCollection, { collectionName });
    assert.equal(told.schema!.enableDynamicField, true);
    assert.equal(await db.put(collectionName, [2], [named([2]), dynamic([{ size: 3 }])]), 0);
    assert.deepEqual((await db.queried(collectionName, "size == 3", ["id"])).get("id"), [2n]);
    assert.equal(await db.add(collectionName, INT), "");
    assert.deepEqual((await db.queried(collectionName, "size == 3", ["id"])).get("id"), [2n]);
    const refused = await db.client.call(service.alterCollection, {
      collectionName,
      deleteKeys: ["dynamicfield.enabled"],
    });
    assert.match(refused.reason, /^cannot delete key dynamicfield.enabled/);
    // Switched off, the keys are gone; switched on again, there are none.
    assert.equal(await alter("false"), "");
    assert.equal(await alter("false"), "");
    const off = await db.client.call(service.describeCollection, { collectionName });
    assert.equal(off.schema!.enableDynamicField, false);
    const unknown = await db.client.call(service.query, { collectionName, expr: "size == 3" });
    assert.match(unknown.status!.reason, /field size not exist/);
    assert.equal(await db.put(collectionName, [3], [named([3])]), 0);
    assert.equal(await alter("true"), "");
    assert.equal(await db.put(collectionName, [4], [named([4]), dynamic([{ size: 4 }])]), 0);
    assert.deepEqual((await db.queried(collectionName, "size > 0", ["id"])).get("id"), [4n]);
    assert.deepEqual((await db.queried(collectionName, "id > 0", ["id"])).get("id"), [1n, 2n, 3n, 4n]);
  });

  test("a default that would fill the memory of the rows from before is refused", async () => {
    const collectionName = "large";
    await createQuick(db.client, collectionName);
    const ids = Array.from({ length: 20_000 }, (_, at) => at);
    assert.equal(await db.put(collectionName, ids), 0);
    const text = "x".repeat(60_000);
    const field: FieldInit = {
      ...textField("text", 65_535),
      nullable: true,
      defaultValue: { data: { case: "stringData", value: text } },
    };
    const refusal = /^a default value of 60000 bytes is too large for a segment that has 20000 rows already/;
    assert.match(await db.add(collectionName, field), refusal);
    await db.flushed(collectionName);
    assert.match(await db.add(collectionName, field), refusal);
    ok(await db.client.call(service.truncateCollection, { collectionName }));
    assert.equal(await db.add(collectionName, field), "");
  });

  test("what cannot be added is refused in Milvus's words", async () => {
    const collectionName = "refusals";
    await createQuick(db.client, collectionName, { fields: [textField("name", 20)] });
    const cases: [FieldInit, string][] = [
      [{ ...INT, nullable: false }, "added field must be nullable, please check it, field name = count"],
      [{ ...INT, isPrimaryKey: true }, "not support to add pk field, field name = count"],
      [{ ...INT, isPartitionKey: true }, "not support to add partition key field, field name  = count"],
      [{ ...INT, autoID: true }, "only primary field can speficy AutoID with true, field name = count"],
      [vectorField(4, "other"), "added field must be nullable, please check it, field name = other"],
      [{ ...INT, name: "$meta" }, "not support to add system field, field name = $meta"],
      [{ ...INT, name: "name" }, "duplicated field name name"],
      [
        { name: "text", dataType: DataType.VarChar, nullable: true },
        "type param(max_length) should be specified for the field(text) of collection refusals",
      ],
      [
        { ...INT, defaultValue: { data: { case: "stringData", value: "x" } } },
        "type (Int64) of field (count) is not equal to the type(DataType_VarChar) of default_value",
      ],
    ];
    for (const [field, reason] of cases) {
      assert.equal(await db.add(collectionName, field), `${reason}: invalid parameter`);
    }
    assert.match(await db.add(collectionName, { ...INT, name: "1x" }), /^Invalid field name: 1x/);
    const absent = await db.client.call(service.addCollectionField, {
      collectionName: "nothing",
      schema: toBinary(FieldSchemaSchema, create(FieldSchemaSchema, INT)),
    });
    assert.equal(absent.code, 100);
    const damaged = await db.client.call(service.addCollectionField, {
      collectionName,
      schema: Uint8Array.of(0xff, 0xff, 0xff),
    });
    assert.equal(damaged.code, 1100);
    const names = Array.from({ length: 61 }, (_, at) => `f${at}`);
    for (const name of names) assert.equal(await db.add(collectionName, { ...INT, name }), "");
    assert.equal(
      await db.add(collectionName, INT),
      "The number of fields has reached the maximum value 64: invalid parameter",
    );
  });

  test("rows that come while fields are added are all there, each with what it was sent with", async () => {
    const collectionName = "meanwhile";
    await db.created(collectionName);
    await load(db.client, collectionName);
    const work = { isOver: false };
    const sent: number[] = [];
    const writer = async (first: number): Promise<void> => {
      for (let id = first; !work.isOver; id += 2) {
        assert.equal(await db.put(collectionName, [id], [named([id])]), 0);
        sent.push(id);
      }
    };
    const writers = [writer(1), writer(2)];
    for (let at = 0; at < 8; at += 1) {
      assert.equal(await db.add(collectionName, { ...INT, name: `f${at}` }), "");
      const told = await db.queried(collectionName, `f${at} is not null`, ["id"]);
      assert.deepEqual(told.get("id") ?? [], []);
    }
    work.isOver = true;
    await Promise.all(writers);
    const ids = sent.toSorted((left, right) => left - right).map(BigInt);
    const check = async (): Promise<void> => {
      const all = await db.queried(collectionName, "f0 is null and f7 is null", ["name"]);
      assert.deepEqual(all.get("id"), ids);
      assert.deepEqual(
        all.get("name"),
        ids.map((id) => `n${id}`),
      );
    };
    await check();
    await db.reopen();
    await load(db.client, collectionName);
    await check();
  });
});
