/** What filters cost a graph index beside no filter: shares of the rows at random, and those that bar just where the query is. */

import { MAX_K, NO_ROW } from "../../src/kernel/kernel.ts";
import type { NativeKernel } from "../../src/kernel/native.ts";
import { clearBit, emptyBitset, fullBitset, setBit } from "../../src/model/bitset.ts";
import type { Bitset } from "../../src/model/bitset.ts";
import { median, printTable, thousands } from "../measure.ts";
import type { Answer } from "./curves.ts";
import { K, rowsOf } from "./data.ts";
import type { BenchData } from "./data.ts";
import type { OwnIndex } from "./own.ts";

const ROUNDS = 3;
const WIDTH = 64;
const SHARES = [0.5, 0.2, 0.15, 0.1, 0.05, 0.02, 0.01, 0.001];
const AGAINST = 50;
const BARRED = [100, 1000, MAX_K];

/** `unfiltered`: searches a second at recall .99. */
export async function filterTable(
  kernel: NativeKernel,
  data: BenchData,
  index: OwnIndex,
  unfiltered: number | null,
): Promise<void> {
  const { metric, rowCount, queries, dimension } = data;
  const rows = rowsOf(kernel, data, 0, rowCount);
  const exact = { rows, rowCount, metric, rank: null, range: null };
  const table: string[][] = [];
  const line = (what: string, recall: number, rate: number): void => {
    const ratio = unfiltered === null ? "" : (rate / unfiltered).toFixed(2);
    table.push([what, recall.toFixed(3), thousands(rate), ratio]);
  };
  for (const share of SHARES) {
    const allowed = allowedRows(rowCount, share);
    const truth = (await kernel.exactSearch({ ...exact, queries, k: K, allowed })).rows;
    const answers: Answer[] = [];
    for (let round = 0; round < ROUNDS; round += 1) answers.push(await index.search(WIDTH, truth, { allowed }));
    line(`${100 * share} % at random`, answers[0]!.recall, median(answers.map(({ perSecond }) => perSecond)));
  }
  // A filter for each query: all rows but those that are nearest to it.
  for (const barredCount of BARRED) {
    const answers: Answer[] = [];
    for (let query = 0; query < AGAINST; query += 1) {
      const one = queries.subarray(query * dimension, (query + 1) * dimension);
      const near = await kernel.exactSearch({ ...exact, queries: one, k: barredCount, allowed: null });
      const allowed = fullBitset(rowCount);
      for (const row of near.rows) if (row !== NO_ROW) clearBit(allowed, row);
      const truth = (await kernel.exactSearch({ ...exact, queries: one, k: K, allowed })).rows;
      answers.push(await index.search(WIDTH, truth, { queries: one, allowed }));
    }
    const recall = answers.reduce((sum, answer) => sum + answer.recall, 0) / AGAINST;
    line(`all but the ${thousands(barredCount)} nearest`, recall, median(answers.map(({ perSecond }) => perSecond)));
  }
  const columns = ["allowed", "recall", "searches a second", "/ unfiltered at .99"];
  printTable(`Filters, ${index.name}, ef ${WIDTH}`, columns, table);
  kernel.close(rows);
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
