/**
 * How much of what is nearest an index finds, by a sample: some rows of the segment look for their neighbours, exactly and through the
 * index at several widths. Explanations of searches estimate from it.
 *
 * It flatters: questions from outside are harder than rows that the index knows, and filters are not in it.
 */

import type { IndexKernel, SearchParameters } from "../kernel/index-kernel.ts";
import { type Handle, type HashBits, type Kernel, NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import type { RecallSample } from "../model/explain.ts";
import type { Metric } from "../model/types.ts";

const QUERIES = 24;
const NEIGHBOURS = 10;

export interface SampledIndex {
  readonly kernel: Kernel;
  readonly indexes: IndexKernel;
  readonly rows: Handle;
  /** Rows in the index. */
  readonly rowCount: number;
  readonly metric: Metric;
  /** Of signatures. */
  readonly hashBits?: HashBits;
  readonly index: Handle;
  /** What it is asked with, ascending by width. */
  readonly widths: readonly { readonly width: number; readonly parameters: SearchParameters }[];
}

/** Ascending by width; none for few rows, or for an index that finds all there is. */
export async function sampleRecall(sampled: SampledIndex, signal: AbortSignal): Promise<RecallSample[]> {
  const { kernel, indexes, rows, rowCount, metric, index, widths } = sampled;
  if (rowCount <= NEIGHBOURS || widths.length === 0) return [];
  const numbers = Uint32Array.from(
    { length: Math.min(QUERIES, rowCount) },
    (_, at) => Math.floor(((at + 0.5) * rowCount) / QUERIES) % rowCount,
  );
  const queries = kernel.gatherRows(rows, numbers);
  // One more than wanted: the row itself does not count.
  const common = { queries, k: NEIGHBOURS + 1, allowed: null, rank: null, range: null };
  const { hashBits = 8 } = sampled;
  const exact = await kernel.exactSearch({ ...common, rows, rowCount, metric, hashBits }, signal);
  const samples: RecallSample[] = [];
  for (const { width, parameters } of widths) {
    const found = await indexes.searchIndex({ ...common, index, parameters, timeLimitMicroseconds: null }, signal);
    samples.push({ width, recall: sharedHits(numbers, exact, found) });
  }
  return samples;
}

function sharedHits(numbers: Uint32Array, exact: SearchHits, found: SearchHits): number {
  let [shared, wanted] = [0, 0];
  for (const [query, own] of numbers.entries()) {
    const others = (hits: SearchHits): Uint32Array =>
      hits.rows
        .subarray(query * (NEIGHBOURS + 1), (query + 1) * (NEIGHBOURS + 1))
        .filter((row) => row !== own && row !== NO_ROW)
        .subarray(0, NEIGHBOURS);
    const right = new Set(others(exact));
    wanted += right.size;
    for (const row of others(found)) if (right.has(row)) shared += 1;
  }
  return wanted === 0 ? 1 : shared / wanted;
}
