import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TwinKernel } from "../kernel/twin/twin.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { type BytesColumn, type FixedColumn, bytesColumn, textAt } from "../model/columns.ts";
import type { CollectionSchema, FieldSchema } from "../model/schema.ts";
import { plainField as field } from "../model/testing/plain-field.ts";
import { DataType } from "../model/types.ts";
import { checkedColumns } from "./input.ts";
import { Pace } from "../storage/pace.ts";
import type { InputField } from "./requests.ts";

const kernel = new TwinKernel(new SystemRuntime(), null);

function schemaOf(...fields: FieldSchema[]): CollectionSchema {
  const key = field(100n, "id", DataType.Int64, { isPrimaryKey: true });
  return { name: "c", description: "", fields: [key, ...fields], enableDynamicField: false, version: 0 };
}

function sent(fieldName: string, column: InputField["column"], more: Partial<InputField> = {}): InputField {
  const rowCount = column === null ? 0 : "offsets" in column ? column.offsets.length - 1 : column.values.length;
  return { type: 0, fieldName, isDynamic: false, valid: null, column, unsupported: false, rowCount, ...more };
}

function texts(fieldName: string, entries: readonly string[], more: Partial<InputField> = {}): InputField {
  const { offsets, bytes } = bytesColumn(DataType.VarChar, entries);
  return sent(fieldName, { kind: "bytes", offsets, bytes }, more);
}

const ids = (...values: bigint[]): InputField => sent("id", { kind: "fixed", values: BigInt64Array.from(values) });
const ints = (name: string, values: readonly number[], more: Partial<InputField> = {}): InputField =>
  sent(name, { kind: "fixed", values: Int32Array.from(values) }, more);

test("small integers are narrowed, and refused out of their range with Milvus's text", async () => {
  const schema = schemaOf(field(101n, "small", DataType.Int8));
  const columns = await checkedColumns(schema, [ids(1n, 2n), ints("small", [-128, 127])], 2, false, kernel);
  assert.deepEqual((columns.get(101n) as FixedColumn).values, Int8Array.of(-128, 127));
  await assert.rejects(
    checkedColumns(schema, [ids(1n), ints("small", [300])], 1, false, kernel),
    /the 0th element \(300\) out of range: \[-128, 127\]: invalid parameter/,
  );
});

test("nulls may come padded or compact, and defaults take their place", async () => {
  const schema = schemaOf(
    field(101n, "maybe", DataType.Int32, { nullable: true }),
    field(102n, "word", DataType.VarChar, { maxLengthBytes: 10, defaultValue: "none" }),
  );
  const valid = Uint8Array.of(1, 0, 1);
  for (const maybe of [ints("maybe", [5, 7], { valid }), ints("maybe", [5, 0, 7], { valid })]) {
    for (const word of [texts("word", ["a", "b"], { valid }), texts("word", ["a", "", "b"], { valid })]) {
      const columns = await checkedColumns(schema, [ids(1n, 2n, 3n), maybe, word], 3, false, kernel);
      const numbers = columns.get(101n) as FixedColumn;
      assert.deepEqual([...numbers.values], [5, 0, 7]);
      assert.deepEqual(numbers.valid, valid);
      const words = columns.get(102n) as BytesColumn;
      assert.deepEqual(
        [0, 1, 2].map((row) => textAt(words, row)),
        ["a", "none", "b"],
      );
      assert.equal(words.valid, null);
    }
  }
  const absent = await checkedColumns(schema, [ids(1n)], 1, false, kernel);
  assert.deepEqual((absent.get(101n) as FixedColumn).valid, Uint8Array.of(0));
  assert.equal(textAt(absent.get(102n) as BytesColumn, 0), "none");
  await assert.rejects(
    checkedColumns(schema, [ids(1n, 2n, 3n), ints("maybe", [5], { valid })], 3, false, kernel),
    /the length of field is wrong/,
  );
  await assert.rejects(
    checkedColumns(schema, [ids(1n), ints("maybe", [5], { valid })], 1, false, kernel),
    /the length of valid_data of field\(maybe\) is wrong/,
  );
});

test("VarChar counts bytes, not characters", async () => {
  const schema = schemaOf(field(101n, "word", DataType.VarChar, { maxLengthBytes: 4 }));
  await checkedColumns(schema, [ids(1n), texts("word", ["éé"])], 1, false, kernel);
  await assert.rejects(
    checkedColumns(schema, [ids(1n, 2n), texts("word", ["ok", "ééé"])], 2, false, kernel),
    /length of varchar field word exceeds max length, row number: 1, length: 6, max length: 4/,
  );
});

test("vectors: dimension, row count and every number are checked", async () => {
  const schema = schemaOf(field(101n, "v", DataType.FloatVector, { dimension: 2 }));
  const vector = (dimension: number, ...values: number[]): InputField =>
    sent(
      "v",
      { kind: "vector", type: DataType.FloatVector, dimension, values: Float32Array.from(values) },
      { rowCount: values.length / dimension },
    );
  await checkedColumns(schema, [ids(1n), vector(2, 1, 2)], 1, false, kernel);
  await assert.rejects(
    checkedColumns(schema, [ids(1n), vector(3, 1, 2, 3)], 1, false, kernel),
    /the dim \(3\) of field data\(v\) is not equal to schema dim \(2\)/,
  );
  await assert.rejects(
    checkedColumns(schema, [ids(1n, 2n), vector(2, 1, 2)], 2, false, kernel),
    /the num_rows \(1\) of field \(v\) is not equal to passed num_rows \(2\)/,
  );
  await assert.rejects(
    checkedColumns(schema, [ids(1n), vector(2, 1, NaN)], 1, false, kernel),
    /value 'NaN' is not a number or infinity/,
  );
  await assert.rejects(checkedColumns(schema, [ids(1n), vector(2, -Infinity, 1)], 1, false, kernel), /value '-Inf'/);
});

test("vectors none of which is there come as flags without data", async () => {
  const schema = schemaOf(field(101n, "v", DataType.FloatVector, { dimension: 2, nullable: true }));
  const flags = (...valid: number[]): InputField => sent("v", null, { rowCount: 0, valid: Uint8Array.from(valid) });
  const columns = await checkedColumns(schema, [ids(1n, 2n), flags(0, 0)], 2, false, kernel);
  assert.deepEqual((columns.get(101n) as FixedColumn).valid, Uint8Array.of(0, 0));
  for (const valid of [[0, 1], [0], []]) {
    await assert.rejects(
      checkedColumns(schema, [ids(1n, 2n), flags(...valid)], 2, false, kernel),
      /the num_rows \(0\) of field \(v\) is not equal to passed num_rows \(2\)/,
    );
  }
  const full = schemaOf(field(101n, "v", DataType.FloatVector, { dimension: 2 }));
  await assert.rejects(checkedColumns(full, [ids(1n), flags(0)], 1, false, kernel), /the num_rows \(0\)/);
});

test("missing, unknown, twice given and automatic fields are told by name", async () => {
  const schema = schemaOf(field(101n, "a", DataType.Int32));
  await assert.rejects(
    checkedColumns(schema, [ids(1n)], 1, false, kernel),
    /fieldSchema\(a\) has no corresponding fieldData pass in/,
  );
  await assert.rejects(
    checkedColumns(schema, [ids(1n), ints("a", [1]), ints("b", [1])], 1, false, kernel),
    /the field b does not exist in collection/,
  );
  await assert.rejects(
    checkedColumns(schema, [ids(1n), ints("a", [1]), ints("a", [1])], 1, false, kernel),
    /duplicated column a/,
  );
  await assert.rejects(
    checkedColumns(schema, [ids(1n), texts("a", ["x"])], 1, false, kernel),
    /The data type of field a doesn't match/,
  );
  const key = field(100n, "id", DataType.Int64, { isPrimaryKey: true, autoId: true });
  const automatic: CollectionSchema = { ...schema, fields: [key, schema.fields[1]!] };
  await assert.rejects(
    checkedColumns(automatic, [ids(1n), ints("a", [1])], 1, false, kernel),
    /can not assign primary field data when auto id enabled and allow_insert_auto_id is false id/,
  );
  const columns = await checkedColumns(automatic, [ints("a", [1])], 1, false, kernel);
  assert.deepEqual([...columns.keys()], [101n]);
});

test("the dynamic field takes JSON objects and nothing else", async () => {
  const schema = schemaOf(field(101n, "$meta", DataType.JSON, { isDynamic: true }));
  const meta = (text: string): InputField => texts("$meta", [text], { isDynamic: true });
  const columns = await checkedColumns(schema, [ids(1n)], 1, false, kernel);
  assert.equal(textAt(columns.get(101n) as BytesColumn, 0), "{}");
  await checkedColumns(schema, [ids(1n), meta('{"a": 1}')], 1, false, kernel);
  await assert.rejects(checkedColumns(schema, [ids(1n), meta("[1]")], 1, false, kernel), /should be a JSON object/);
  await assert.rejects(checkedColumns(schema, [ids(1n), meta("{")], 1, false, kernel), /is not valid JSON/);
  await assert.rejects(
    checkedColumns(schema, [ids(1n), meta('{"$meta": 1}')], 1, false, kernel),
    /\$meta is not allowed/,
  );
  await assert.rejects(
    checkedColumns(schema, [ids(1n), meta(JSON.stringify({ a: "x".repeat(70_000) }))], 1, false, kernel),
    /the length \(70008\) of dynamic field exceeds max length \(65536\)/,
  );
});

test("compact and padded forms of any column mean the same", async () => {
  const schema = schemaOf(field(101n, "n", DataType.Int64, { nullable: true }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), { minLength: 1 }),
      async (values) => {
        const valid = Uint8Array.from(values, (value) => (value === null ? 0 : 1));
        const keys = ids(...values.map((_, row) => BigInt(row)));
        const compact = sent(
          "n",
          { kind: "fixed", values: BigInt64Array.from(values.filter((value) => value !== null)) },
          { valid },
        );
        const padded = sent(
          "n",
          { kind: "fixed", values: BigInt64Array.from(values, (value) => value ?? 0n) },
          { valid },
        );
        const [left, right] = await Promise.all(
          [compact, padded].map((input) => checkedColumns(schema, [keys, input], values.length, false, kernel)),
        );
        assert.deepEqual(left!.get(101n), right!.get(101n));
      },
    ),
    { numRuns: 200 },
  );
});

test("much JSON is checked in stretches, and everybody else has turns between them", async () => {
  const schema = schemaOf(field(101n, "doc", DataType.JSON));
  const rowCount = 5_000;
  const keys = ids(...Array.from({ length: rowCount }, (_, row) => BigInt(row)));
  const documents = Array.from({ length: rowCount }, (_, row) => `{"row": ${row}, "text": "${"x".repeat(200)}"}`);
  let turns = 0;
  class CountingRuntime extends SystemRuntime {
    override monotonic(): number {
      return (this.#clock += 100);
    }
    override async yield(): Promise<void> {
      turns += 1;
    }
    #clock = 0;
  }
  const pace = (): Pace => new Pace(new CountingRuntime());
  await checkedColumns(schema, [keys, texts("doc", documents)], rowCount, false, kernel, pace());
  assert.equal(turns, 6);
  documents[rowCount - 1] = "{";
  await assert.rejects(
    checkedColumns(schema, [keys, texts("doc", documents)], rowCount, false, kernel, pace()),
    /the 4999th value of json field \(doc\) is not valid JSON/,
  );
});
