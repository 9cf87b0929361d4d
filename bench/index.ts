/**
 * The kernel's graph index, lean and packed, beside libraries: processor seconds of a build, memory, searches a second of one core at
 * equal recall, and what filters cost.
 *
 *     npm run bench -- index [wordnet=<folder> | clusters=<rows>] [peers=<name>,…]
 *
 * Rounds of both alternate, so that a busy machine troubles them alike; rates are medians over rounds of all queries in one call,
 * on processor time. Read the ratios. Recall is of the 10 nearest, against an exact search.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emptyBitset, setBit } from "../src/model/bitset.ts";
import type { Bitset } from "../src/model/bitset.ts";
import type { GraphLayout, IndexKernel } from "../src/kernel/index-kernel.ts";
import { MAX_K } from "../src/kernel/kernel.ts";
import type { Handle } from "../src/kernel/kernel.ts";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import { clusters, wordnet } from "./index/data.ts";
import type { BenchData } from "./index/data.ts";
import { PEERS, peerOf } from "./index/peer.ts";
import { median, printLoad, printTable, thousands } from "./measure.ts";

const K = 10;
const M = 16;
const EF_CONSTRUCTION = 200;
/** Half of hnswlib's: batches and the choice of neighbours need fewer candidates for the same recall. */
const BEAM = 100;
const ROUNDS = 3;
const WIDTHS = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
/** A curve ends where this is reached. */
const ENOUGH = 0.995;
const RECALLS = [0.9, 0.95, 0.98, 0.99];
const AGAINST = 50;
const SHARES = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001];
const DEFAULT_ROWS = 100_000;

interface Point {
  readonly width: number;
  readonly recall: number;
  readonly perSecond: number;
}

/** Processor seconds of this process. The kernel has one thread here, and JavaScript waits. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** One of those that are compared. */
interface Subject {
  readonly name: string;
  readonly buildSeconds: number;
  readonly bytes: number;
  search(ef: number): Promise<{ readonly recall: number; readonly perSecond: number }>;
}

export async function indexBench(parts: readonly string[]): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(kernel.reason);
    return;
  }
  let data: BenchData | null = null;
  let peers: readonly string[] = PEERS;
  for (const part of parts) {
    const [name, value = ""] = part.split("=", 2);
    if (name === "wordnet") data = wordnet(value);
    else if (name === "clusters" && Number(value) >= 1) data = clusters(Number(value));
    else if (name === "peers") peers = value.split(",");
    else throw new Error(`${part} is none of wordnet=<folder>, clusters=<rows>, peers=<name>,…`);
  }
  const folder = mkdtempSync(join(tmpdir(), "elanus-bench-index-"));
  const threads = kernel.threads;
  kernel.threads = 1;
  try {
    await benchIn(folder, kernel, data ?? clusters(DEFAULT_ROWS), peers);
  } finally {
    kernel.threads = threads;
    rmSync(folder, { recursive: true });
  }
}

async function benchIn(folder: string, kernel: NativeKernel, data: BenchData, peers: readonly string[]): Promise<void> {
  printLoad();
  const { metric, dimension, queries } = data;
  const rowCount = data.rows.length / dimension;
  const queryCount = queries.length / dimension;
  console.log(`${data.name}: ${thousands(rowCount)} rows x ${dimension}, ${metric}, ${thousands(queryCount)} queries`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "rows.f32"), data.rows);
  writeFileSync(join(folder, "queries.f32"), queries);
  const rows = kernel.mapRows(join(folder, "rows.f32"), 0, rowCount, { element: "float32", dimension });
  const exact = { rows, rowCount, queries, metric, k: K, rank: null, range: null };
  const truth = (await kernel.exactSearch({ ...exact, allowed: null })).rows;
  writeFileSync(join(folder, "truth.u32"), truth);
  const shape = { metric, dimension, k: K, m: M, efConstruction: EF_CONSTRUCTION };
  writeFileSync(join(folder, "shape.json"), JSON.stringify(shape));

  const { indexes } = kernel;
  const own = new Map<string, Handle>();
  const subjects: Subject[] = [];
  for (const layout of ["packed", "lean"] as const) {
    const { index, ...built } = await buildOne(kernel, rows, rowCount, metric, layout, join(folder, layout));
    own.set(layout, index);
    const search = (ef: number) => searchOnce(indexes, index, queries, queryCount, ef, null, truth);
    subjects.push({ name: layout, ...built, search });
  }
  const ends: (() => void)[] = [];
  for (const name of PEERS.filter((known) => peers.includes(known))) {
    const peer = await peerOf(name, folder);
    if (peer === null) continue;
    ends.push(() => peer.end());
    const { seconds, bytes } = await peer.build();
    const search = async (ef: number) => {
      const answer = await peer.search(ef);
      return { recall: answer.recall, perSecond: queryCount / answer.seconds };
    };
    subjects.push({ name, buildSeconds: seconds, bytes, search });
  }
  const first = subjects.find(({ name }) => name === PEERS[0]);
  const part = (one: number, of: number | undefined) => (of === undefined ? "" : (one / of).toFixed(2));
  printTable(
    `Build (M ${M}; beam ${BEAM}, efConstruction ${EF_CONSTRUCTION}), and memory; ours without raw rows (${megabytes(data.rows.byteLength)} MB, mapped), the others with them`,
    ["", "processor s", `/ ${PEERS[0]}`, "MB", `/ ${PEERS[0]}`],
    subjects.map(({ name, buildSeconds, bytes }) => [
      name,
      buildSeconds.toFixed(1),
      part(buildSeconds, first?.buildSeconds),
      megabytes(bytes),
      part(bytes, first?.bytes),
    ]),
  );

  const curves = await curvesOf(subjects);
  for (const end of ends) end();
  for (const { name } of subjects.slice(0, 2)) {
    const points = curves
      .get(name)!
      .map(({ width, recall, perSecond }) => [String(width), recall.toFixed(3), thousands(perSecond)]);
    printTable(`${name}, by width`, ["ef", "recall", "searches a second"], points);
  }
  printTable(
    "Searches a second of one core at equal recall, between the measured widths; in brackets packed / it, lean / it",
    ["recall", ...subjects.map(({ name }) => name)],
    RECALLS.map((recall) => {
      const rates = subjects.map(({ name }) => rateAt(curves.get(name)!, recall));
      const [packed, lean] = rates;
      const cell = (rate: number | null): string => {
        if (rate === null) return "not reached";
        const ratios = [packed, lean].map((one) => (one == null ? "-" : (one / rate).toFixed(2)));
        return `${thousands(rate)} (${ratios.join(", ")})`;
      };
      return [recall.toFixed(2), ...rates.map(cell)];
    }),
  );

  for (const [layout, index] of own) {
    const unfiltered = rateAt(curves.get(layout)!, 0.99);
    const table: string[][] = [];
    for (const share of SHARES) {
      const allowed = allowedRows(rowCount, share);
      const filteredTruth = (await kernel.exactSearch({ ...exact, allowed })).rows;
      const rates: number[] = [];
      let recall = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const one = await searchOnce(indexes, index, queries, queryCount, 64, allowed, filteredTruth);
        rates.push(one.perSecond);
        recall = one.recall;
      }
      const rate = median(rates);
      table.push([
        `${100 * share} % at random`,
        recall.toFixed(3),
        thousands(rate),
        unfiltered === null ? "" : (rate / unfiltered).toFixed(2),
      ]);
    }
    for (const barred of [100, 1000, MAX_K])
      if (barred < rowCount) table.push(await against(kernel, index, data, rows, unfiltered, barred));
    printTable(`Filters, ${layout}, ef 64`, ["allowed", "recall", "searches a second", "/ unfiltered at .99"], table);
    indexes.closeIndex(index);
  }
  kernel.close(rows);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

async function buildOne(
  kernel: NativeKernel,
  rows: Handle,
  rowCount: number,
  metric: BenchData["metric"],
  layout: GraphLayout,
  path: string,
): Promise<{ readonly index: Handle; readonly buildSeconds: number; readonly bytes: number }> {
  const start = processorSeconds();
  const graph = { kind: "graph", layout, degree: 2 * M, beam: BEAM } as const;
  await kernel.indexes.buildIndex({ ...graph, rows, rowCount, metric, seed: 1, path }).done;
  const buildSeconds = processorSeconds() - start;
  const index = await kernel.indexes.openIndex(path, rows);
  return { index, buildSeconds, bytes: kernel.indexes.describeIndex(index).memoryBytes };
}

/** Rounds of all subjects alternate, width by width. A subject that has found enough takes no wider searches. */
async function curvesOf(subjects: readonly Subject[]): Promise<ReadonlyMap<string, readonly Point[]>> {
  const rates = new Map(subjects.map(({ name }) => [name, new Map<number, number[]>()]));
  const recalls = new Map<string, Map<number, number>>(subjects.map(({ name }) => [name, new Map<number, number>()]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [place, width] of WIDTHS.entries()) {
      for (const { name, search } of subjects) {
        const known = recalls.get(name)!;
        if (place > 0 && (known.get(WIDTHS[place - 1]!) ?? 1) >= ENOUGH) continue;
        const { recall, perSecond } = await search(width);
        known.set(width, recall);
        const own = rates.get(name)!;
        own.set(width, [...(own.get(width) ?? []), perSecond]);
      }
    }
  }
  return new Map(
    subjects.map(({ name }) => [
      name,
      [...rates.get(name)!].map(([width, all]) => ({
        width,
        recall: recalls.get(name)!.get(width)!,
        perSecond: median(all),
      })),
    ]),
  );
}

/** A filter for each query: all rows but those that are nearest to it. */
async function against(
  kernel: NativeKernel,
  index: Handle,
  data: BenchData,
  rows: Handle,
  unfiltered: number | null,
  barredCount: number,
): Promise<string[]> {
  const { metric, dimension } = data;
  const rowCount = data.rows.length / dimension;
  const shared = { rows, rowCount, metric, rank: null, range: null };
  const rates: number[] = [];
  let recall = 0;
  for (let query = 0; query < AGAINST; query += 1) {
    const queries = data.queries.subarray(query * dimension, (query + 1) * dimension);
    const near = await kernel.exactSearch({ ...shared, queries, k: barredCount, allowed: null });
    const barred = new Set(near.rows);
    const allowed = emptyBitset(rowCount);
    for (let row = 0; row < rowCount; row += 1) if (!barred.has(row)) setBit(allowed, row);
    const truth = (await kernel.exactSearch({ ...shared, queries, k: K, allowed })).rows;
    const one = await searchOnce(kernel.indexes, index, queries, 1, 64, allowed, truth);
    recall += one.recall / AGAINST;
    rates.push(one.perSecond);
  }
  const rate = median(rates);
  const ratio = unfiltered === null ? "" : (rate / unfiltered).toFixed(2);
  return [`all but the ${thousands(barredCount)} nearest`, recall.toFixed(3), thousands(rate), ratio];
}

async function searchOnce(
  indexes: IndexKernel,
  index: Handle,
  queries: Float32Array,
  queryCount: number,
  ef: number,
  allowed: Bitset | null,
  truth: Uint32Array,
): Promise<{ readonly recall: number; readonly perSecond: number }> {
  const start = processorSeconds();
  const hits = await indexes.searchIndex({
    index,
    queries,
    k: K,
    parameters: { kind: "graph", ef },
    allowed,
    rank: null,
    range: null,
    timeLimitMicroseconds: null,
  });
  const perSecond = queryCount / (processorSeconds() - start);
  let found = 0;
  for (let first = 0; first < truth.length; first += K) {
    const wanted = new Set(truth.subarray(first, first + K));
    for (const row of hits.rows.subarray(first, first + K)) if (wanted.has(row)) found += 1;
  }
  return { recall: found / truth.length, perSecond };
}

/** Between the two measured points around the recall, on a logarithmic scale of rates; null where it was not reached. */
function rateAt(curve: readonly Point[], recall: number): number | null {
  const after = curve.findIndex((point) => point.recall >= recall);
  if (after < 0) return null;
  const [high, low] = [curve[after]!, curve[after - 1]];
  if (low === undefined) return high.perSecond;
  const part = (recall - low.recall) / (high.recall - low.recall);
  return Math.exp(Math.log(low.perSecond) * (1 - part) + Math.log(high.perSecond) * part);
}

function allowedRows(rowCount: number, share: number): Bitset {
  const bits = emptyBitset(rowCount);
  let state = 7;
  for (let row = 0; row < rowCount; row += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    if (state / 2 ** 32 < share) setBit(bits, row);
  }
  return bits;
}
