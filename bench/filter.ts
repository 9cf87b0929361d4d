/**
 * Filters in TypeScript: a range over a million int64 beside a plain read of the same bytes, other leaves over the same rows, and
 * how many short filters are parsed in a second.
 *
 * Medians and fastest times after a warm-up; on a busy machine read the fastest.
 */

import { bytesColumn, type Column, type FixedColumn } from "../src/model/columns.ts";
import type { CollectionSchema, FieldSchema } from "../src/model/schema.ts";
import { DataType } from "../src/model/types.ts";
import { compileFilter } from "../src/expr/evaluate.ts";
import { parseFilter } from "../src/expr/filter.ts";

const ROWS = 1_000_000;
const JSON_ROWS = 100_000;
const RUNS = 15;

export async function filterBench(): Promise<void> {
  const columns = table();
  const source = { column: (fieldId: bigint): Column => columns.get(fieldId)! };
  const halves = new Int32Array((columns.get(100n) as FixedColumn).values.buffer);
  report(
    `read ${ROWS} int64`,
    ROWS,
    measure(() => sum(halves)),
  );
  const filters = [
    [ROWS, "100000 <= id < 600000"],
    [ROWS, "id > 9007199254740993"],
    [ROWS, "id % 7 == 3"],
    [ROWS, `id in [${Array.from({ length: 1000 }, (_, at) => at * 977).join(", ")}]`],
    [ROWS, "price > 0.5"],
    [ROWS, 'name like "name-12%"'],
    [ROWS, 'name like "%99%"'],
    [ROWS, 'name in ["name-1", "name-77", "name-4000"]'],
    [ROWS, 'id > 500000 and price < 0.25 and name like "name-1%"'],
    [JSON_ROWS, 'doc["size"] > 500'],
    [JSON_ROWS, 'doc["size"] > 500 and doc["color"] == "red"'],
  ] as const;
  for (const [rowCount, text] of filters) {
    const filter = compileFilter(parseFilter(text, SCHEMA)!);
    report(
      text.slice(0, 60),
      rowCount,
      measure(() => filter(source, rowCount).length),
    );
  }
  const short = [
    "id > 5",
    "id in [1, 2, 3]",
    'name like "a%" and price < 1.5',
    'doc["size"] >= 10 or not (color == "red")',
    "1 < id <= 100",
  ];
  const count = 20_000;
  const { fastest, median } = measure(() => {
    for (let at = 0; at < count; at += 1) parseFilter(short[at % short.length]!, SCHEMA);
    return count;
  });
  console.log(`  short filters parsed per second: ${rate(count, fastest)} (median ${rate(count, median)})`);
  const list = `id in [${Array.from({ length: 100_000 }, (_, at) => BigInt(at) * 92233720368547n).join(", ")}]`;
  const parsed = measure(() => (parseFilter(list, SCHEMA) === null ? 0 : 1));
  console.log(`  list of 100,000 keys: ${parsed.fastest.toFixed(1)} ms (median ${parsed.median.toFixed(1)} ms)`);
}

function sum(halves: Int32Array): number {
  let total = 0;
  for (let at = 0; at < halves.length; at += 2) total = (total + (halves[at]! ^ halves[at + 1]!)) | 0;
  return total;
}

interface Times {
  readonly fastest: number;
  readonly median: number;
}

let sink = 0;

function measure(run: () => number): Times {
  for (let warm = 0; warm < 3; warm += 1) sink += run();
  const times: number[] = [];
  for (let number = 0; number < RUNS; number += 1) {
    const started = performance.now();
    sink += run();
    times.push(performance.now() - started);
  }
  times.sort((left, right) => left - right);
  return { fastest: times[0]!, median: times[RUNS >> 1]! };
}

function report(name: string, rowCount: number, { fastest, median }: Times): void {
  const perRow = ((fastest * 1e6) / rowCount).toFixed(2);
  console.log(`  ${name}: ${fastest.toFixed(2)} ms (median ${median.toFixed(2)}), ${perRow} ns a row of ${rowCount}`);
}

function rate(count: number, milliseconds: number): string {
  return Math.round((count / milliseconds) * 1000).toLocaleString("en");
}

function field(fieldId: bigint, name: string, dataType: DataType, isDynamic = false): FieldSchema {
  return {
    fieldId,
    name,
    description: "",
    dataType,
    elementType: DataType.None,
    isPrimaryKey: fieldId === 100n,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic,
    nullable: false,
    defaultValue: null,
    typeParams: [],
    dimension: 0,
    maxLengthBytes: 0,
  };
}

const SCHEMA: CollectionSchema = {
  name: "bench",
  description: "",
  enableDynamicField: true,
  version: 0,
  fields: [
    field(100n, "id", DataType.Int64),
    field(101n, "price", DataType.Float),
    field(102n, "name", DataType.VarChar),
    field(103n, "doc", DataType.JSON),
    field(104n, "$meta", DataType.JSON, true),
  ],
};

/** Ids in no order, so that no branch can be predicted. */
function table(): Map<bigint, Column> {
  const ids = new BigInt64Array(ROWS);
  const prices = new Float32Array(ROWS);
  const names: string[] = [];
  const documents: string[] = [];
  for (let row = 0; row < ROWS; row += 1) {
    const mixed = (Math.imul(row, 0x9e3779b1) >>> 0) % ROWS;
    ids[row] = BigInt(mixed);
    prices[row] = mixed / ROWS;
    names.push(`name-${mixed % 5000}`);
    if (row < JSON_ROWS) {
      const color = mixed % 3 === 0 ? "red" : "blue";
      documents.push(
        `{"title": "thing number ${mixed}", "tags": ["a", "b"], "size": ${mixed % 1000}, "color": "${color}"}`,
      );
    }
  }
  return new Map<bigint, Column>([
    [100n, { kind: "fixed", type: DataType.Int64, values: ids, valid: null }],
    [101n, { kind: "fixed", type: DataType.Float, values: prices, valid: null }],
    [102n, bytesColumn(DataType.VarChar, names)],
    [103n, bytesColumn(DataType.JSON, documents)],
    [104n, bytesColumn(DataType.JSON, [])],
  ]);
}
