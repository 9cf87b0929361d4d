/**
 * Exact search, slow and obvious: score every row that qualifies, sort the scores to find the k-th, sort the rows up to it.
 *
 * It runs on the calling thread in slices of fixed work, so that an abort is noticed and a simulation stays repeatable.
 */

import type { Runtime } from "../../base/host/runtime.ts";
import { hasBit } from "../../model/bitset.ts";
import { isDistance } from "../../model/types.ts";
import { NO_ROW } from "../kernel.ts";
import type { ExactSearch, SearchHits } from "../kernel.ts";
import type { RowLayout, RowValues } from "../layout.ts";
import { scorer } from "./score.ts";

/** Products between two looks at the signal: a few milliseconds at most. */
export const SLICE = 1 << 20;

/** Rows and their keys: scores turned so that smaller is better. */
interface Candidates {
  readonly rows: Uint32Array;
  readonly keys: Float32Array;
}

export async function searchExactly(
  search: ExactSearch,
  values: RowValues,
  layout: RowLayout,
  queryCount: number,
  runtime: Runtime,
  signal: AbortSignal | null,
): Promise<SearchHits> {
  const hits = noHits(queryCount, search.k);
  signal?.throwIfAborted();
  let budget = SLICE;
  for (let query = 0; query < queryCount; query += 1) {
    const rows = new Uint32Array(search.rowCount);
    const keys = new Float32Array(search.rowCount);
    const scoreOfRow = scorer(search.metric, layout, search.queries, query, search);
    let count = 0;
    for (let row = 0; row < search.rowCount; row += 1) {
      budget -= layout.dimension;
      if (budget <= 0) {
        await runtime.yield();
        signal?.throwIfAborted();
        budget = SLICE;
      }
      if (search.allowed !== null && !hasBit(search.allowed, row)) continue;
      const score = scoreOfRow(values, row);
      if (Number.isNaN(score) || !isInRange(search, score)) continue;
      rows[count] = row;
      keys[count] = isDistance(search.metric) ? score : 0 - score;
      count += 1;
    }
    takeBest(search, query, { rows: rows.subarray(0, count), keys: keys.subarray(0, count) }, hits);
  }
  return hits;
}

export function noHits(queryCount: number, k: number): SearchHits {
  return {
    rows: new Uint32Array(queryCount * k).fill(NO_ROW),
    scores: new Float32Array(queryCount * k).fill(Number.NaN),
    tied: new Uint8Array(queryCount),
  };
}

function isInRange(search: ExactSearch, score: number): boolean {
  if (search.range === null) return true;
  const outer = Math.fround(search.range.outer);
  const inner = search.range.inner === null ? null : Math.fround(search.range.inner);
  if (isDistance(search.metric)) return score < outer && (inner === null || inner <= score);
  return outer < score && (inner === null || score <= inner);
}

/** Puts the best of the candidates, in order, where the hits of the query are. */
export function takeBest(
  search: Pick<ExactSearch, "metric" | "k" | "rank">,
  query: number,
  { rows, keys }: Candidates,
  hits: SearchHits,
): void {
  const count = Math.min(search.k, rows.length);
  if (count === 0) return;
  const last = keys.toSorted()[count - 1]!;
  const rankOf = (at: number): number => (search.rank === null ? 0 : search.rank[rows[at]!]!);
  const best: number[] = [];
  for (let at = 0; at < rows.length; at += 1) if (keys[at]! <= last) best.push(at);
  best.sort((a, b) => keys[a]! - keys[b]! || rankOf(a) - rankOf(b) || rows[a]! - rows[b]!);
  const start = query * search.k;
  for (let place = 0; place < count; place += 1) {
    hits.rows[start + place] = rows[best[place]!]!;
    hits.scores[start + place] = isDistance(search.metric) ? keys[best[place]!]! : 0 - keys[best[place]!]!;
  }
  hits.tied[query] = best.length > search.k ? 1 : 0;
}
