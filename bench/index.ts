/**
 * The kernel's graph index beside hnswlib: processor seconds of a build, memory, searches a second of one core at equal recall,
 * and what filters cost.
 *
 * Rounds of both alternate, so that a busy machine troubles them alike; rates are medians over rounds of all queries in one call,
 * on processor time. Read the ratios. Recall is of the 10 nearest, against an exact search.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emptyBitset, setBit } from "../src/model/bitset.ts";
import type { Bitset } from "../src/model/bitset.ts";
import type { IndexKernel } from "../src/kernel/index-kernel.ts";
import { MAX_K } from "../src/kernel/kernel.ts";
import type { Handle } from "../src/kernel/kernel.ts";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import { benchData } from "./index/data.ts";
import type { BenchData } from "./index/data.ts";
import { hnswlibPeer } from "./index/peer.ts";
import type { Peer } from "./index/peer.ts";
import { median, printLoad, printTable, thousands } from "./measure.ts";

const K = 10;
const M = 16;
const EF_CONSTRUCTION = 200;
/** Half of hnswlib's: batches and the choice of neighbours need fewer candidates for the same recall. */
const BEAM = 100;
const ROUNDS = 3;
const WIDTHS = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
const PEER_WIDTHS = [...WIDTHS, 768, 1024];
const RECALLS = [0.9, 0.95, 0.98, 0.99];
const AGAINST = 50;
const SHARES = [0.5, 0.1, 0.01, 0.001];

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

export async function indexBench(): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(kernel.reason);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "elanus-bench-index-"));
  const threads = kernel.threads;
  kernel.threads = 1;
  try {
    await benchIn(folder, kernel, benchData());
  } finally {
    kernel.threads = threads;
    rmSync(folder, { recursive: true });
  }
}

async function benchIn(folder: string, kernel: NativeKernel, data: BenchData): Promise<void> {
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
  const peer = await hnswlibPeer(folder);
  const peerBuild = peer === null ? null : await peer.build();

  const { indexes } = kernel;
  const path = join(folder, "lean.index");
  const start = processorSeconds();
  const job = indexes.buildIndex({ kind: "graph", rows, rowCount, metric, degree: 2 * M, beam: BEAM, seed: 1, path });
  let peakBytes = 0;
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, indexes.memoryUsed().buildBytes);
  }, 50);
  await job.done;
  clearInterval(watch);
  const buildSeconds = processorSeconds() - start;
  const index = await indexes.openIndex(path, rows);
  const about = indexes.describeIndex(index);
  if (about.kind !== "graph") throw new Error("a graph was built");
  const bytes = about.codeBytes + about.listBytes + about.otherBytes;
  const degrees = about.rowsOfDegree.reduce((sum, count, degree) => sum + count * degree, 0) / about.graphRowCount;
  printTable(
    `Build (M ${M}; beam ${BEAM}, efConstruction ${EF_CONSTRUCTION}), and memory without raw rows; hnswlib holds raw rows too`,
    ["", "processor s", "MB", "neighbours a row"],
    [
      ["lean", buildSeconds.toFixed(1), (bytes / 1e6).toFixed(0), degrees.toFixed(1)],
      ["lean, while it is built", "", (peakBytes / 1e6).toFixed(0), ""],
      ["raw rows, mapped", "", ((rowCount * dimension * 4) / 1e6).toFixed(0), ""],
      ...(peerBuild === null
        ? []
        : [["hnswlib", peerBuild.seconds.toFixed(1), (peerBuild.bytes / 1e6).toFixed(0), ""]]),
      ...(peerBuild === null
        ? []
        : [
            ["lean / hnswlib", (buildSeconds / peerBuild.seconds).toFixed(2), (bytes / peerBuild.bytes).toFixed(2), ""],
          ]),
    ],
  );

  const [ours, theirs] = await curves(indexes, index, queries, queryCount, truth, peer);
  peer?.end();
  const points = ours.map(({ width, recall, perSecond }) => [String(width), recall.toFixed(3), thousands(perSecond)]);
  printTable("Lean, by width", ["ef", "recall", "searches a second"], points);
  printTable(
    "Searches a second of one core at equal recall, between the measured widths",
    ["recall", "lean", "hnswlib", "lean / hnswlib"],
    RECALLS.map((recall) => {
      const [own, other] = [rateAt(ours, recall), rateAt(theirs, recall)];
      const ratio = own === null || other === null ? "" : (own / other).toFixed(2);
      return [recall.toFixed(2), own === null ? "" : thousands(own), other === null ? "" : thousands(other), ratio];
    }),
  );

  const unfiltered = rateAt(ours, 0.99);
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
  table.push(await against(kernel, index, data, rows, unfiltered));
  printTable("Filters, ef 64", ["allowed", "recall", "searches a second", "/ unfiltered at .99"], table);
  indexes.closeIndex(index);
  kernel.close(rows);
}

/** A filter for each query: all rows but those that are nearest to it. */
async function against(
  kernel: NativeKernel,
  index: Handle,
  data: BenchData,
  rows: Handle,
  unfiltered: number | null,
): Promise<string[]> {
  const { metric, dimension } = data;
  const rowCount = data.rows.length / dimension;
  const shared = { rows, rowCount, metric, rank: null, range: null };
  const rates: number[] = [];
  let recall = 0;
  for (let query = 0; query < AGAINST; query += 1) {
    const queries = data.queries.subarray(query * dimension, (query + 1) * dimension);
    const near = await kernel.exactSearch({ ...shared, queries, k: MAX_K, allowed: null });
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
  return [`all but the ${thousands(MAX_K)} nearest`, recall.toFixed(3), thousands(rate), ratio];
}

async function curves(
  indexes: IndexKernel,
  index: Handle,
  queries: Float32Array,
  queryCount: number,
  truth: Uint32Array,
  peer: Peer | null,
): Promise<[Point[], Point[]]> {
  const ours = WIDTHS.map((width) => ({ width, recall: 0, rates: [] as number[] }));
  const theirs = PEER_WIDTHS.map((width) => ({ width, recall: 0, rates: [] as number[] }));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [at, other] of theirs.entries()) {
      const own = ours[at];
      if (own !== undefined) {
        const one = await searchOnce(indexes, index, queries, queryCount, own.width, null, truth);
        own.recall = one.recall;
        own.rates.push(one.perSecond);
      }
      if (peer === null) continue;
      const one = await peer.search(other.width);
      other.recall = one.recall;
      other.rates.push(queryCount / one.seconds);
    }
  }
  const points = (curve: typeof ours): Point[] =>
    curve.map(({ width, recall, rates }) => ({ width, recall, perSecond: median(rates) }));
  return [points(ours), peer === null ? [] : points(theirs)];
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
