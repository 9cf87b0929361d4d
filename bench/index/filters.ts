/**
 * What filters cost a graph index, beside no filter and beside a scan of all allowed rows: shares of the rows at random, half-spaces, and
 * those that bar just where the query is.
 *
 * What is promised: recall, and that no search takes more than a tenth more than the dearer of those two. A width that no walk can have
 * makes the index scan: that is the scan it is compared with.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { MAX_WIDTH } from "../../src/kernel/index-kernel.ts";
import { MAX_K, NO_ROW } from "../../src/kernel/kernel.ts";
import type { NativeKernel } from "../../src/kernel/native.ts";
import { clearBit, emptyBitset, setBit } from "../../src/model/bitset.ts";
import type { Bitset } from "../../src/model/bitset.ts";
import { median, printTable, thousands } from "../measure.ts";
import type { Answer } from "./curves.ts";
import { K, rowsOf } from "./data.ts";
import type { BenchData } from "./data.ts";
import type { OwnIndex } from "./own.ts";

const ROUNDS = 5;
const WIDTH = 64;
const QUERIES = 1000;
/** A scan of many rows takes milliseconds a query. */
const SCANNED_QUERIES = 40;
const SHARES = [0.99, 0.5, 0.3, 0.2, 0.15, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001];
/** Of rows that are left when others were deleted. */
const LEFT = [0.99, 0.9, 0.7, 0.5, 0.2, 0.05];
const HALF_SPACES = [0.5, 0.2, 0.1, 0.05];
const AGAINST = 40;
const BARRED = [
  { share: 1, nearest: 100 },
  { share: 0.5, nearest: 100 },
  { share: 0.2, nearest: 100 },
  { share: 0.05, nearest: 100 },
  { share: 1, nearest: 1000 },
  { share: 0.2, nearest: 1000 },
  { share: 0.05, nearest: 1000 },
  { share: 1, nearest: MAX_K },
];

interface Asked {
  readonly queries: Float32Array;
  readonly allowed: Bitset;
  /** What is not allowed was deleted. */
  readonly isUnfiltered?: boolean;
}

export async function filterTable(kernel: NativeKernel, data: BenchData, index: OwnIndex): Promise<void> {
  const { metric, rowCount, dimension } = data;
  const queries = data.queries.subarray(0, QUERIES * dimension);
  const rows = rowsOf(kernel, data, 0, rowCount);
  const exact = { rows, rowCount, metric, rank: null, range: null };
  const nearestOf = async (asked: Asked, k: number): Promise<Uint32Array> =>
    (await kernel.exactSearch({ ...exact, ...asked, k })).rows;
  const table: string[][] = [];

  /** Each of `all` is a filter with its queries; what they take and find is a mean over all of them. */
  const line = async (what: string, all: readonly Asked[]): Promise<void> => {
    const truths: Uint32Array[] = [];
    for (const asked of all) truths.push(await nearestOf(asked, K));
    const round = async (ef: number, most: number, allowed: boolean): Promise<Answer> => {
      let [seconds, recall, count] = [0, 0, 0];
      for (const [place, asked] of all.entries()) {
        const some = asked.queries.subarray(0, most * dimension);
        const truth = truths[place]!.subarray(0, (K * some.length) / dimension);
        const answer = await index.search(ef, truth, {
          queries: some,
          allowed: allowed ? asked.allowed : null,
          isUnfiltered: asked.isUnfiltered === true,
        });
        const asks = some.length / dimension;
        seconds += asks / answer.perSecond;
        recall += asks * answer.recall;
        count += asks;
      }
      return { perSecond: count / seconds, recall: recall / count };
    };
    const mean = ([first, second]: readonly number[]): number => (first! + second!) / 2;
    const [filtered, without, scan]: [number[], number[], number[]] = [[], [], []];
    let recall = 0;
    const withFilter = async (): Promise<number> => {
      const answer = await round(WIDTH, QUERIES, true);
      ({ recall } = answer);
      return 1e6 / answer.perSecond;
    };
    const scanning = async (): Promise<number> => 1e6 / (await round(MAX_WIDTH, SCANNED_QUERIES, true)).perSecond;
    const plain = async (): Promise<number> => 1e6 / (await round(WIDTH, QUERIES, false)).perSecond;
    for (let turn = 0; turn < ROUNDS; turn += 1) {
      // Who comes second finds bits and rows in the caches: so each comes first once, after what used neither.
      const plains = [await plain()];
      const filters = [await withFilter()];
      const scans = [await scanning()];
      plains.push(await plain());
      scans.push(await scanning());
      filters.push(await withFilter());
      without.push(mean(plains));
      filtered.push(mean(filters));
      scan.push(mean(scans));
    }
    const dearer = Math.max(median(without), median(scan));
    table.push([
      what,
      recall.toFixed(3),
      ...[filtered, without, scan].map((times) => thousands(Math.round(median(times)))),
      (median(filtered) / dearer).toFixed(2),
    ]);
  };

  for (const share of SHARES) {
    await line(`${100 * share} % at random`, [{ queries, allowed: atRandom(rowCount, share) }]);
  }
  for (const share of LEFT) {
    const allowed = atRandom(rowCount, share);
    await line(`${100 * share} % left of what was deleted`, [{ queries, allowed, isUnfiltered: true }]);
  }
  const alongs = along(data);
  const inOrder = alongs.toSorted();
  for (const share of HALF_SPACES) {
    const allowed = emptyBitset(rowCount);
    const bound = inOrder[Math.floor(share * (rowCount - 1))]!;
    for (let row = 0; row < rowCount; row += 1) if (alongs[row]! <= bound) setBit(allowed, row);
    await line(`half-space, ${100 * share} %`, [{ queries, allowed }]);
  }
  // A filter for each query.
  for (const { share, nearest } of BARRED) {
    const all: Asked[] = [];
    for (let query = 0; query < AGAINST; query += 1) {
      const one = queries.subarray(query * dimension, (query + 1) * dimension);
      const asked = { queries: one, allowed: atRandom(rowCount, share) };
      for (const row of await nearestOf({ ...asked, allowed: atRandom(rowCount, 1) }, nearest)) {
        if (row !== NO_ROW) clearBit(asked.allowed, row);
      }
      all.push(asked);
    }
    await line(`${100 * share} %, less the ${thousands(nearest)} nearest`, all);
  }
  const columns = ["allowed", "recall", "µs a query", "without a filter", "scan", "/ the dearer"];
  printTable(`Filters, ${index.name}, ef ${WIDTH}`, columns, table);
  kernel.close(rows);
}

function atRandom(rowCount: number, share: number): Bitset {
  const bits = emptyBitset(rowCount);
  let state = 7;
  for (let row = 0; row < rowCount; row += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    if (state / 2 ** 32 < share) setBit(bits, row);
  }
  return bits;
}

/** How far each row lies along one direction. */
function along({ path, rowCount, dimension }: BenchData): Float32Array {
  let state = 11;
  const direction = Float32Array.from({ length: dimension }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  const alongs = new Float32Array(rowCount);
  // A piece at a time: a file of more than 2 GiB is not read in one go.
  const values = new Float32Array(Math.min(rowCount, 65_536) * dimension);
  const file = openSync(path, "r");
  try {
    for (let first = 0; first < rowCount; first += values.length / dimension) {
      readSync(file, values, 0, values.byteLength, 4 * dimension * first);
      const count = Math.min(values.length / dimension, rowCount - first);
      for (let row = 0; row < count; row += 1) {
        let sum = 0;
        for (let at = 0; at < dimension; at += 1) sum += direction[at]! * values[row * dimension + at]!;
        alongs[first + row] = sum;
      }
    }
  } finally {
    closeSync(file);
  }
  return alongs;
}
