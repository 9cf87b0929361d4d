/** Filters in the kernel beside what memory gives, beside the evaluator over columns, and beside asking row by row. */

import { compileCode } from "../../src/expr/compile.ts";
import { compileFilter } from "../../src/expr/evaluate.ts";
import { parseFilter } from "../../src/expr/filter.ts";
import { oracleTruth } from "../../src/expr/oracle.ts";
import type { FilterColumn, FilterRun } from "../../src/kernel/filter-kernel.ts";
import { loadKernel } from "../../src/kernel/load.ts";
import { NativeKernel } from "../../src/kernel/native.ts";
import { SystemRuntime } from "../../src/base/host/system.ts";
import { planFilter } from "../../src/expr/plan.ts";
import { bytesColumn, type Column } from "../../src/model/columns.ts";
import { DataType } from "../../src/model/types.ts";
import { encodeWkb } from "../../src/model/wkb.ts";
import { passingRows } from "../../src/segment/filter-rows.ts";
import { median, printTable, secondsOf, thousands } from "../measure.ts";
import { ids, SCHEMA, table } from "./table.ts";

const LONG_ROWS = 10_000_000;
const ROWS = 1_000_000;
const ROUNDS = 15;
const CONJUNCTION = 'a > 5 and b in [3, 14, 159, 265, 358, 979] and name like "name-1%"';

export async function medianMilliseconds(action: () => unknown, rounds = ROUNDS): Promise<number> {
  for (let warm = 0; warm < 3; warm += 1) await action();
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await secondsOf(action));
  return median(times) * 1000;
}

export function nativeKernel(): NativeKernel {
  const kernel = loadKernel();
  if (kernel instanceof NativeKernel) return kernel;
  throw new Error(`this bench needs the native kernel: ${kernel.reason}`);
}

function runOf(text: string, columns: ReadonlyMap<bigint, Column>, rowCount: number): FilterRun {
  const code = compileCode(parseFilter(text, SCHEMA)!)!;
  const values = code.columns.map(({ fieldId }) => columns.get(fieldId) as FilterColumn);
  return { program: code.program, columns: values, rowCount, wanted: null };
}

export async function scanPart(): Promise<void> {
  const kernel = nativeKernel();
  await bandwidth(kernel);
  const columns = table(ROWS, 0);
  await conjunction(kernel, columns);
  await leaves(kernel, columns);
  await boxes(kernel);
  await crossover(kernel, columns);
}

const GEOMETRIES = 50_000;

/** Predicates of geometries: how much of them the kernel takes from the event loop. */
async function boxes(kernel: NativeKernel): Promise<void> {
  const places = Array.from({ length: GEOMETRIES }, (_, row) => {
    const [x, y] = [(row * 7919) % 1000, (row * 104_729) % 1000].map((value) => value / 10) as [number, number];
    if (row % 2 === 0) return encodeWkb({ kind: "Point", point: [x, y] });
    const ring = [
      [x, y],
      [x + 1, y],
      [x + 1, y + 1],
      [x, y + 1],
      [x, y],
    ] as const;
    return encodeWkb({ kind: "Polygon", rings: [ring] });
  });
  const column = bytesColumn(DataType.Geometry, places);
  const runtime = new SystemRuntime();
  const source = {
    indexesOver: () => [],
    filters: kernel.filters,
    column: (): Column => column,
    places: async () => null,
  };
  const lines: string[][] = [];
  for (const side of [1, 10, 50]) {
    const text = `st_intersects(place, "POLYGON ((20 20, ${20 + side} 20, ${20 + side} ${20 + side}, 20 ${20 + side}, 20 20))")`;
    const plan = planFilter(parseFilter(text, SCHEMA)!);
    const evaluator = plan.evaluate();
    const boxed = await medianMilliseconds(() => passingRows(source, plan, GEOMETRIES, null, { runtime }), 5);
    const evaluated = await medianMilliseconds(() => evaluator(source, GEOMETRIES), 5);
    lines.push([`${(side * side) / 100} %`, boxed.toFixed(1), evaluated.toFixed(1), (evaluated / boxed).toFixed(1)]);
  }
  printTable(
    `st_intersects over ${thousands(GEOMETRIES)} points and squares, by the part of the plane that is asked for`,
    ["", "boxes in the kernel first, ms", "TypeScript alone, ms", "ratio"],
    lines,
  );
}

async function bandwidth(kernel: NativeKernel): Promise<void> {
  const column = ids(LONG_ROWS);
  // The same bytes as rows of floats, read once from front to back by one thread.
  const rows = kernel.createRows({ element: "float32", dimension: 16 });
  const floats = new Float32Array(column.values.buffer);
  for (let at = 0; at < floats.length; at += 1 << 20) kernel.appendRows(rows, floats.subarray(at, at + (1 << 20)));
  const run = runOf("2000000 <= id < 7000000", new Map([[100n, column]]), LONG_ROWS);
  const bytes = column.values.byteLength;
  const threads = kernel.threads;
  const read = await medianMilliseconds(() => kernel.readProbe(rows, floats.length / 16));
  const inline = await medianMilliseconds(() => kernel.filters.filterNow(run));
  const pool = await medianMilliseconds(() => kernel.filters.filterOffThread(run));
  const evaluator = compileFilter(parseFilter("2000000 <= id < 7000000", SCHEMA)!);
  const evaluated = await medianMilliseconds(() => evaluator({ column: () => column }, LONG_ROWS), 5);
  kernel.close(rows);
  const line = (name: string, milliseconds: number): string[] => [
    name,
    milliseconds.toFixed(2),
    (bytes / 1e6 / milliseconds).toFixed(1),
    `${((100 * read) / milliseconds).toFixed(0)} %`,
  ];
  printTable(
    `a range over ${thousands(LONG_ROWS)} Int64 (${kernel.instructionSet})`,
    ["", "ms", "GB/s", "of a plain read"],
    [
      line("plain read, one thread", read),
      line("filter, one thread", inline),
      line(`filter, pool of ${threads}`, pool),
      line("evaluator in TypeScript", evaluated),
    ],
  );
}

async function conjunction(kernel: NativeKernel, columns: ReadonlyMap<bigint, Column>): Promise<void> {
  const source = { column: (fieldId: bigint): Column => columns.get(fieldId)! };
  const filter = parseFilter(CONJUNCTION, SCHEMA)!;
  const run = runOf(CONJUNCTION, columns, ROWS);
  const evaluator = compileFilter(filter);
  const someRows = ROWS / 10;
  const naive = await medianMilliseconds(() => {
    let count = 0;
    for (let row = 0; row < someRows; row += 1) if (oracleTruth(filter, source, row) === true) count += 1;
    return count;
  }, 5);
  const evaluated = await medianMilliseconds(() => evaluator(source, ROWS));
  const inline = await medianMilliseconds(() => kernel.filters.filterNow(run));
  const pool = await medianMilliseconds(() => kernel.filters.filterOffThread(run));
  const naiveAll = naive * (ROWS / someRows);
  const line = (name: string, milliseconds: number): string[] => [
    name,
    milliseconds.toFixed(2),
    ((milliseconds * 1e6) / ROWS).toFixed(2),
    (naiveAll / milliseconds).toFixed(0),
  ];
  printTable(
    `${CONJUNCTION}, ${thousands(ROWS)} rows`,
    ["", "ms", "ns a row", "times the row-by-row evaluator"],
    [
      line("row by row (a tenth of the rows, times ten)", naiveAll),
      line("over columns in TypeScript", evaluated),
      line("kernel, one thread", inline),
      line(`kernel, pool of ${kernel.threads}`, pool),
    ],
  );
}

async function leaves(kernel: NativeKernel, columns: ReadonlyMap<bigint, Column>): Promise<void> {
  const source = { column: (fieldId: bigint): Column => columns.get(fieldId)! };
  const some = (count: number, step: number): string => Array.from({ length: count }, (_, at) => at * step).join(", ");
  const lines: string[][] = [];
  for (const text of [
    "100000 <= id < 600000",
    "id > 9007199254740993",
    "id % 7 == 3",
    `id in [${some(1000, 977)}]`,
    `id in [${some(100_000, 77_777)}]`,
    "price > 0.5",
    'name == "name-77"',
    'name like "name-12%"',
    'name like "%99%"',
    'name like "%9_9%"',
    'name in ["name-1", "name-77", "name-4000"]',
    'name =~ "99"',
    'name =~ "^name-[0-9]*7$"',
    'name =~ "(?i)NAME-(1|22|333).*5"',
  ]) {
    const run = runOf(text, columns, ROWS);
    const evaluator = compileFilter(parseFilter(text, SCHEMA)!);
    const native = await medianMilliseconds(() => kernel.filters.filterNow(run), 7);
    const evaluated = await medianMilliseconds(() => evaluator(source, ROWS), 7);
    const name = text.length > 40 ? `${text.slice(0, 24)}… of ${text.split(",").length}` : text;
    lines.push([name, native.toFixed(2), evaluated.toFixed(2), (evaluated / native).toFixed(1)]);
  }
  printTable(`leaves over ${thousands(ROWS)} rows, one thread`, ["", "kernel, ms", "TypeScript, ms", "ratio"], lines);
}

/** From how many rows on a change of threads is worth its time. */
async function crossover(kernel: NativeKernel, columns: ReadonlyMap<bigint, Column>): Promise<void> {
  const lines: string[][] = [];
  for (const rowCount of [1_000, 4_000, 16_000, 64_000, 256_000]) {
    const cells = [thousands(rowCount)];
    for (const text of ["id > 500000", CONJUNCTION]) {
      const run = runOf(text, columns, rowCount);
      const inline = await medianMilliseconds(() => kernel.filters.filterNow(run), 101);
      const pool = await medianMilliseconds(() => kernel.filters.filterOffThread(run), 101);
      cells.push((inline * 1000).toFixed(0), (pool * 1000).toFixed(0));
    }
    lines.push(cells);
  }
  printTable(
    "here or on the kernel's threads, µs",
    ["rows", "range here", "range there", "conjunction here", "conjunction there"],
    lines,
  );
}
