/** Walks through the nearest rows of a segment, a page at a time, as an iterator does; for tests and benches. */

import type { Bitset } from "../../model/bitset.ts";
import type { SearchStrategy } from "../../model/explain.ts";
import { type Metric, isDistance } from "../../model/types.ts";
import type { VectorValues } from "../../model/vectors.ts";
import type { SealedSegment } from "../sealed.ts";
import { VECTOR } from "./indexed-segment.ts";

export interface Walk {
  readonly rows: number[];
  readonly scores: number[];
  readonly strategies: SearchStrategy[];
  /** To rows and to codes. */
  distances: number;
}

/** Few rows have the very score of another: those that have, at the end of a page, are left out. */
export async function walkPages(
  segment: SealedSegment,
  metric: Metric,
  query: VectorValues,
  {
    pageRows,
    rowCount,
    allowed = null,
  }: { readonly pageRows: number; readonly rowCount: number; allowed?: Bitset | null },
): Promise<Walk> {
  const walk: Walk = { rows: [], scores: [], strategies: [], distances: 0 };
  const ascends = isDistance(metric);
  const outer = ascends ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const view = segment.view(1_000n);
  while (walk.rows.length < rowCount) {
    const last = walk.scores.at(-1);
    const range = { outer, inner: last === undefined ? -outer : neighbour(last, ascends) };
    const search = { fieldId: VECTOR, queries: query, queryCount: 1, metric, k: pageRows, range, explain: true };
    const { rows, scores, explanation } = await segment.search(search, view, allowed);
    walk.rows.push(...rows);
    walk.scores.push(...scores);
    walk.strategies.push(explanation!.strategy);
    walk.distances += explanation!.codeDistances + explanation!.exactScores;
    if (rows.length < pageRows) break;
  }
  return walk;
}

/** The next float of 32 bits above, or below. */
function neighbour(score: number, above: boolean): number {
  const float = Float32Array.of(score);
  const bits = new Int32Array(float.buffer);
  bits[0]! += score > 0 === above ? 1 : -1;
  return float[0]!;
}
