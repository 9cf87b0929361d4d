import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { DataType } from "../../model/types.ts";
import type { FieldData } from "../wire/generated/schema_pb.js";
import {
  type FieldDataInit,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  textField,
  texts,
  vectorField,
  vectors,
  until,
} from "./testing/messages.ts";
import { served } from "./testing/served.ts";

const collectionName = "every_type";

type Scalars = Extract<FieldData["field"], { case: "scalars" }>["value"]["data"];
type ScalarCase = Exclude<Scalars["case"], undefined>;

function scalars(
  type: number,
  fieldName: string,
  kind: ScalarCase,
  data: readonly unknown[],
  validData: boolean[] = [],
): FieldDataInit {
  const value = { data: { case: kind, value: { data: [...data] } } };
  return { type, fieldName, validData, field: { case: "scalars", value } } as unknown as FieldDataInit;
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe("columns of every type", () => {
  const db = served();

  before(async () => {
    const schema = schemaBytes({
      name: collectionName,
      description: "one field of each type",
      fields: [
        { ...textField("key", 32), isPrimaryKey: true, description: "the key" },
        vectorField(2),
        { name: "yes", dataType: DataType.Bool },
        { name: "i8", dataType: DataType.Int8 },
        { name: "i16", dataType: DataType.Int16 },
        { name: "i32", dataType: DataType.Int32, nullable: true },
        { name: "f", dataType: DataType.Float },
        { name: "d", dataType: DataType.Double, defaultValue: { data: { case: "doubleData", value: 2.5 } } },
        { name: "doc", dataType: DataType.JSON },
        {
          ...textField("kind", 16),
          defaultValue: { data: { case: "stringData", value: "plain" } },
        },
      ],
    });
    ok(await db.client.call(service.createCollection, { collectionName, schema, shardsNum: 2, consistencyLevel: 0 }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await db.client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
    await load(db.client, collectionName);
  });

  test("come back as they were declared", async () => {
    const { schema, shardsNum, virtualChannelNames } = await db.client.call(service.describeCollection, {
      collectionName,
    });
    assert.equal(schema!.description, "one field of each type");
    assert.equal(schema!.fields[0]!.description, "the key");
    assert.equal(shardsNum, 2);
    assert.equal(virtualChannelNames.length, 2);
    const byName = new Map(schema!.fields.map((field) => [field.name, field]));
    assert.deepEqual(byName.get("d")!.defaultValue!.data, { case: "doubleData", value: 2.5 });
    assert.deepEqual(byName.get("kind")!.defaultValue!.data, { case: "stringData", value: "plain" });
    assert.equal(byName.get("i32")!.nullable, true);
    assert.equal(byName.get("key")!.isPrimaryKey, true);
    assert.deepEqual(
      schema!.fields.map(({ fieldID }) => fieldID),
      schema!.fields.map((_, at) => 100n + BigInt(at)),
    );
  });

  test("hold what was put into them, in memory and in files", async () => {
    const inserted = await db.client.call(service.insert, {
      collectionName,
      numRows: 3,
      fieldsData: [
        texts("key", ["a", "b", "ç"]),
        vectors([
          [0, 0],
          [1, 0],
          [2, 0],
        ]),
        scalars(DataType.Bool, "yes", "boolData", [true, false, true]),
        scalars(DataType.Int8, "i8", "intData", [-128, 0, 127]),
        scalars(DataType.Int16, "i16", "intData", [-32_768, 0, 32_767]),
        // Compact: only the rows that are there.
        scalars(DataType.Int32, "i32", "intData", [5, 6], [true, false, true]),
        scalars(DataType.Float, "f", "floatData", [0.5, -1, 3]),
        // Padded: one entry a row; the second takes the default.
        scalars(DataType.Double, "d", "doubleData", [1, 0, 3], [true, false, true]),
        scalars(DataType.JSON, "doc", "jsonData", [json({ a: [1, 2] }), json("text"), json(null)]),
      ],
    });
    ok(inserted);
    assert.deepEqual(inserted.IDs!.idField, { ...inserted.IDs!.idField, case: "strId" });
    await check();
    ok(await db.client.call(service.flush, { collectionNames: [collectionName] }));
    await until(async () => {
      const { flushAllTs } = await db.client.call(service.flushAll, {});
      return (await db.client.call(service.getFlushAllState, { flushAllTs })).flushed;
    });
    await check();
  });

  async function check(): Promise<void> {
    const answer = await db.client.call(service.search, {
      ...searchFor(collectionName, [[0, 0]], { topk: "10" }),
      outputFields: ["*"],
    });
    ok(answer);
    const { ids, fieldsData, outputFields } = answer.results!;
    assert.deepEqual(ids!.idField.value!.data, ["a", "b", "ç"]);
    assert.deepEqual(
      outputFields,
      fieldsData.map(({ fieldName }) => fieldName),
    );
    const values = new Map(fieldsData.map((field) => [field.fieldName, field]));
    assert.deepEqual(valuesOf(values.get("key")!), ["a", "b", "ç"]);
    assert.deepEqual(valuesOf(values.get("yes")!), [true, false, true]);
    assert.deepEqual(valuesOf(values.get("i8")!), [-128, 0, 127]);
    assert.deepEqual(valuesOf(values.get("i16")!), [-32_768, 0, 32_767]);
    assert.deepEqual(values.get("i32")!.validData, [true, false, true]);
    const [first, , third] = valuesOf(values.get("i32")!);
    assert.deepEqual([first, third], [5, 6]);
    assert.deepEqual(valuesOf(values.get("f")!), [0.5, -1, 3]);
    assert.deepEqual(valuesOf(values.get("d")!), [1, 2.5, 3]);
    assert.deepEqual(valuesOf(values.get("kind")!), ["plain", "plain", "plain"]);
    const documents = valuesOf(values.get("doc")!) as Uint8Array[];
    assert.deepEqual(
      documents.map((bytes) => JSON.parse(new TextDecoder().decode(bytes))),
      [{ a: [1, 2] }, "text", null],
    );
  }

  test("are filtered by, with values from templates", async () => {
    const asked = async (expr: string, values: Record<string, unknown> = {}): Promise<unknown> => {
      const answer = await db.client.call(service.query, {
        collectionName,
        expr,
        exprTemplateValues: values as never,
        outputFields: ["key"],
        consistencyLevel: 0,
      });
      ok(answer);
      return valuesOf(answer.fieldsData[0]!);
    };
    assert.deepEqual(await asked("yes == true"), ["a", "ç"]);
    assert.deepEqual(await asked("i32 is null"), ["b"]);
    assert.deepEqual(await asked('doc["a"][0] == 1'), ["a"]);
    assert.deepEqual(await asked("i8 > {least}", { least: { val: { case: "int64Val", value: -1n } } }), ["b", "ç"]);
    const keys = { case: "stringData", value: { data: ["ç", "a"] } };
    const list = { val: { case: "arrayVal", value: { data: keys } } };
    assert.deepEqual(await asked("key in {keys}", { keys: list }), ["a", "ç"]);
    assert.deepEqual(await asked("d == {number}", { number: { val: { case: "floatVal", value: 2.5 } } }), ["b"]);
  });

  test("keys that the server makes are told to the client", async () => {
    const schema = schemaBytes({
      name: "made",
      fields: [{ name: "id", dataType: DataType.Int64, isPrimaryKey: true, autoID: true }, vectorField(2)],
    });
    ok(await db.client.call(service.createCollection, { collectionName: "made", schema, consistencyLevel: 0 }));
    ok(await db.client.call(service.createIndex, { collectionName: "made", fieldName: "vector" }));
    await load(db.client, "made");
    const inserted = await db.client.call(service.insert, {
      collectionName: "made",
      fieldsData: [
        vectors([
          [1, 0],
          [0, 1],
        ]),
      ],
      numRows: 2,
    });
    ok(inserted);
    const ids = inserted.IDs!.idField.value!.data as bigint[];
    assert.equal(new Set(ids).size, 2);
    const replaced = await db.client.call(service.upsert, {
      collectionName: "made",
      fieldsData: [int64s("id", [ids[0]!]), vectors([[5, 5]])],
      numRows: 1,
    });
    ok(replaced);
    const [again] = replaced.IDs!.idField.value!.data as bigint[];
    assert.notEqual(again, ids[0]);
    const found = await db.client.call(service.query, {
      collectionName: "made",
      expr: "id > 0",
      outputFields: ["id"],
      consistencyLevel: 0,
    });
    assert.deepEqual(valuesOf(found.fieldsData[0]!), [ids[1], again]);
  });
});

function valuesOf({ field }: FieldData): readonly unknown[] {
  assert.ok(field.case === "scalars");
  return (field.value.data.value as { readonly data: readonly unknown[] }).data;
}
