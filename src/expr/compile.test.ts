import assert from "node:assert/strict";
import { test } from "node:test";
import { bitsetBytes } from "../model/bitset.ts";
import { bytesColumn, type Column } from "../model/columns.ts";
import type { Filter } from "../model/filter.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { filtersOf, loadKernel } from "../kernel/load.ts";
import { NativeKernel } from "../kernel/native.ts";
import { TwinFilters } from "../kernel/twin/filter.ts";
import { compileCode } from "./compile.ts";
import { evaluateFilter } from "./evaluate.ts";
import { parseFilter } from "./filter.ts";
import { printFilter } from "./print.ts";
import type { ColumnSource } from "./scan.ts";
import { assertSameRows, columnsOf, oracleRows } from "./testing/agreement.ts";
import { randomCastFilter, randomFilter } from "./testing/random-filter.ts";
import { randomTable, SCHEMA } from "./testing/random-table.ts";
import { Random } from "./testing/random.ts";

const native = loadKernel();
const twin = new TwinFilters();
const SETS = ["portable", "avx2", "avx512"];

/** What each leaf that was compiled is about. */
const compiled = new Map<string, number>();
let compiledCount = 0;

function countLeaves(filter: Filter): void {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.operands.forEach(countLeaves);
    case "not":
      return countLeaves(filter.operand);
    default: {
      const field = "field" in filter ? filter.field : null;
      const isElement = field !== null && field.dataType !== DataType.JSON && field.path.length > 0;
      const of = isElement ? " of an element" : field === null ? "" : ` of ${dataTypeName(field.dataType)}`;
      compiled.set(filter.kind + of, (compiled.get(filter.kind + of) ?? 0) + 1);
    }
  }
}

function agree(filter: Filter, source: ColumnSource, rowCount: number, where: string, asksTwin = true): void {
  const code = compileCode(filter);
  if (code === null) return;
  compiledCount += 1;
  countLeaves(filter);
  const columns = columnsOf(code, source, rowCount);
  const expected = oracleRows(filter, source, rowCount);
  for (const kernel of [filtersOf(native), asksTwin ? twin : null]) {
    if (kernel === null) continue;
    assertSameRows(
      kernel.filterNow({ program: code.program, columns, rowCount, wanted: null }),
      expected,
      filter,
      where,
    );
  }
}

/** Now and then with the last operand that only the text of a request brings. */
function sampled(random: Random, filter: Filter): Filter {
  if (random.chance(0.9)) return filter;
  const sample: Filter = { kind: "sample", factor: random.next(), seed: random.below(2 ** 32) };
  if (filter.kind === "constant") return sample;
  return { kind: "and", operands: [...(filter.kind === "and" ? filter.operands : [filter]), sample] };
}

for (const set of native instanceof NativeKernel ? SETS : ["none"]) {
  test(`programs say what the oracle says: ${set}`, (context) => {
    // It knows no instruction sets: once is enough.
    const asksTwin = set === SETS[0] || set === "none";
    if (native instanceof NativeKernel) {
      const before = native.instructionSet;
      try {
        native.useInstructionSet(set);
      } catch {
        context.diagnostic(`${set} is not to be had here`);
        return;
      }
      context.after(() => native.useInstructionSet(before));
    }
    compiledCount = 0;
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = new Random(seed * 31);
      const rowCount = random.below(150);
      const source = randomTable(random, rowCount);
      for (let number = 0; number < 20; number += 1) {
        agree(sampled(random, randomCastFilter(random)), source, rowCount, `seed ${seed}, filter ${number}`, asksTwin);
      }
    }
    assert.ok(compiledCount > 4000, `${compiledCount} programs`);
    for (const leaf of [
      ...["contains", "length"].flatMap((kind) => [`${kind} of Array`, `${kind} of JSON`]),
      ...["compare", "range", "in", "like", "arithmetic"].map((kind) => `${kind} of an element`),
      "interval of Timestamptz",
      "sample",
    ]) {
      assert.ok((compiled.get(leaf) ?? 0) >= 20, `${compiled.get(leaf)} programs with ${leaf}`);
    }
  });
}

test("rows beyond one stretch and one piece, off the thread, and only those that are wanted", async () => {
  if (!(native instanceof NativeKernel)) return;
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = new Random(seed * 977);
    const rowCount = seed === 1 ? 140_000 : 8192 + random.below(9000);
    const source = randomTable(random, rowCount);
    const filter = randomFilter(random, 2);
    const code = compileCode(filter);
    if (code === null) continue;
    const wanted = new Uint8Array(bitsetBytes(rowCount)).map(() => (random.chance(0.7) ? random.below(256) : 0));
    const run = { program: code.program, columns: columnsOf(code, source, rowCount), rowCount, wanted: null };
    const expected = evaluateFilter(filter, source, rowCount);
    assert.deepEqual(native.filters.filterNow(run), expected, `seed ${seed}: ${printFilter(filter, SCHEMA)}`);
    assert.deepEqual(await native.filters.filterOffThread(run), expected, `seed ${seed}`);
    const fewer = expected.map((byte, at) => byte & wanted[at]!);
    assert.deepEqual(await native.filters.filterOffThread({ ...run, wanted }), fewer, `seed ${seed}`);
  }
});

test("arrays longer than a stretch, and elements far behind their ends", () => {
  const rowCount = 300;
  const lengths = Array.from({ length: rowCount }, (_, row) => (row % 100 === 50 ? 20_000 : row % 4));
  const offsets = new Uint32Array(rowCount + 1);
  for (let row = 0; row < rowCount; row += 1) offsets[row + 1] = offsets[row]! + lengths[row]!;
  const values = BigInt64Array.from({ length: offsets[rowCount]! }, (_, at) => BigInt((at * 7919) % 30_011));
  const elements = { kind: "fixed", type: DataType.Int64, values, valid: null } as const;
  const tags: Column = {
    kind: "array",
    type: DataType.Array,
    elementType: DataType.Int64,
    offsets,
    elements,
    valid: null,
  };
  const source = { column: () => tags };
  for (const text of [
    "array_contains(tags, 77)",
    "array_contains_all(tags, [1, 2, 3])",
    "array_contains_any(tags, [29999, 30000])",
    "array_contains_all(tags, [])",
    "array_length(tags) == 20000",
    "tags[19999] >= 0",
    "tags[20000] >= 0",
    "tags[4294967295] >= 0",
    "tags[1] in [7919, 15838]",
  ]) {
    const before = compiledCount;
    agree(parseFilter(text, SCHEMA)!, source, rowCount, text);
    assert.equal(compiledCount, before + 1, text);
  }
});

test("elements of documents are held against constants, and against arrays of them, exactly", () => {
  const documents = [
    '{"a": [1, 2.5, "x", true, null, [1, [2]], {"b": 1}]}',
    '{"a": [9007199254740993, -0.0, "\\u0061", []]}',
    '{"a": [9007199254740992.0, 1e2, false, [1, 2], [[1], "x"]]}',
    '{"a": []}',
    '{"a": {"0": 1}}',
    '{"a": "[1]"}',
    "{}",
    '{"a" : [ 1 , [ 1 , [ 2 ] ] ] }',
  ];
  const column = bytesColumn(DataType.JSON, documents);
  for (const text of [
    ...["1", "2.5", '"x"', "true", "false", "9007199254740993", "9007199254740992", "100", '"a"', "0"].map(
      (one) => `json_contains(doc["a"], ${one})`,
    ),
    ...["[]", "[1, 2]", "[1, [2]]", '[[1], "x"]', "[1]"].map((one) => `json_contains(doc["a"], ${one})`),
    'json_contains_all(doc["a"], [1, "x", [1, [2]]])',
    'json_contains_any(doc["a"], [77, false, [2], "a"])',
    'json_contains_all(doc["a"], [])',
    'json_contains_any(doc["a"], [])',
    'array_length(doc["a"]) >= 4',
    'array_length(doc["a"]) != 0',
  ]) {
    const before = compiledCount;
    agree(parseFilter(text, SCHEMA)!, { column: () => column }, documents.length, text);
    assert.equal(compiledCount, before + 1, text);
  }
});
