/**
 * Hits of two searches of disjoint rows of one segment, made into what one search of all of them would give.
 *
 * Always true: best first, equal scores by rank, then row, as in each part; `tied` tells of a row outside the hits with the score of the
 * last one, whichever part knows of it.
 */

import { NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import { type Metric, isDistance } from "../model/types.ts";

export function mergeHits(
  left: SearchHits,
  right: SearchHits,
  metric: Metric,
  k: number,
  rank: Uint32Array | null,
): SearchHits {
  const sign = isDistance(metric) ? 1 : -1;
  const merged = {
    rows: new Uint32Array(left.rows.length).fill(NO_ROW),
    scores: new Float32Array(left.rows.length).fill(Number.NaN),
    tied: new Uint8Array(left.tied.length),
  };
  const rankOf = (row: number): number => (rank === null ? 0 : rank[row]!);
  for (let query = 0; query < left.tied.length; query += 1) {
    const start = query * k;
    const end = start + k;
    let [fromLeft, fromRight] = [start, start];
    const has = (hits: SearchHits, at: number): boolean => at < end && hits.rows[at] !== NO_ROW;
    const isLeftFirst = (): boolean => {
      if (!has(right, fromRight)) return true;
      if (!has(left, fromLeft)) return false;
      const [one, other] = [left.rows[fromLeft]!, right.rows[fromRight]!];
      const order =
        sign * (left.scores[fromLeft]! - right.scores[fromRight]!) || rankOf(one) - rankOf(other) || one - other;
      return order <= 0;
    };
    let place = start;
    for (; place < end && (has(left, fromLeft) || has(right, fromRight)); place += 1) {
      const takesLeft = isLeftFirst();
      const hits = takesLeft ? left : right;
      const at = takesLeft ? fromLeft++ : fromRight++;
      merged.rows[place] = hits.rows[at]!;
      merged.scores[place] = hits.scores[at]!;
    }
    if (place < end) continue;
    const last = merged.scores[end - 1]!;
    for (const [hits, at] of [
      [left, fromLeft],
      [right, fromRight],
    ] as const) {
      const isLeftOver = has(hits, at) && hits.scores[at] === last;
      if (isLeftOver || (hits.tied[query] === 1 && hits.scores[end - 1] === last)) merged.tied[query] = 1;
    }
  }
  return merged;
}
