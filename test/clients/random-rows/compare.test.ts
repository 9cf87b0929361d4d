/** The comparison that every run stands on: it sees each change of each type, and forgives no more than spelling. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../../src/expr/testing/random.ts";
import { ACROSS_CARRIES, CLIENTS } from "./clients.ts";
import { differences, settledText, told } from "./compare.ts";
import { drawKeys, drawRow, drawValue } from "./draw.ts";
import { ELEMENTS, type Field, KEY, SCALARS, type Table, VECTORS, vectorsOf } from "./fields.ts";
import { nodeRow, plainRowOfNode } from "./node-values.ts";
import { nudged } from "./nudge.ts";
import { type Plain, type PlainRow, doubleBits, doubleOf, floatBits, floatOf } from "./plain.ts";
import { seedOfRun } from "./seed.ts";
import { drawTables } from "./tables.ts";

const FIRST = seedOfRun();
const SEEDS = Array.from({ length: 40 }, (_, at) => FIRST + at);
const PROFILES = [CLIENTS.python.carried, CLIENTS.node.carried, ACROSS_CARRIES];

test("property: rows are equal to themselves, and each least change of one field is one difference", () => {
  for (const seed of SEEDS) {
    const random = new Random(seed);
    const carried = random.pick(PROFILES);
    for (const table of drawTables(random, carried, "t")) {
      const rows = new Map<string, PlainRow>(
        drawKeys(random, table, 4).map((key) => [key, drawRow(random, table, carried)]),
      );
      const seen = Array.from(rows, ([key, row]) => ({ ...row, [KEY]: key }));
      assert.deepEqual(differences(table, rows, seen), [], `seed ${seed}`);
      for (const field of table.fields) {
        const [first, ...others] = seen as PlainRow[] as [PlainRow, ...PlainRow[]];
        const other = nudged(random, field, first[field.name] ?? null, carried);
        const found = differences(table, rows, [{ ...first, [field.name]: other }, ...others]);
        assert.deepEqual(
          found.map(({ key, field: name }) => [key, name]),
          [[first[KEY], field.name]],
          `seed ${seed}: ${JSON.stringify(first[field.name])} and ${JSON.stringify(other)}`,
        );
      }
    }
  }
});

test("every type is dealt in every variant, and every table has what Milvus allows", () => {
  for (const seed of SEEDS) {
    const tables = drawTables(new Random(seed), CLIENTS.python.carried, "t");
    const fields = tables.flatMap((table) => table.fields);
    const variants = new Set(
      fields.map(({ type, element, nullable, default: initial }) =>
        [type, element?.type ?? "", nullable, initial !== undefined].join(),
      ),
    );
    for (const nullable of [false, true]) {
      for (const type of [...SCALARS, ...VECTORS]) {
        assert.ok(variants.has([type, "", nullable, false].join()), `${type} ${nullable}`);
        const isDefaulted = !["JSON", "Geometry", ...VECTORS].includes(type);
        assert.equal(variants.has([type, "", nullable, true].join()), isDefaulted, `${type} ${nullable} default`);
      }
      for (const type of ELEMENTS) assert.ok(variants.has(["Array", type, nullable, false].join()), `list of ${type}`);
      assert.ok(variants.has(["Struct", "", nullable, false].join()));
    }
    for (const { fields: own } of tables) {
      assert.ok(own.reduce((sum, field) => sum + vectorsOf(field), 0) <= 10);
      assert.ok(own.length < 60);
    }
  }
});

const JSON_FIELD: Field = { name: "f", type: "JSON", nullable: true };

test("what is told apart, and what is not", () => {
  const apart: readonly (readonly [Field["type"], Plain | undefined, Plain | undefined])[] = [
    ["Float", "00000000", "80000000"],
    ["Double", "0000000000000000", "0000000000000001"],
    ["Int64", "9007199254740993", "9007199254740992"],
    ["VarChar", "é", "e\u0301"],
    ["VarChar", "", null],
    ["VarChar", "a", "a\u0000"],
    ["JSON", { int: "1" }, { float: doubleBits(1) }],
    ["JSON", { int: "18446744073709551615" }, { int: "18446744073709551614" }],
    ["JSON", { float: doubleBits(0) }, { float: doubleBits(-0) }],
    ["JSON", { keys: [["a", null]] }, { keys: [] }],
    ["JSON", [], { keys: [] }],
    ["JSON", null, undefined],
    ["Geometry", "POINT (0.1 2)", `POINT (${0.1 + Number.EPSILON} 2)`],
    ["Geometry", "POINT (0 1)", "POINT (-0 1)"],
    ["SparseFloatVector", [], [["1", "00000000"]]],
    ["Struct", [], null],
  ];
  for (const [type, left, right] of apart) {
    const field: Field = { ...JSON_FIELD, type };
    assert.notEqual(settledText(field, left), settledText(field, right), `${type} ${JSON.stringify([left, right])}`);
  }
  const alike: readonly (readonly [Field["type"], Plain, Plain])[] = [
    [
      "JSON",
      {
        keys: [
          ["a", true],
          ["b", []],
        ],
      },
      {
        keys: [
          ["b", []],
          ["a", true],
        ],
      },
    ],
    [
      "JSON",
      [{ int: "123456789012345678901234567890" }],
      [{ float: doubleBits(Number("123456789012345678901234567890")) }],
    ],
    ["Geometry", "POINT (1e-7 100)", "POINT (0.0000001 1e2)"],
  ];
  for (const [type, left, right] of alike) {
    const field: Field = { ...JSON_FIELD, type };
    assert.equal(settledText(field, left), settledText(field, right), `${type} ${JSON.stringify([left, right])}`);
  }
});

test("rows that are missing, too many, or there twice, and keys that are not declared", () => {
  const table: Table = {
    name: "t",
    keyType: "Int64",
    automatic: false,
    dynamic: true,
    shards: 1,
    fields: [JSON_FIELD],
  };
  const expected = new Map<string, PlainRow>([
    ["1", { f: true }],
    ["2", { f: null, more: [] }],
  ]);
  const found = (...seen: PlainRow[]): string[] =>
    differences(table, expected, seen).map(({ key, field }) => `${key} ${field}`);
  const [one, two]: PlainRow[] = [
    { [KEY]: "1", f: true },
    { [KEY]: "2", f: null, more: [] },
  ];
  assert.deepEqual(found(one!, two!), []);
  assert.deepEqual(found(two!), ["1 key"]);
  assert.deepEqual(found(one!, two!, { [KEY]: "3", f: true }), ["3 key"]);
  assert.deepEqual(found(one!, two!, two!), [" key"]);
  assert.deepEqual(found(one!, { [KEY]: "2", f: null }), ["2 more"]);
  assert.deepEqual(found({ [KEY]: "1" }, two!), ["1 f"]);
  assert.match(told(differences(table, expected, [])), /row "1", key: sent "1", saw undefined\n {2}row "2"/);
});

test("property: what the Node SDK carries goes into its values and back", () => {
  for (const seed of SEEDS) {
    const random = new Random(seed);
    for (const table of drawTables(random, CLIENTS.node.carried, "t")) {
      const row = drawRow(random, table, CLIENTS.node.carried);
      const seen = { ...plainRowOfNode(table, nodeRow(table, row)), [KEY]: "1" };
      assert.deepEqual(differences(table, new Map([["1", row]]), [seen]), [], `seed ${seed}`);
    }
  }
});

test("bits", () => {
  for (const value of [0, -0, 1, 2 ** -149, -(2 ** 127), 0.5]) assert.ok(Object.is(floatOf(floatBits(value)), value));
  for (const value of [0, -0, 5e-324, -Number.MAX_VALUE, 0.1]) assert.ok(Object.is(doubleOf(doubleBits(value)), value));
  assert.throws(() => floatBits(0.1), /0\.1 is not a float of 32 bits/);
  assert.equal(floatBits(Number.NaN), "7fc00000");
});

test("texts are as long as they may be now and then, and never longer", () => {
  const random = new Random(SEEDS[0]!);
  const field: Field = { name: "f", type: "VarChar", nullable: false, maxLengthBytes: 11 };
  const lengths = Array.from({ length: 400 }, () =>
    Buffer.byteLength(drawValue(random, field, CLIENTS.python.carried) as string),
  );
  assert.equal(Math.max(...lengths), 11);
  assert.ok(lengths.includes(0));
});
