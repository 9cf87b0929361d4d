import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf } from "../model/bitset.ts";
import { bytesColumn, type Column } from "../model/columns.ts";
import type { Filter } from "../model/filter.ts";
import { DataType } from "../model/types.ts";
import { compileFilter, evaluateFilter } from "./evaluate.ts";
import { parseFilter } from "./filter.ts";
import type { ColumnSource } from "./scan.ts";
import { assertEvaluated, oracleRows } from "./testing/agreement.ts";
import { randomCastFilter, randomFilter } from "./testing/random-filter.ts";
import { randomTable, SCHEMA } from "./testing/random-table.ts";
import { Random } from "./testing/random.ts";

/** The fast evaluation of a filter against the slow one, row by row. */
function agree(filter: Filter, source: ColumnSource, rowCount: number, where: string): void {
  assertEvaluated(filter, source, oracleRows(filter, source, rowCount), where);
}

test("the fast evaluation says what the slow one says", () => {
  let cases = 0;
  for (let seed = 1; seed <= 500; seed += 1) {
    const random = new Random(seed);
    const rowCount = random.below(20);
    const source = randomTable(random, rowCount);
    for (let number = 0; number < 44; number += 1) {
      agree(randomCastFilter(random), source, rowCount, `seed ${seed}, filter ${number}`);
      cases += 1;
    }
  }
  assert.ok(cases >= 20_000);
});

test("a sample takes about its share, the same rows each time, other rows for another filter", () => {
  const rowCount = 20_000;
  const id = { kind: "fixed", type: DataType.Int64, values: new BigInt64Array(rowCount), valid: null } as const;
  const rows = (filter: Filter): number[] => [...rowsOf(evaluateFilter(filter, source({ id }), rowCount))];
  for (const factor of [0.001, 0.25, 0.9]) {
    const filter = parseFilter(`random_sample(${factor})`, SCHEMA)!;
    const sample = rows(filter);
    assert.ok(Math.abs(sample.length - factor * rowCount) < 5 * Math.sqrt(factor * rowCount), `${sample.length}`);
    assert.deepEqual(rows(filter), sample);
    assert.notDeepEqual(rows(parseFilter(`random_sample(${factor})`, SCHEMA)!), sample);
  }
  const among = parseFilter("id == 0 and random_sample(0.5)", SCHEMA)!;
  assert.ok(Math.abs(rows(among).length - rowCount / 2) < 500);
  agree(among, source({ id }), rowCount, "a sample under and");
});

test("rows beyond one stretch, and rows that begin in the middle", () => {
  for (let seed = 1; seed <= 4; seed += 1) {
    const random = new Random(seed * 7919);
    const rowCount = 8192 + random.below(100);
    const source = randomTable(random, rowCount);
    const filter = randomFilter(random, 2);
    agree(filter, source, rowCount, `seed ${seed}`);
    const compiled = compileFilter(filter);
    const all = compiled(source, rowCount);
    const fromRow = random.below(rowCount);
    const late = compiled(source, rowCount, fromRow);
    assert.deepEqual(
      rowsOf(late),
      rowsOf(all).filter((row) => row >= fromRow),
    );
  }
});

test("a plan survives structuredClone", () => {
  const random = new Random(5);
  for (let number = 0; number < 200; number += 1) {
    const filter = randomFilter(random);
    assert.deepEqual(structuredClone(filter), filter);
  }
});

function source(columns: Readonly<Record<string, Column>>): ColumnSource {
  return { column: (fieldId) => columns[SCHEMA.fields.find((field) => field.fieldId === fieldId)!.name]! };
}

function passing(text: string, columns: Readonly<Record<string, Column>>, rowCount: number): number[] {
  return [...rowsOf(evaluateFilter(parseFilter(text, SCHEMA)!, source(columns), rowCount))];
}

function documents(...texts: string[]): Readonly<Record<string, Column>> {
  return { doc: bytesColumn(DataType.JSON, texts) };
}

test("NULL is neither equal nor unequal", () => {
  const valid = Uint8Array.of(1, 0, 1);
  const columns = { i32: { kind: "fixed", type: DataType.Int32, values: Int32Array.of(1, 1, 2), valid } as const };
  assert.deepEqual(passing("i32 != 1", columns, 3), [2]);
  assert.deepEqual(passing("not (i32 == 1)", columns, 3), [2]);
  assert.deepEqual(passing("i32 not in [1]", columns, 3), [2]);
  assert.deepEqual(passing("i32 is null", columns, 3), [1]);
  assert.deepEqual(passing("i32 is not null", columns, 3), [0, 2]);
  assert.deepEqual(passing("i32 == 1 or i32 is null", columns, 3), [0, 1]);
});

test("integers in documents compare exactly beyond 2^53", () => {
  const columns = documents('{"n": 9007199254740993}', '{"n": 9007199254740992}', '{"n": 9223372036854775807}');
  assert.deepEqual(passing('doc["n"] == 9007199254740993', columns, 3), [0]);
  assert.deepEqual(passing('doc["n"] in [9007199254740992]', columns, 3), [1]);
  assert.deepEqual(passing('doc["n"] > 9223372036854775806', columns, 3), [2]);
  assert.deepEqual(passing('doc["n"] == 9223372036854775807.0', columns, 3), [2]);
});

test("missing keys and other types are UNKNOWN, also under not", () => {
  const columns = documents('{"k": 1}', '{"k": "1"}', '{"k": null}', "{}", '{"k": true}', '{"k": [1]}', '{"k": 2}');
  assert.deepEqual(passing('doc["k"] == 1', columns, 7), [0]);
  assert.deepEqual(passing('doc["k"] != 1', columns, 7), [6]);
  assert.deepEqual(passing('not (doc["k"] == 1)', columns, 7), [6]);
  assert.deepEqual(passing('doc["k"] == true', columns, 7), [4]);
  assert.deepEqual(passing('exists doc["k"]', columns, 7), [0, 1, 4, 5, 6]);
  assert.deepEqual(passing('not exists doc["k"]', columns, 7), [2, 3]);
  assert.deepEqual(passing('doc["k"] is null', columns, 7), [2, 3]);
  assert.deepEqual(passing('doc["k"][0] == 1', columns, 7), [5]);
  assert.deepEqual(passing('json_contains(doc["k"], 1)', columns, 7), [5]);
});

test("the first of two equal keys counts; damaged documents end", () => {
  assert.deepEqual(passing('doc["k"] == 1', documents('{"k": 1, "k": 2}', '{"k": 2, "k": 1}'), 2), [0]);
  assert.deepEqual(passing('doc["k"]["l"] == 1', documents('{"k": 1, "k": {"l": 1}}'), 1), []);
  const random = new Random(99);
  const whole = '{"a": [1, {"b": "x\\u0041"}, -1.5e3], "b": {"0": null}, "k": 1}';
  for (let number = 0; number < 1000; number += 1) {
    const bytes = Buffer.from(whole.slice(0, random.below(whole.length)));
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
    const columns = { doc: bytesColumn(DataType.JSON, [bytes, '{"k": 1}']) };
    const text = 'doc["k"] == 1 or doc["a"][1]["b"] like "%A" or json_contains(doc["a"], 2) or doc["b"]["0"] is null';
    assert.ok(passing(text, columns, 2).includes(1));
  }
});

test("strings compare as UTF-8 bytes", () => {
  // U+FF5E sorts after U+1F600 in UTF-16 units and before it in UTF-8.
  const columns = { word: bytesColumn(DataType.VarChar, ["～", "😀"]) };
  assert.deepEqual(passing('word > "～"', columns, 2), [1]);
});

test("like", () => {
  const words = ["abc", "aXc", "a%c", "日本語", "", "abcabc"];
  const columns = { word: bytesColumn(DataType.VarChar, words) };
  const matched = (pattern: string): string[] =>
    passing(`word like ${pattern}`, columns, words.length).map((row) => words[row]!);
  assert.deepEqual(matched('"a%"'), ["abc", "aXc", "a%c", "abcabc"]);
  assert.deepEqual(matched('"%c"'), ["abc", "aXc", "a%c", "abcabc"]);
  assert.deepEqual(matched('"%bc%"'), ["abc", "abcabc"]);
  assert.deepEqual(matched('"a_c"'), ["abc", "aXc", "a%c"]);
  assert.deepEqual(matched('"a\\%c"'), ["a%c"]);
  assert.deepEqual(matched('"a\\\\%c"'), ["a%c"]);
  assert.deepEqual(matched('r"a\\%c"'), ["a%c"]);
  assert.deepEqual(matched('"___"'), ["abc", "aXc", "a%c", "日本語"]);
  assert.deepEqual(matched('"日_語"'), ["日本語"]);
  assert.deepEqual(matched('"%日_語"'), ["日本語"]);
  assert.deepEqual(matched('"%"'), words);
  assert.deepEqual(matched('""'), [""]);
  assert.deepEqual(matched('"%abc"'), ["abc", "abcabc"]);
  assert.deepEqual(matched('"ab%bc"'), ["abcabc"]);
});

test("a hit across two rows is none", () => {
  const columns = { word: bytesColumn(DataType.VarChar, ["ab", "ab", "b", "ba", "", "xbax"]) };
  assert.deepEqual(passing('word like "%ba%"', columns, 6), [3, 5]);
});

test("integer arithmetic is exact beyond 2^53, and wraps at 64 bits", () => {
  const values = BigInt64Array.of(3n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n);
  const columns = { i64: { kind: "fixed", type: DataType.Int64, values, valid: null } as const };
  assert.deepEqual(passing("i64 * 3002399751580331 == 9007199254740993", columns, 4), [0]);
  assert.deepEqual(passing("i64 * 3002399751580331 == 9007199254740992", columns, 4), []);
  assert.deepEqual(passing("i64 + 1 == -9223372036854775808", columns, 4), [1]);
  assert.deepEqual(passing("i64 - 1 == 9223372036854775807", columns, 4), [2]);
  assert.deepEqual(passing("i64 - 1 > 0", columns, 4), [0, 1, 2, 3]);
  assert.deepEqual(passing("i64 % 2 == 1", columns, 4), [0, 1, 3]);
  assert.deepEqual(passing("i64 / 2 == 4503599627370496", columns, 4), [3]);
});

test("a Float column compares with the constant as float32", () => {
  const columns = { f32: { kind: "fixed", type: DataType.Float, values: Float32Array.of(0.1), valid: null } as const };
  assert.deepEqual(passing("f32 == 0.1", columns, 1), [0]);
  assert.deepEqual(passing("f32 > 0.1", columns, 1), []);
  assert.deepEqual(passing("f32 in [0.1]", columns, 1), [0]);
});
