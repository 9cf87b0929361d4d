import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import { DataType } from "../../model/types.ts";
import { ConsistencyLevel } from "../wire/generated/common_pb.js";
import { type FieldData, type FieldSchema, FieldSchemaSchema } from "../wire/generated/schema_pb.js";
import {
  type FieldDataInit,
  KEY,
  createQuick,
  dynamic,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  textField,
  texts,
  until,
  vectorField,
  vectors,
} from "./testing/messages.ts";
import { type Running, TestClient, startServer } from "./testing/server.ts";

type FieldInit = Exclude<MessageInitShape<typeof FieldSchemaSchema>, FieldSchema>;

function fieldBytes(init: FieldInit): Uint8Array {
  return toBinary(FieldSchemaSchema, create(FieldSchemaSchema, init));
}

/** Values of a column, null where there are none. */
function values(field: FieldData | undefined): unknown[] {
  assert.ok(field?.field.case === "scalars");
  const data = [...(field.field.value.data.value as { data: Iterable<unknown> }).data];
  return data.map((value, at) => (field.validData.length === 0 || field.validData[at] ? value : null));
}

describe("fields that come later", () => {
  const directory = mkdtempSync(join(tmpdir(), "elanus-added-fields-"));
  let server: Running;
  let client: TestClient;

  before(async () => {
    server = await startServer({}, 0, { directory });
    client = new TestClient(server.port);
  });

  after(async () => {
    client.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
    assert.deepEqual(server.faults, []);
  });

  async function reopen(): Promise<void> {
    client.close();
    await server.close();
    assert.deepEqual(server.faults, []);
    server = await startServer({}, 0, { directory });
    client = new TestClient(server.port);
  }

  async function put(
    collectionName: string,
    ids: readonly number[],
    more: readonly FieldDataInit[] = [],
    schemaTimestamp = 0n,
  ): Promise<number> {
    const fieldsData = [int64s("id", ids), vectors(ids.map((id) => [id, 0, 0, 0])), ...more];
    const request = { collectionName, fieldsData, numRows: ids.length, schemaTimestamp };
    return (await client.call(service.insert, request)).status!.code;
  }

  async function add(collectionName: string, field: FieldInit): Promise<string> {
    return (await client.call(service.addCollectionField, { collectionName, schema: fieldBytes(field) })).reason;
  }

  async function queried(
    collectionName: string,
    expr: string,
    outputFields: string[],
  ): Promise<Map<string, unknown[]>> {
    const answer = await client.call(service.query, {
      collectionName,
      expr,
      outputFields,
      consistencyLevel: ConsistencyLevel.Strong,
      queryParams: params({ limit: "1000" }),
    });
    ok(answer);
    const scalars = answer.fieldsData.filter(({ field }) => field.case === "scalars");
    return new Map(scalars.map((field) => [field.fieldName, values(field)]));
  }

  async function flushed(collectionName: string): Promise<void> {
    const answer = await client.call(service.flush, { collectionNames: [collectionName] });
    ok(answer);
    const segmentIDs = answer.collSegIDs[collectionName]!.data;
    const flushTs = answer.collFlushTs[collectionName]!;
    await until(
      async () => (await client.call(service.getFlushState, { collectionName, segmentIDs, flushTs })).flushed,
    );
  }

  async function growing(collectionName: string): Promise<number[]> {
    const { collection } = await server.proxy.describe({ databaseName: "", collectionName });
    return (await server.proxy.growingSegments(collection)).map(({ rowCount }) => rowCount).filter((rows) => rows > 0);
  }

  async function created(collectionName: string): Promise<void> {
    const schema = schemaBytes({ name: collectionName, fields: [KEY, vectorField(), textField("name", 20)] });
    const consistencyLevel = ConsistencyLevel.Strong;
    ok(await client.call(service.createCollection, { collectionName, schema, shardsNum: 2, consistencyLevel }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
  }

  const named = (ids: readonly number[]): FieldDataInit =>
    texts(
      "name",
      ids.map((id) => `n${id}`),
    );
  const INT: FieldInit = { name: "count", dataType: DataType.Int64, nullable: true };
  const WITH_DEFAULT: FieldInit = {
    ...textField("colour", 10),
    nullable: true,
    defaultValue: { data: { case: "stringData", value: "blue" } },
  };

  test("rows from before have the default or null: in memory, in files, and in both", async () => {
    const collectionName = "before";
    await created(collectionName);
    await load(client, collectionName);
    assert.equal(await put(collectionName, [1, 2, 3, 4], [named([1, 2, 3, 4])]), 0);
    await flushed(collectionName);
    assert.equal(await put(collectionName, [5, 6], [named([5, 6])]), 0);
    assert.equal(await add(collectionName, INT), "");
    assert.equal(await add(collectionName, WITH_DEFAULT), "");
    assert.equal(
      await put(collectionName, [7, 8], [named([7, 8]), int64s("count", [70, 80]), texts("colour", ["red", "red"])]),
      0,
    );

    const check = async (): Promise<void> => {
      const all = await queried(collectionName, "id > 0", ["*"]);
      assert.deepEqual(all.get("id"), [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]);
      assert.deepEqual(all.get("count"), [null, null, null, null, null, null, 70n, 80n]);
      assert.deepEqual(all.get("colour"), ["blue", "blue", "blue", "blue", "blue", "blue", "red", "red"]);
      assert.deepEqual((await queried(collectionName, "count is null", ["id"])).get("id"), [1n, 2n, 3n, 4n, 5n, 6n]);
      assert.deepEqual((await queried(collectionName, "count > 70", ["id"])).get("id"), [8n]);
      assert.deepEqual((await queried(collectionName, 'colour == "red"', ["id"])).get("id"), [7n, 8n]);
      const search = searchFor(collectionName, [[5.4, 0, 0, 0]], { topk: "3" }, { outputFields: ["count", "colour"] });
      const found = await client.call(service.search, search);
      ok(found);
      assert.deepEqual(found.results!.ids!.idField.value!.data, [5n, 6n, 4n]);
      assert.deepEqual(found.results!.fieldsData.map(values), [
        [null, null, null],
        ["blue", "blue", "blue"],
      ]);
    };
    await check();
    // Out of the log, with some of the rows in files.
    await reopen();
    await load(client, collectionName);
    await check();
    await flushed(collectionName);
    await check();
    // Out of files alone, some of which do not have the fields.
    await reopen();
    await load(client, collectionName);
    await check();
  });

  test("a change closes what grows with the schema before, in its own record", async () => {
    const collectionName = "closes";
    await created(collectionName);
    assert.equal(await put(collectionName, [1, 2, 3, 4], [named([1, 2, 3, 4])]), 0);
    assert.notDeepEqual(await growing(collectionName), []);
    assert.equal(await add(collectionName, INT), "");
    await until(async () => (await growing(collectionName)).length === 0);
    const { collection } = await server.proxy.describe({ databaseName: "", collectionName });
    const before = await server.proxy.flushedSegments(collection);
    assert.equal(
      before.reduce((rows, { rowCount }) => rows + rowCount, 0),
      4,
    );
    // A change of something else closes nothing.
    assert.equal(await put(collectionName, [5], [named([5]), int64s("count", [5])]), 0);
    ok(await client.call(service.alterCollection, { collectionName, properties: params({ "x.y": "1" }) }));
    assert.deepEqual(await growing(collectionName), [1]);
  });

  test("a client that knows the schema before is told so, and its second try works", async () => {
    const collectionName = "stale";
    await created(collectionName);
    await load(client, collectionName);
    const known = await client.call(service.describeCollection, { collectionName });
    assert.equal(await put(collectionName, [1], [named([1])], known.updateTimestamp), 0);
    assert.equal(await add(collectionName, INT), "");
    assert.equal(await put(collectionName, [2], [named([2])], known.updateTimestamp), 109);
    const now = await client.call(service.describeCollection, { collectionName });
    assert.equal(await put(collectionName, [2], [named([2])], now.updateTimestamp), 0);
    assert.deepEqual((await queried(collectionName, "id > 0", ["count"])).get("count"), [null, null]);
  });

  test("ids are given in order and told back, `$meta` stays hidden", async () => {
    const collectionName = "numbers";
    await createQuick(client, collectionName);
    assert.equal(await add(collectionName, INT), "");
    assert.equal(await add(collectionName, WITH_DEFAULT), "");
    const told = await client.call(service.describeCollection, { collectionName });
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

  test("keys that are not declared can be allowed later", async () => {
    const collectionName = "dynamic";
    await created(collectionName);
    await load(client, collectionName);
    assert.equal(await put(collectionName, [1], [named([1])]), 0);
    const alter = async (value: string): Promise<string> =>
      (
        await client.call(service.alterCollection, {
          collectionName,
          properties: params({ "dynamicfield.enabled": value }),
        })
      ).reason;
    assert.equal(await alter("perhaps"), "invalid dynamic schema property value: perhaps: invalid parameter");
    assert.equal(await alter("true"), "");
    assert.equal(await alter("true"), "");
    assert.match(await alter("false"), /dynamic schema cannot supported to be disabled/);
    const told = await client.call(service.describeCollection, { collectionName });
    assert.equal(told.schema!.enableDynamicField, true);
    assert.equal(await put(collectionName, [2], [named([2]), dynamic([{ size: 3 }])]), 0);
    assert.deepEqual((await queried(collectionName, "size == 3", ["id"])).get("id"), [2n]);
    assert.equal(await add(collectionName, INT), "");
    assert.deepEqual((await queried(collectionName, "size == 3", ["id"])).get("id"), [2n]);
    const refused = await client.call(service.alterCollection, {
      collectionName,
      deleteKeys: ["dynamicfield.enabled"],
    });
    assert.match(refused.reason, /^cannot delete key dynamicfield.enabled/);
  });

  test("a default that would fill the memory of the rows from before is refused", async () => {
    const collectionName = "large";
    await createQuick(client, collectionName);
    const ids = Array.from({ length: 20_000 }, (_, at) => at);
    assert.equal(await put(collectionName, ids), 0);
    const text = "x".repeat(60_000);
    const field: FieldInit = {
      ...textField("text", 65_535),
      nullable: true,
      defaultValue: { data: { case: "stringData", value: text } },
    };
    const refusal = /^a default value of 60000 bytes is too large for a segment that has 20000 rows already/;
    assert.match(await add(collectionName, field), refusal);
    await flushed(collectionName);
    assert.match(await add(collectionName, field), refusal);
    ok(await client.call(service.truncateCollection, { collectionName }));
    assert.equal(await add(collectionName, field), "");
  });

  test("what cannot be added is refused in Milvus's words", async () => {
    const collectionName = "refusals";
    await createQuick(client, collectionName, { fields: [textField("name", 20)] });
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
      assert.equal(await add(collectionName, field), `${reason}: invalid parameter`);
    }
    assert.match(await add(collectionName, { ...INT, name: "1x" }), /^Invalid field name: 1x/);
    const absent = await client.call(service.addCollectionField, {
      collectionName: "nothing",
      schema: fieldBytes(INT),
    });
    assert.equal(absent.code, 100);
    const damaged = await client.call(service.addCollectionField, {
      collectionName,
      schema: Uint8Array.of(0xff, 0xff, 0xff),
    });
    assert.equal(damaged.code, 1100);
    const names = Array.from({ length: 61 }, (_, at) => `f${at}`);
    for (const name of names) assert.equal(await add(collectionName, { ...INT, name }), "");
    assert.equal(
      await add(collectionName, INT),
      "The number of fields has reached the maximum value 64: invalid parameter",
    );
  });

  test("rows that come while fields are added are all there, each with what it was sent with", async () => {
    const collectionName = "meanwhile";
    await created(collectionName);
    await load(client, collectionName);
    const work = { isOver: false };
    const sent: number[] = [];
    const writer = async (first: number): Promise<void> => {
      for (let id = first; !work.isOver; id += 2) {
        assert.equal(await put(collectionName, [id], [named([id])]), 0);
        sent.push(id);
      }
    };
    const writers = [writer(1), writer(2)];
    for (let at = 0; at < 8; at += 1) {
      assert.equal(await add(collectionName, { ...INT, name: `f${at}` }), "");
      const told = await queried(collectionName, `f${at} is not null`, ["id"]);
      assert.deepEqual(told.get("id") ?? [], []);
    }
    work.isOver = true;
    await Promise.all(writers);
    const ids = sent.toSorted((left, right) => left - right).map(BigInt);
    const check = async (): Promise<void> => {
      const all = await queried(collectionName, "f0 is null and f7 is null", ["name"]);
      assert.deepEqual(all.get("id"), ids);
      assert.deepEqual(
        all.get("name"),
        ids.map((id) => `n${id}`),
      );
    };
    await check();
    await reopen();
    await load(client, collectionName);
    await check();
  });
});
