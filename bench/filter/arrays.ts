/**
 * Leaves over arrays, over arrays in documents, over times moved by months, and samples: in the kernel, beside the evaluator over columns. By the
 * processor time of the thread, as both run on it.
 */

import { codeColumn } from "../../src/expr/code-columns.ts";
import { compileCode } from "../../src/expr/compile.ts";
import { compileFilter } from "../../src/expr/evaluate.ts";
import { parseFilter } from "../../src/expr/filter.ts";
import type { PlaceColumn } from "../../src/kernel/filter-kernel.ts";
import { type BytesColumn, bytesColumn, type Column, type ElementColumn } from "../../src/model/columns.ts";
import type { CollectionSchema } from "../../src/model/schema.ts";
import { DataType } from "../../src/model/types.ts";
import { PlaceColumns } from "../../src/segment/place-columns.ts";
import { median, printTable, thousands } from "../measure.ts";
import { nativeKernel } from "./scan.ts";
import { benchField, SCHEMA } from "./table.ts";

const ROWS = 200_000;
const ROUNDS = 5;
const DOCUMENTS = 103n;

const ARRAYS: CollectionSchema = {
  ...SCHEMA,
  fields: [
    ...SCHEMA.fields,
    { ...benchField(107n, "tags", DataType.Array), elementType: DataType.Int64 },
    { ...benchField(108n, "words", DataType.Array), elementType: DataType.VarChar },
    benchField(109n, "time", DataType.Timestamptz),
  ],
};

export async function arraysPart(): Promise<void> {
  const { filters } = nativeKernel();
  const columns = arrays();
  const documents = columns.get(DOCUMENTS) as BytesColumn;
  const source = { column: (fieldId: bigint): Column => columns.get(fieldId)! };
  const places = new PlaceColumns(filters);
  const lines: string[][] = [];
  for (const text of [
    "tags[0] > 500",
    "tags[3] in [7, 77, 777]",
    'words[1] == "word-77"',
    "array_length(tags) > 4",
    "array_contains(tags, 77)",
    "array_contains_any(tags, [7, 77, 777, 7777])",
    "array_contains_all(tags, [7, 77])",
    'array_contains(words, "word-77")',
    'json_contains(doc["tags"], 77)',
    'json_contains_any(doc["tags"], [7, 77, "x"])',
    'json_contains_all(doc["tags"], [7, 77])',
    'array_length(doc["tags"]) > 4',
    "time + INTERVAL 'P1M' > ISO '2025-01-01T00:00:00Z'",
    "random_sample(0.1)",
  ]) {
    const filter = parseFilter(text, ARRAYS)!;
    const { program, columns: wanted } = compileCode(filter)!;
    const kept = new Map<readonly string[], PlaceColumn>();
    for (const { use, path } of wanted) {
      if (use === "place") kept.set(path, (await places.read(DOCUMENTS, documents, [path], ROWS))![0]!);
    }
    const values = wanted.map(({ fieldId, use, path }) =>
      use === "place" ? kept.get(path)! : codeColumn(use, columns.get(fieldId)!),
    );
    const evaluator = compileFilter(filter);
    const run = { program, columns: values, rowCount: ROWS, wanted: null };
    const native = processorMilliseconds(() => filters.filterNow(run));
    const evaluated = processorMilliseconds(() => evaluator(source, ROWS));
    lines.push([text, native.toFixed(2), evaluated.toFixed(2), (evaluated / native).toFixed(1)]);
  }
  printTable(
    `leaves over ${thousands(ROWS)} rows, arrays of 0 to 7, processor time of one thread`,
    ["", "kernel, ms", "TypeScript, ms", "ratio"],
    lines,
  );
}

/** The median of some rounds, each of as many calls as take a while: the clock of the processor is coarse. */
function processorMilliseconds(action: () => unknown): number {
  action();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.threadCpuUsage();
    let calls = 0;
    let used = 0;
    while (used < 20_000) {
      action();
      calls += 1;
      const { user, system } = process.threadCpuUsage(before);
      used = user + system;
    }
    times.push(used / calls / 1000);
  }
  return median(times);
}

function arrays(): Map<bigint, Column> {
  const offsets = new Uint32Array(ROWS + 1);
  for (let row = 0; row < ROWS; row += 1) offsets[row + 1] = offsets[row]! + (Math.imul(row, 0x9e3779b1) >>> 29);
  const numbers = Array.from({ length: offsets[ROWS]! }, (_, at) => (Math.imul(at, 0x85ebca6b) >>> 0) % 1000);
  const column = (elementType: DataType, elements: ElementColumn): Column => ({
    kind: "array",
    type: DataType.Array,
    elementType,
    offsets,
    elements,
    valid: null,
  });
  const words = bytesColumn(
    DataType.VarChar,
    numbers.map((number) => `word-${number}`),
  );
  const documents = Array.from(
    { length: ROWS },
    (_, row) => `{"title": "thing ${row}", "tags": [${numbers.slice(offsets[row], offsets[row + 1]).join(", ")}]}`,
  );
  const times = BigInt64Array.from({ length: ROWS }, (_, row) => 1_700_000_000_000_000n + BigInt(row) * 400_000_000n);
  const fixed = (type: DataType, values: BigInt64Array): Column & ElementColumn => ({
    kind: "fixed",
    type,
    values,
    valid: null,
  });
  return new Map<bigint, Column>([
    [DOCUMENTS, bytesColumn(DataType.JSON, documents)],
    [107n, column(DataType.Int64, fixed(DataType.Int64, BigInt64Array.from(numbers, BigInt)))],
    [108n, column(DataType.VarChar, words)],
    [109n, fixed(DataType.Timestamptz, times)],
  ]);
}
