import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { DataType } from "../../model/types.ts";
import type { FieldData } from "../wire/generated/schema_pb.js";
import {
  type FieldDataInit,
  createQuick,
  dynamic,
  int64s,
  load,
  ok,
  params,
  service,
  textField,
  texts,
  vectors,
} from "./testing/messages.ts";
import { served } from "./testing/served.ts";

const ROWS = "rows";

describe("partial update", () => {
  const db = served();

  before(async () => {
    const color = { ...textField("color", 16), nullable: true };
    const size = { name: "size", dataType: DataType.Int64 };
    await createQuick(db.client, ROWS, { fields: [color, size] });
    await load(db.client, ROWS);
  });

  const write = (method: "insert" | "upsert", fieldsData: FieldDataInit[], numRows: number, more: object = {}) =>
    db.client.call(service[method], { collectionName: ROWS, fieldsData, numRows, ...more });

  const update = (fieldsData: FieldDataInit[], numRows: number, more: object = {}) =>
    write("upsert", fieldsData, numRows, { partialUpdate: true, ...more });

  async function insertWhole(ids: readonly number[]): Promise<void> {
    const fields = [
      int64s("id", ids),
      vectors(ids.map((id) => [id, 0, 0, 1])),
      texts(
        "color",
        ids.map((id) => `c${id}`),
      ),
      int64s(
        "size",
        ids.map((id) => id * 10),
      ),
      dynamic(ids.map((id) => ({ kept: id, changed: "before" }))),
    ];
    // The column may be null, so that it comes with what is there.
    Object.assign(fields[2]!, { validData: ids.map(() => true) });
    ok(await write("insert", fields, ids.length));
  }

  async function rowsOf(ids: readonly number[]): Promise<Record<string, unknown>[]> {
    const answer = await db.client.call(service.query, {
      collectionName: ROWS,
      expr: `id in [${ids.join(", ")}]`,
      outputFields: ["*"],
      queryParams: params({}),
      useDefaultConsistency: true,
    });
    ok(answer);
    return ids.map((_, row) => Object.fromEntries(answer.fieldsData.map((field) => valueAt(field, row))));
  }

  const flush = async (): Promise<void> => {
    ok(await db.client.call(service.flush, { collectionNames: [ROWS] }));
  };

  for (const where of ["growing", "flushed"] as const) {
    test(`keeps what was not sent: ${where}`, async () => {
      const ids = where === "growing" ? [1, 2, 3] : [11, 12, 13];
      await insertWhole(ids);
      if (where === "flushed") await flush();
      const answer = await update([int64s("id", [ids[2]!, ids[0]!]), int64s("size", [-3, -1])], 2);
      ok(answer);
      assert.deepEqual([answer.upsertCnt, answer.insertCnt, answer.deleteCnt], [2n, 2n, 2n]);
      const rows = await rowsOf(ids);
      assert.deepEqual(
        rows.map((row) => [row["size"], row["color"], row["vector"], row["$meta"]]),
        [
          [-1n, `c${ids[0]}`, [ids[0], 0, 0, 1], { kept: ids[0], changed: "before" }],
          [BigInt(ids[1]! * 10), `c${ids[1]}`, [ids[1], 0, 0, 1], { kept: ids[1], changed: "before" }],
          [-3n, `c${ids[2]}`, [ids[2], 0, 0, 1], { kept: ids[2], changed: "before" }],
        ],
      );
    });
  }

  test("changes a vector alone, and a value to null", async () => {
    await insertWhole([21, 22]);
    ok(await update([int64s("id", [21]), vectors([[9, 9, 9, 9]])], 1));
    const nothing = { ...texts("color", []), validData: [false] };
    ok(await update([int64s("id", [22]), nothing], 1));
    const [changed, emptied] = await rowsOf([21, 22]);
    assert.deepEqual([changed!["vector"], changed!["color"]], [[9, 9, 9, 9], "c21"]);
    assert.deepEqual([emptied!["vector"], emptied!["color"], emptied!["size"]], [[22, 0, 0, 1], null, 220n]);
  });

  test("merges undeclared keys one level deep, and keeps every digit of a number", async () => {
    await insertWhole([31]);
    const huge = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON("9007199254740993123");
    ok(await update([int64s("id", [31]), dynamic([{ huge, deep: { a: 1, b: 2 }, changed: 1 }])], 1));
    ok(await update([int64s("id", [31]), dynamic([{ deep: { c: 3 }, changed: "after" }])], 1));
    const answer = await db.client.call(service.query, {
      collectionName: ROWS,
      expr: "id == 31",
      outputFields: ["$meta"],
      useDefaultConsistency: true,
    });
    ok(answer);
    const column = answer.fieldsData.find((field) => field.isDynamic)!.field;
    assert.ok(column.case === "scalars" && column.value.data.case === "jsonData");
    const text = new TextDecoder().decode(column.value.data.value.data[0]);
    assert.equal(text, '{"kept":31,"changed":"after","huge":9007199254740993123,"deep":{"c":3}}');
  });

  test("a key without a row needs the whole row", async () => {
    const missing = await update([int64s("id", [41]), int64s("size", [1])], 1);
    assert.equal(missing.status?.code, 1100);
    assert.match(missing.status!.reason, /fieldSchema\(vector\) has no corresponding fieldData pass in/);
    assert.deepEqual(await countOf("id == 41"), 0n);
    // The nullable field and the undeclared ones may be left out.
    ok(await update([int64s("id", [41]), int64s("size", [1]), vectors([[4, 1, 0, 0]])], 1));
    const [row] = await rowsOf([41]);
    assert.deepEqual(row, { id: 41n, vector: [4, 1, 0, 0], color: null, size: 1n, $meta: {} });
  });

  test("updates of different fields at once lose nothing", async () => {
    const ids = Array.from({ length: 8 }, (_, at) => 50 + at);
    await insertWhole(ids);
    const rounds = Array.from({ length: 12 }, (_, round) => [
      update([int64s("id", ids), int64s("size", Array(ids.length).fill(1000 + round))], ids.length),
      update([int64s("id", ids), vectors(ids.map(() => [round, 1, 1, 1]))], ids.length),
      update([int64s("id", ids), dynamic(ids.map(() => ({ [`k${round}`]: round })))], ids.length),
    ]);
    for (const answer of await Promise.all(rounds.flat())) ok(answer);
    for (const row of await rowsOf(ids)) {
      const meta = row["$meta"] as Record<string, number>;
      for (let round = 0; round < 12; round += 1) assert.equal(meta[`k${round}`], round);
      assert.equal(typeof meta["kept"], "number");
      assert.ok((row["size"] as bigint) >= 1000n);
      assert.deepEqual((row["vector"] as number[]).slice(1), [1, 1, 1]);
    }
    assert.equal(await countOf("id >= 50 and id < 58"), 8n);
  });

  test("appends to arrays, and removes from them", async () => {
    const collectionName = "arrays";
    const tags = {
      name: "tags",
      dataType: DataType.Array,
      elementType: DataType.VarChar,
      nullable: true,
      typeParams: params({ max_capacity: "4", max_length: "8" }),
    };
    await createQuick(db.client, collectionName, { fields: [tags] });
    await load(db.client, collectionName);
    const arrays = (rows: readonly (readonly string[] | null)[]): FieldDataInit => ({
      type: DataType.Array,
      fieldName: "tags",
      validData: rows.map((row) => row !== null),
      field: {
        case: "scalars",
        value: {
          data: {
            case: "arrayData",
            value: {
              elementType: DataType.VarChar,
              data: rows.flatMap((row) =>
                row === null ? [] : [{ data: { case: "stringData" as const, value: { data: [...row] } } }],
              ),
            },
          },
        },
      },
    });
    const send = (op: number, ids: readonly number[], rows: readonly (readonly string[])[], fieldName = "tags") =>
      db.client.call(service.upsert, {
        collectionName,
        fieldsData: [int64s("id", ids), arrays(rows)],
        numRows: ids.length,
        fieldOps: [{ fieldName, op }],
      });
    const stored = async (): Promise<(readonly string[] | null)[]> => {
      const answer = await db.client.call(service.query, {
        collectionName,
        expr: "id >= 0",
        outputFields: ["tags"],
        useDefaultConsistency: true,
      });
      ok(answer);
      const field = answer.fieldsData.find((candidate) => candidate.fieldName === "tags")!;
      assert.ok(field.field.case === "scalars" && field.field.value.data.case === "arrayData");
      return field.field.value.data.value.data.map(({ data }, row) => {
        if (!field.validData[row]) return null;
        return data.case === "stringData" ? data.value.data : [];
      });
    };
    const ids = [1, 2, 3];
    const fields = [int64s("id", ids), vectors(ids.map((id) => [id, 0, 0, 0])), arrays([["a", "b"], [], null])];
    ok(await db.client.call(service.insert, { collectionName, fieldsData: fields, numRows: 3 }));
    ok(await send(1, [3, 1, 2], [["x"], ["c", "a"], ["y"]]));
    assert.deepEqual(await stored(), [["a", "b", "c", "a"], ["y"], ["x"]]);
    ok(await send(2, [1, 2], [["a", "nothing"], ["y"]]));
    assert.deepEqual(await stored(), [["b", "c"], [], ["x"]]);
    const full = await send(1, [1], [["d", "e", "f"]]);
    assert.match(full.status!.reason, /array length 5 exceeds max_capacity 4/);
    const wrong = await send(1, [1], [["d"]], "id");
    assert.match(wrong.status!.reason, /op ARRAY_APPEND requires Array field, but field "id" is Int64/);
    assert.deepEqual(await stored(), [["b", "c"], [], ["x"]]);
  });

  test("refuses wrong values, unknown fields and keys that come twice, and changes nothing", async () => {
    await insertWhole([61]);
    const before = await rowsOf([61]);
    for (const [fields, count, reason] of [
      [[int64s("id", [61, 61]), int64s("size", [1, 2])], 2, /duplicate primary keys are not allowed/],
      [[int64s("id", [61]), texts("color", ["x".repeat(17)])], 1, /exceeds max length/],
      [[int64s("id", [61]), int64s("weight", [1])], 1, /weight/],
      [[int64s("size", [1])], 1, /must assign pk when upsert, primary field: id/],
      [[int64s("id", [61]), int64s("size", [1, 2])], 1, /the num_rows \(2\) of field \(size\)/],
    ] as const) {
      const answer = await update([...fields], count);
      assert.notEqual(answer.status?.code, 0);
      assert.match(answer.status!.reason, reason);
    }
    assert.deepEqual(await rowsOf([61]), before);
  });

  test("needs the collection to be loaded", async () => {
    await createQuick(db.client, "released");
    const fieldsData = [int64s("id", [1]), vectors([[1, 2, 3, 4]])];
    const answer = await db.client.call(service.upsert, {
      collectionName: "released",
      fieldsData,
      numRows: 1,
      partialUpdate: true,
    });
    assert.equal(answer.status?.code, 101);
  });

  async function countOf(expr: string): Promise<bigint> {
    const request = { collectionName: ROWS, expr, outputFields: ["count(*)"], useDefaultConsistency: true };
    const answer = await db.client.call(service.query, request);
    ok(answer);
    const column = answer.fieldsData[0]!.field;
    assert.ok(column.case === "scalars" && column.value.data.case === "longData");
    return column.value.data.value.data[0]!;
  }
});

function valueAt(field: FieldData, row: number): [string, unknown] {
  const name = field.isDynamic ? "$meta" : field.fieldName;
  if (field.validData.length > 0 && !field.validData[row]) return [name, null];
  if (field.field.case === "vectors") {
    const { data, dim } = field.field.value;
    assert.ok(data.case === "floatVector");
    return [name, data.value.data.slice(row * Number(dim), (row + 1) * Number(dim))];
  }
  assert.ok(field.field.case === "scalars");
  const { data } = field.field.value;
  assert.ok(data.case === "longData" || data.case === "stringData" || data.case === "jsonData");
  const value = data.value.data[row]!;
  return [name, value instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(value)) : value];
}
