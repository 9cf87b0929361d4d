/**
 * Growing rows: from how many on is a graph quicker than a scan, what does a row cost to insert, and how much slower are searches while
 * 1,000 rows a second come? One kernel thread for the first, all for the second. Scan and graph are measured one after the other in the
 * same rounds, medians are told.
 */

import type { Handle, SearchHits } from "../src/kernel/kernel.ts";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import type { Column } from "../src/model/columns.ts";
import { DataType, Metric } from "../src/model/types.ts";
import { GrowingSegment } from "../src/segment/growing.ts";
import { KEY_FIELD, testSchema, VECTOR_FIELD } from "../src/segment/testing/version-model.ts";

const SIZES = [1000, 2000, 4000, 8000, 16_000, 32_000];
const DIMENSIONS = [128, 384];
const QUERIES = 40;
const K = 10;
const ROUNDS = 5;
const BESIDE_ROWS = 20_000;
const BATCHES = 50;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Rows around two hundred centres. */
export function rowsOf(count: number, dimension: number, seed: number): Float32Array {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const values = new Float32Array(count * dimension);
  for (let row = 0; row < count; row += 1) {
    const centre = Math.floor((random() + 0.5) * 200);
    for (let at = 0; at < dimension; at += 1) {
      const middle = Math.sin((centre * dimension + at) * 12.9898);
      values[row * dimension + at] = middle + random() + random() + random();
    }
  }
  return values;
}

function recall(found: SearchHits, truth: SearchHits): number {
  let hits = 0;
  for (let query = 0; query < QUERIES; query += 1) {
    const own = new Set(found.rows.subarray(query * K, (query + 1) * K));
    for (let at = query * K; at < (query + 1) * K; at += 1) if (own.has(truth.rows[at]!)) hits += 1;
  }
  return hits / truth.rows.length;
}

export async function growingGraphBench(parts: readonly string[]): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(`growing-graph: nothing to measure, ${kernel.reason}`);
    return;
  }
  const { threads } = kernel;
  kernel.threads = 1;
  const wants = (part: string): boolean => parts.length === 0 || parts.includes(part);
  if (wants("crossover")) for (const dimension of DIMENSIONS) await crossover(kernel, dimension);
  kernel.threads = threads;
  if (wants("beside")) for (const dimension of DIMENSIONS) await beside(kernel, dimension);
}

async function crossover(kernel: NativeKernel, dimension: number): Promise<void> {
  console.log(`\n${dimension} dimensions, COSINE, one thread: a query, scan against graph (ef 64)`);
  const rows = kernel.createRows({ element: "float32", dimension });
  const graph = kernel.indexes.createGrowing({ rows, metric: "COSINE", degree: 32, beam: 64, seed: 0 });
  const queries = rowsOf(QUERIES, dimension, 99);
  const shared = { queries, k: K, allowed: null, rank: null, range: null };
  let have = 0;
  for (const rowCount of SIZES) {
    const added = rowCount - have;
    kernel.appendRows(rows, rowsOf(added, dimension, rowCount));
    const start = process.cpuUsage();
    const index: Handle = await kernel.indexes.extendGrowing(graph, rowCount);
    const { user, system } = process.cpuUsage(start);
    have = rowCount;
    const scans: number[] = [];
    const walks: number[] = [];
    let share = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const begin = performance.now();
      const truth = await scanEach(kernel, rows, rowCount, queries, dimension);
      const middle = performance.now();
      for (let query = 0; query < QUERIES; query += 1) {
        const one = queries.subarray(query * dimension, (query + 1) * dimension);
        await kernel.indexes.searchIndex({
          ...shared,
          queries: one,
          index,
          parameters: { kind: "graph", ef: 64 },
          timeLimitMicroseconds: null,
        });
      }
      walks.push((1000 * (performance.now() - middle)) / QUERIES);
      scans.push((1000 * (middle - begin)) / QUERIES);
      if (round > 0) continue;
      const parameters = { kind: "graph", ef: 64 } as const;
      const found = await kernel.indexes.searchIndex({ ...shared, index, parameters, timeLimitMicroseconds: null });
      share = recall(found, truth);
    }
    const ratio = median(scans.map((scan, round) => scan / walks[round]!));
    console.log(
      `  ${String(rowCount).padStart(6)} rows: insert ${((user + system) / added).toFixed(0)} µs of processor a row; ` +
        `scan ${median(scans).toFixed(0)} µs, graph ${median(walks).toFixed(0)} µs, scan / graph ${ratio.toFixed(2)}, recall ${share.toFixed(3)}`,
    );
    kernel.indexes.closeIndex(index);
  }
  kernel.indexes.closeGrowing(graph);
  kernel.close(rows);
}

async function scanEach(
  kernel: NativeKernel,
  rows: Handle,
  rowCount: number,
  queries: Float32Array,
  dimension: number,
): Promise<SearchHits> {
  const search = { rows, rowCount, metric: "COSINE", k: K, allowed: null, rank: null, range: null } as const;
  for (let query = 0; query < QUERIES; query += 1) {
    await kernel.exactSearch({ ...search, queries: queries.subarray(query * dimension, (query + 1) * dimension) });
  }
  return kernel.exactSearch({ ...search, queries });
}

/** Searches of a growing segment, with nothing else to do and beside 1,000 rows a second. */
async function beside(kernel: NativeKernel, dimension: number): Promise<void> {
  const schema = testSchema("int64");
  const fields = schema.fields
    .filter(({ fieldId }) => fieldId === KEY_FIELD || fieldId === VECTOR_FIELD)
    .map((field) => (field.fieldId === VECTOR_FIELD ? { ...field, dimension } : field));
  const options = { segmentId: 7n, partitionId: 3n, collectionId: 1n, channel: "c", startPosition: 0n };
  const segment = new GrowingSegment({ ...options, schema: { ...schema, fields } }, kernel);
  let timestamp = 1n;
  const append = (values: Float32Array): void => {
    const count = values.length / dimension;
    const keys = BigInt64Array.from({ length: count }, (_, at) => BigInt(segment.rowCount + at));
    const vector: Column = { kind: "vector", type: DataType.FloatVector, dimension, values, valid: null };
    const columns = new Map<bigint, Column>([
      [KEY_FIELD, { kind: "fixed", type: DataType.Int64, values: keys, valid: null }],
      [VECTOR_FIELD, vector],
    ]);
    timestamp += 1n;
    segment.append({ rowCount: count, columns }, keys, timestamp);
  };
  append(rowsOf(BESIDE_ROWS, dimension, 1));
  const queries = rowsOf(QUERIES, dimension, 99);
  let asked = 0;
  const search = async (): Promise<void> => {
    asked += 1;
    const query = (asked % QUERIES) * dimension;
    await segment.search(
      {
        fieldId: VECTOR_FIELD,
        queries: queries.subarray(query, query + dimension),
        queryCount: 1,
        metric: Metric.COSINE,
        k: K,
        range: null,
        indexType: "HNSW",
      },
      segment.view(timestamp),
      null,
    );
  };
  /** Searches a second, and µs of processor each, with all that went on beside them. */
  const searchUntil = async (isOver: () => boolean): Promise<{ readonly rate: number; readonly processor: number }> => {
    const [start, first, before] = [performance.now(), asked, process.cpuUsage()];
    while (!isOver()) await search();
    const { user, system } = process.cpuUsage(before);
    const count = asked - first;
    return { rate: (1000 * count) / (performance.now() - start), processor: (user + system) / count };
  };
  await search();
  await segment.settled();
  const ratios: number[] = [];
  const rates: number[][] = [];
  for (let round = 0; round < 3; round += 1) {
    const end = performance.now() + 2000;
    const idle = await searchUntil(() => performance.now() >= end);
    const batches = Array.from({ length: BATCHES }, (_, at) => rowsOf(100, dimension, 1000 * round + at));
    let next = 0;
    const timer = setInterval(() => {
      if (next < BATCHES) append(batches[next]!);
      next += 1;
    }, 100);
    const busy = await searchUntil(() => next >= BATCHES);
    clearInterval(timer);
    await segment.settled();
    ratios.push(busy.rate / idle.rate);
    rates.push([idle.rate, busy.rate, idle.processor, busy.processor]);
  }
  const of = (place: number): string => median(rates.map((pair) => pair[place]!)).toFixed(0);
  console.log(
    `\n${BESIDE_ROWS} growing rows x ${dimension}, one search at a time: idle ${of(0)} QPS, ` +
      `beside 1,000 inserts/s ${of(1)} QPS, ${(100 * median(ratios)).toFixed(0)} %; ` +
      `${of(2)} and ${of(3)} µs of processor a search, inserts and graph included`,
  );
  segment.close();
}
