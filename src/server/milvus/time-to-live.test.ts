import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { SystemRuntime } from "../../base/host/system.ts";
import { DataType } from "../../model/types.ts";
import { CompactionState, ConsistencyLevel } from "../wire/generated/common_pb.js";
import { FieldSchemaSchema } from "../wire/generated/schema_pb.js";
import type { FieldInit } from "./testing/evolving.ts";
import {
  type FieldDataInit,
  KEY,
  createQuick,
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
import { startServer } from "./testing/server.ts";
import { served } from "./testing/served.ts";

const UNTIL: FieldInit = { name: "until", dataType: DataType.Timestamptz, nullable: true };

function fieldBytes(field: FieldInit): Uint8Array {
  return toBinary(FieldSchemaSchema, create(FieldSchemaSchema, field));
}

/** Microseconds, or null. */
function timesOf(fieldName: string, values: readonly (bigint | null)[]): FieldDataInit {
  const data = values.filter((value) => value !== null);
  return {
    type: DataType.Timestamptz,
    fieldName,
    field: { case: "scalars", value: { data: { case: "timestamptzData", value: { data } } } },
    validData: values.map((value) => value !== null),
  };
}

/** A clock that can be put forward. */
class AheadRuntime extends SystemRuntime {
  aheadMilliseconds = 0;

  override now(): number {
    return super.now() + this.aheadMilliseconds;
  }
}

describe("rows that expire", () => {
  const runtime = new AheadRuntime();
  const db = served(() => startServer({}, 0, { runtime }));

  function pass(seconds: number): void {
    runtime.aheadMilliseconds += seconds * 1_000;
  }

  async function put(collectionName: string, ids: readonly number[]): Promise<void> {
    const fieldsData = [int64s("id", ids), vectors(ids.map((id) => [id, 0, 0, 0]))];
    ok(await db.client.call(service.insert, { collectionName, fieldsData, numRows: ids.length }));
  }

  async function alter(collectionName: string, seconds: string): Promise<string> {
    const properties = params({ "collection.ttl.seconds": seconds });
    return (await db.client.call(service.alterCollection, { collectionName, properties })).reason;
  }

  async function flushed(collectionName: string): Promise<void> {
    await flush(db.client, collectionName);
    await until(async () => (await db.server.proxy.loadedSegments()).size > 0);
  }

  /** What search, query, a query by key and a count say; they must all agree. */
  async function seen(collectionName: string, consistencyLevel = ConsistencyLevel.Strong): Promise<number[]> {
    const search = searchFor(
      collectionName,
      [[0, 0, 0, 0]],
      { topk: "100" },
      {
        consistencyLevel,
        useDefaultConsistency: false,
      },
    );
    const found = await db.client.call(service.search, search);
    ok(found);
    const ids = [...((found.results!.ids!.idField.value?.data ?? []) as bigint[])];
    const all = { collectionName, consistencyLevel };
    const asked = { ...all, outputFields: ["id"] };
    const data = (answer: { fieldsData: readonly { field: { value?: unknown } }[] }): bigint[] => [
      ...((answer.fieldsData[0]?.field.value as { data: { value: { data: bigint[] } } } | undefined)?.data.value.data ??
        []),
    ];
    const rows = await db.client.call(service.query, { ...asked, expr: "id >= 0" });
    ok(rows);
    assert.deepEqual(data(rows), ids);
    const byKey = await db.client.call(service.query, { ...asked, expr: "id in [1, 2, 3, 4, 5, 6, 7, 8, 9]" });
    ok(byKey);
    assert.deepEqual(data(byKey), ids);
    for (const expr of ["", "id >= 0"]) {
      const counted = await db.client.call(service.query, { ...all, expr, outputFields: ["count(*)"] });
      ok(counted);
      assert.deepEqual(data(counted), [BigInt(ids.length)]);
    }
    const summed = await db.client.call(service.query, {
      ...all,
      expr: "id >= 0",
      outputFields: ["sum(id)", "count(id)"],
    });
    ok(summed);
    const { field } = summed.fieldsData.find(({ fieldName }) => fieldName === "count(id)")!;
    assert.ok(field.case === "scalars" && field.value.data.case === "longData");
    assert.deepEqual(field.value.data.value.data, [BigInt(ids.length)]);
    return ids.map(Number);
  }

  test("vanish from every read when their time has come, growing and sealed", async () => {
    const collectionName = "both";
    await createQuick(db.client, collectionName);
    await load(db.client, collectionName);
    await put(collectionName, [1, 2]);
    pass(100);
    await put(collectionName, [3]);
    await flushed(collectionName);
    pass(100);
    await put(collectionName, [4]);
    pass(100);
    await put(collectionName, [5]);
    assert.deepEqual(await seen(collectionName), [1, 2, 3, 4, 5]);
    assert.equal(await alter(collectionName, "250"), "");
    assert.deepEqual(await seen(collectionName), [3, 4, 5]);
    pass(100);
    assert.deepEqual(await seen(collectionName), [4, 5]);
    // Nothing is written meanwhile, and the reader does not ask for what is newest.
    pass(100);
    assert.deepEqual(await seen(collectionName, ConsistencyLevel.Eventually), [5]);
    // A longer life brings back what is still there: no row is deleted, only old.
    assert.equal(await alter(collectionName, "450"), "");
    assert.deepEqual(await seen(collectionName), [3, 4, 5]);
    for (const off of ["0", "-1"]) {
      assert.equal(await alter(collectionName, "250"), "");
      assert.deepEqual(await seen(collectionName), [5]);
      assert.equal(await alter(collectionName, off), "");
      assert.deepEqual(await seen(collectionName), [1, 2, 3, 4, 5]);
    }
    assert.equal(await alter(collectionName, "250"), "");
    const deleteKeys = ["collection.ttl.seconds"];
    ok(await db.client.call(service.alterCollection, { collectionName, deleteKeys }));
    assert.deepEqual(await seen(collectionName), [1, 2, 3, 4, 5]);
  });

  test("a collection can be made with it; a row written again lives again", async () => {
    const collectionName = "made";
    const schema = schemaBytes({ name: collectionName, fields: [KEY, vectorField()] });
    const properties = params({ "collection.ttl.seconds": "60" });
    ok(await db.client.call(service.createCollection, { collectionName, schema, shardsNum: 2, properties }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await db.client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
    await load(db.client, collectionName);
    await put(collectionName, [1, 2, 3, 4]);
    pass(40);
    const fieldsData = [int64s("id", [2]), vectors([[2, 0, 0, 0]])];
    ok(await db.client.call(service.upsert, { collectionName, fieldsData, numRows: 1 }));
    assert.deepEqual(await seen(collectionName), [1, 2, 3, 4]);
    pass(40);
    assert.deepEqual(await seen(collectionName), [2]);
    pass(40);
    assert.deepEqual(await seen(collectionName), []);
    const told = await db.client.call(service.describeCollection, { collectionName });
    assert.deepEqual(
      told.properties.map(({ key, value }) => [key, value]),
      [["collection.ttl.seconds", "60"]],
    );
  });

  test("by a field of their own: each at its time, growing and sealed, until they are gone for good", async () => {
    const collectionName = "own";
    const fields = [KEY, vectorField(), UNTIL, { ...UNTIL, name: "other" }];
    const schema = schemaBytes({ name: collectionName, fields });
    const properties = params({ ttl_field: "until" });
    ok(await db.client.call(service.createCollection, { collectionName, schema, shardsNum: 2, properties }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await db.client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
    // What is not loaded counts all the same.
    ok(await db.client.call(service.loadCollection, { collectionName, loadFields: ["id", "vector"] }));
    await load(db.client, collectionName).catch(() => undefined);
    const start = runtime.now();
    const inSeconds = (seconds: number | null): bigint | null =>
      seconds === null ? null : BigInt(start + seconds * 1_000) * 1_000n;
    const write = async (
      method: "insert" | "upsert",
      rows: readonly (readonly [number, number | null, number | null])[],
    ): Promise<void> => {
      const ids = rows.map(([id]) => id);
      const column = (name: string, at: 1 | 2) =>
        timesOf(
          name,
          rows.map((row) => inSeconds(row[at])),
        );
      const fieldsData = [
        int64s("id", ids),
        vectors(ids.map((id) => [id, 0, 0, 0])),
        column("until", 1),
        column("other", 2),
      ];
      ok(await db.client.call(service[method], { collectionName, fieldsData, numRows: ids.length }));
    };
    const never = -4_000_000_000;
    await write("insert", [
      [1, 100, 5_000],
      [2, 200, null],
      [3, null, 50],
      [4, never, never],
    ]);
    await flushed(collectionName);
    await write("insert", [
      [5, 100, null],
      [6, 300, 5_000],
      [7, null, never],
    ]);
    assert.deepEqual(await seen(collectionName), [1, 2, 3, 5, 6, 7]);
    pass(150);
    assert.deepEqual(await seen(collectionName), [2, 3, 6, 7]);
    // Nothing is written meanwhile, and the reader does not ask for what is newest.
    pass(100);
    assert.deepEqual(await seen(collectionName, ConsistencyLevel.Eventually), [3, 6, 7]);
    // It says so itself, and what it says can change.
    await write("upsert", [
      [1, 100_000, 5_000],
      [6, 10, null],
    ]);
    assert.deepEqual(await seen(collectionName), [1, 3, 7]);
    const set = async (field: string): Promise<void> =>
      ok(await db.client.call(service.alterCollection, { collectionName, properties: params({ ttl_field: field }) }));
    await set("other");
    assert.deepEqual(await seen(collectionName), [1, 2, 5, 6]);
    const deleteKeys = ["ttl_field"];
    ok(await db.client.call(service.alterCollection, { collectionName, deleteKeys }));
    // What had expired before anybody could read as of then may be gone by now.
    const all = (await seen(collectionName)).filter((id) => id !== 4);
    assert.deepEqual(all, [1, 2, 3, 5, 6, 7]);
    await set("until");
    assert.deepEqual(await seen(collectionName), [1, 3, 7]);
    await flushed(collectionName);
    assert.deepEqual(await seen(collectionName), [1, 3, 7]);
    pass(10_000);
    const rows = (): Promise<number> => db.server.proxy.rowCount({ databaseName: "", collectionName });
    const { compactionID } = await db.client.call(service.manualCompaction, { collectionName });
    await until(async () => {
      const { state } = await db.client.call(service.getCompactionState, { compactionID });
      return state === CompactionState.Completed;
    });
    assert.equal(await rows(), 3);
    assert.deepEqual(await seen(collectionName), [1, 3, 7]);
    ok(await db.client.call(service.alterCollection, { collectionName, deleteKeys }));
    assert.deepEqual(await seen(collectionName), [1, 3, 7]);
  });

  test("a time that is none is refused", async () => {
    const collectionName = "refused";
    await createQuick(db.client, collectionName);
    for (const value of ["-2", "3155760001", "1.5", "soon", ""]) {
      const reason = /^-?\d+$/.test(value)
        ? `collection TTL is out of range, expect [-1, 3155760000], got ${value}`
        : "collection TTL is not a valid positive integer";
      assert.ok((await alter(collectionName, value)).startsWith(reason), value);
      const schema = schemaBytes({ name: "other", fields: [KEY, vectorField()] });
      const properties = params({ "collection.ttl.seconds": value });
      const made = await db.client.call(service.createCollection, { collectionName: "other", schema, properties });
      assert.equal(made.code, 1100);
    }
    assert.equal(await alter(collectionName, "3155760000"), "");
    const byField = async (field: string, more: Record<string, string> = {}): Promise<string> => {
      const properties = params({ ttl_field: field, ...more });
      return (await db.client.call(service.alterCollection, { collectionName, properties })).reason;
    };
    ok(await db.client.call(service.addCollectionField, { collectionName, schema: fieldBytes(UNTIL) }));
    assert.match(await byField("until"), /^collection TTL is already set, cannot be set ttl field/);
    const both = { "collection.ttl.seconds": "1" };
    assert.match(await byField("until", both), /^collection TTL and ttl field cannot be set at the same time/);
    const deleteKeys = ["collection.ttl.seconds"];
    ok(await db.client.call(service.alterCollection, { collectionName, deleteKeys }));
    assert.match(await byField("nothing"), /^ttl field name nothing not found in schema/);
    assert.match(await byField("id"), /^ttl field must be timestamptz, field name = id/);
    assert.equal(await byField("until"), "");
    assert.match(await alter(collectionName, "5"), /^ttl field is already exists, cannot be set collection TTL/);
    const properties = params({ ttl_field: "until", "collection.ttl.seconds": "5" });
    const schema = schemaBytes({ name: "other", fields: [KEY, vectorField(), UNTIL] });
    const made = await db.client.call(service.createCollection, { collectionName: "other", schema, properties });
    assert.match(made.reason, /^collection TTL and ttl field cannot be set at the same time/);
    const identifier = { case: "fieldName" as const, value: "until" };
    const action = { op: { case: "dropRequest" as const, value: { identifier } } };
    const dropped = await db.client.call(service.alterCollectionSchema, { collectionName, action });
    assert.equal(
      dropped.alterStatus!.reason,
      "cannot drop field until because it is referenced by collection property ttl_field, drop the property first: invalid parameter",
    );
  });
});
