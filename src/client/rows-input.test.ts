import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CollectionSchema, FieldSchema } from "../model/schema.ts";
import type { ElementColumn } from "../model/columns.ts";
import { plainField } from "../model/testing/plain-field.ts";
import { DataType } from "../model/types.ts";
import type { InputField, OutputField } from "../proxy/requests.ts";
import { keysOf, rowsOf } from "./result-rows.ts";
import { type InputColumns, columnsOfColumns, columnsOfRows } from "./rows-input.ts";
import { int64At, jsonText, parseJson, putInt64, wordsOf } from "./values.ts";

const DIMENSION = 3;

function field(name: string, dataType: DataType, extra: Partial<FieldSchema> = {}): FieldSchema {
  const dimension = dataType === DataType.FloatVector ? DIMENSION : 0;
  return plainField(100n, name, dataType, { dimension, ...extra });
}

const META = field("$meta", DataType.JSON, { isDynamic: true });

function schemaOf(fields: readonly FieldSchema[]): CollectionSchema {
  const enableDynamicField = fields.some((candidate) => candidate.isDynamic);
  return { name: "c", description: "", fields, enableDynamicField, version: 0 };
}

/** What a read would give for what was written: the way back, in the test's own words as far as it can be. */
function rowsBack({ fields, rowCount }: InputColumns): object[] {
  return rowsOf(fields.map(outputOf), rowCount);
}

function outputOf(input: InputField): OutputField {
  const type = input.type as DataType;
  const { fieldName: name, isDynamic, valid, column } = input;
  assert.ok(column !== null);
  if (column.kind === "array") {
    const { offsets, elementType } = column;
    const elements = { ...column.elements!, type: elementType as DataType, valid: null } as ElementColumn;
    const arrays = { kind: "array", type, elementType: elements.type, offsets, elements, valid } as const;
    return { name, fieldId: 0n, type, isDynamic, column: arrays };
  }
  assert.ok(column.kind !== "vectors");
  const read = column.kind === "sparse" ? ({ ...column, kind: "bytes" } as const) : column;
  return { name, fieldId: 0n, type, isDynamic, column: { ...read, type, valid } };
}

const int64 = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).filter((value) => !Number.isSafeInteger(Number(value))),
);
/** Integers beyond 2^53 would come back as bigints, by the rule. */
const smallNumbers = (_key: string, value: unknown): unknown =>
  typeof value === "number" && Math.abs(value) < 1e21 && !Number.isSafeInteger(value) && Number.isInteger(value)
    ? 1
    : value;
const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value, smallNumbers)) as unknown);
const text = fc.string({ unit: "grapheme", maxLength: 200 }).map((value) => value.toWellFormed());
const float = fc.float({ noNaN: true, noDefaultInfinity: true });

const VALUES: readonly (readonly [DataType, fc.Arbitrary<unknown>, DataType?])[] = [
  [DataType.Bool, fc.boolean()],
  [DataType.Int8, fc.integer({ min: -128, max: 127 })],
  [DataType.Int16, fc.integer({ min: -32_768, max: 32_767 })],
  [DataType.Int32, fc.integer()],
  [DataType.Int64, int64],
  [DataType.Float, float],
  [DataType.Double, fc.double({ noNaN: true, noDefaultInfinity: true })],
  [DataType.VarChar, text],
  [DataType.JSON, json],
];
const ARRAYS = VALUES.filter(([type]) => type !== DataType.JSON).map(
  ([type, values]) => [DataType.Array, fc.array(values, { maxLength: 5 }), type] as const,
);
const vector = fc.array(float, { minLength: DIMENSION, maxLength: DIMENSION });

interface Case {
  readonly schema: CollectionSchema;
  readonly rows: readonly Record<string, unknown>[];
}

const cases: fc.Arbitrary<Case> = fc
  .array(fc.tuple(fc.constantFrom(...VALUES, ...ARRAYS), fc.boolean()), { maxLength: 6 })
  .chain((kinds) => {
    const scalars = kinds.map(([[type, , elementType = DataType.None], nullable], at) =>
      field(`f${at}`, type, { nullable, elementType }),
    );
    const model: Record<string, fc.Arbitrary<unknown>> = { v: vector, pk: int64 };
    for (const [at, [[, values], nullable]] of kinds.entries()) {
      const present = values.filter((value) => !nullable || value !== null);
      model[`f${at}`] = nullable ? fc.option(present) : present;
    }
    const extra = fc.dictionary(fc.constantFrom("a", "b", "constructor", "toString", "__proto__"), json, {
      noNullPrototype: false,
    });
    const row = fc.tuple(fc.record(model), extra).map(([known, more]) => {
      const all: Record<string, unknown> = { ...known };
      for (const [key, value] of Object.entries(more)) {
        Object.defineProperty(all, key, { value, enumerable: true, writable: true, configurable: true });
      }
      return all;
    });
    const keys = [field("pk", DataType.Int64, { isPrimaryKey: true }), field("v", DataType.FloatVector)];
    const schema = schemaOf([...keys, ...scalars, META]);
    return fc.record({ schema: fc.constant(schema), rows: fc.array(row, { minLength: 1, maxLength: 20 }) });
  });

function expected(rows: Case["rows"]): object[] {
  return rows.map((row) => ({ ...row, v: Float32Array.from(row["v"] as number[]) }));
}

test("rows come back as they went in", () => {
  fc.assert(
    fc.property(cases, ({ schema, rows }) => {
      assert.deepEqual(rowsBack(columnsOfRows(schema, rows, false)), expected(rows));
    }),
    { numRuns: 300 },
  );
});

test("columns say the same as rows", () => {
  fc.assert(
    fc.property(cases, ({ schema, rows }) => {
      const names = schema.fields.filter(({ isDynamic }) => !isDynamic).map(({ name }) => name);
      const columns = Object.fromEntries([...names, "a"].map((name) => [name, rows.map((row) => row[name])]));
      const narrowed = rows.map((row) => Object.fromEntries([...names, "a"].map((name) => [name, row[name]])));
      const known = narrowed.map((row) => (row["a"] === undefined ? omitted(row, "a") : row));
      assert.deepEqual(rowsBack(columnsOfColumns(schema, columns, false, false)), expected(known));
    }),
    { numRuns: 200 },
  );
});

function omitted(row: Record<string, unknown>, key: string): Record<string, unknown> {
  const { [key]: _, ...rest } = row;
  return rest;
}

test("typed arrays are copied and stay the program's, or go over when they are handed over", () => {
  const schema = schemaOf([field("pk", DataType.Int64, { isPrimaryKey: true }), field("v", DataType.FloatVector)]);
  const pk = BigInt64Array.of(1n, 2n);
  const v = new Float32Array(20).subarray(4, 4 + 2 * DIMENSION).fill(0.5);
  const copied = columnsOfColumns(schema, { pk, v }, false, false);
  assert.equal(copied.rowCount, 2);
  assert.ok(!copied.transfer.includes(pk.buffer));
  assert.equal(copied.transfer.length, 2);
  assert.ok(
    copied.transfer.every((buffer) => buffer.byteLength <= 2 * DIMENSION * 4),
    "a view is copied alone",
  );
  const given = columnsOfColumns(schema, { pk, v }, false, true);
  assert.ok(given.transfer.includes(pk.buffer));
  assert.ok(!given.transfer.includes(v.buffer), "half an array is not given away");
  const pooled = columnsOfColumns(
    schemaOf([field("pk", DataType.Int64, { isPrimaryKey: true }), field("b", DataType.Bool)]),
    { pk, b: Buffer.from([1, 0]) },
    false,
    false,
  );
  assert.deepEqual(rowsBack(pooled), [
    { pk: 1, b: true },
    { pk: 2, b: false },
  ]);
});

const strict = schemaOf([
  field("pk", DataType.Int64, { isPrimaryKey: true }),
  field("v", DataType.FloatVector),
  field("t", DataType.VarChar, { nullable: true }),
  field("n", DataType.Int16, { defaultValue: 7 }),
]);
const good = { pk: 1, v: [1, 2, 3], t: "x", n: 1 };

for (const [title, row, message] of [
  ["a key that is missing", { v: [1, 2, 3] }, /row 1: no value for field pk/],
  [
    "a key that is not exact",
    { ...good, pk: 2 ** 53 },
    /row 1: field pk \(Int64\) takes an integer of 64 bits.*9007199254740992/,
  ],
  ["a key beyond 64 bits", { ...good, pk: 2n ** 63n }, /row 1: field pk/],
  ["text for a number", { ...good, n: "1" }, /row 1: field n \(Int16\) takes an integer of its size, not string/],
  ["a fraction", { ...good, n: 1.5 }, /not number 1.5/],
  ["a number for text", { ...good, t: 5 }, /row 1: field t \(VarChar\) takes a string, not number 5/],
  ["a short vector", { ...good, v: [1, 2] }, /takes a Float32Array or an array of 3 numbers, not number 2/],
  ["a vector with a hole", { ...good, v: [1, undefined, 3] }, /entry 1 is none/],
  ["a key that is no field", { ...good, other: 1 }, /row 1: collection c has no field other, and no dynamic field/],
  ["no object", 5, /row 1 is no object/],
] as const) {
  test(`a row with ${title} is refused`, () => {
    assert.throws(() => columnsOfRows(strict, [good, row as object], false), message);
  });
}

test("rows may leave out what is nullable or has a default", () => {
  const { fields } = columnsOfRows(strict, [good, { pk: 2, v: [1, 2, 3] }], false);
  const valid = Object.fromEntries(fields.map((input) => [input.fieldName, input.valid && [...input.valid]]));
  assert.deepEqual(valid, { pk: null, v: null, t: [1, 0], n: [1, 0] });
});

test("columns that do not fit are refused", () => {
  const pk = BigInt64Array.of(1n, 2n);
  const refused = (
    columns: Record<string, Float32Array | BigInt64Array | Float64Array | unknown[]>,
    message: RegExp,
  ): void => assert.throws(() => columnsOfColumns(strict, columns, false, false), message);
  refused({ pk, v: new Float32Array(7) }, /column v has 7 floats, which is no multiple of its dimension 3/);
  refused({ pk, v: new Float32Array(9) }, /column v has 3 rows and column pk has 2/);
  refused(
    { pk, v: new Float64Array(2) },
    /column v \(FloatVector\) takes a Float32Array or an array, not a Float64Array/,
  );
  refused({ pk, other: [1, 2] }, /no field other/);
  refused({}, /there are no rows/);
});

test("an integer of 64 bits is a number where that is exact, else a bigint", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.integer({ min: -3, max: 3 }),
      (drawn, near) => {
        for (const value of [drawn, 2n ** 53n + BigInt(near), -(2n ** 53n) + BigInt(near), BigInt(near)]) {
          const values = BigInt64Array.of(0n, value);
          const read = int64At(values, wordsOf(values), 1);
          assert.equal(BigInt(read), value);
          assert.equal(typeof read, Number.isSafeInteger(Number(value)) ? "number" : "bigint");
          const written = new BigInt64Array(2);
          assert.ok(putInt64(written, wordsOf(written), 1, read));
          assert.equal(written[1], value);
        }
      },
    ),
  );
  const column = { kind: "fixed", type: DataType.Int64, values: BigInt64Array.of(5n, 2n ** 60n), valid: null } as const;
  assert.deepEqual(keysOf(column), [5, 2n ** 60n]);
});

test("JSON keeps integers of any size", () => {
  const value = { a: [1, 2n ** 60n, -(2n ** 60n), 1.5, 1e300], "1234567890123456789": "1234567890123456789" };
  assert.deepEqual(parseJson(jsonText(value)!), value);
});

test("what JSON has no word for, and would write as null, is refused", () => {
  const schema = schemaOf([field("pk", DataType.Int64, { isPrimaryKey: true }), field("j", DataType.JSON)]);
  for (const j of [NaN, { a: [1, Infinity] }, { a: Float32Array.of(1, NaN) }]) {
    assert.throws(
      () => columnsOfRows(schema, [{ pk: 1, j }], false),
      /row 0: field j cannot be written as JSON: TypeError: (NaN|Infinity) is no number in JSON/,
    );
  }
});
