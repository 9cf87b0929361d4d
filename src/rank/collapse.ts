/**
 * Hits that are elements become hits that are rows: all that a query found of a row count as one.
 *
 * Always true:
 *  - only elements that were found count, in the order in which they were: the best come first;
 *  - rows are ordered by what they have then; of equal ones that comes first whose best element did;
 *  - the place of a row is that of its best element.
 */

import { assert } from "../base/assert.ts";
import type { Hits } from "../model/plan.ts";
import { type Metric, isDistance } from "../model/types.ts";
import { keyReader } from "../segment/key-reader.ts";
import { gatherHits } from "./gather-hits.ts";
import { KeyIndex } from "./key-index.ts";

/** `most`: only so many of a row's best elements. */
export interface Collapse {
  readonly mode: "best" | "sum" | "average";
  readonly most: number;
}

export function collapseElements(hits: Hits, metric: Metric, { mode, most }: Collapse): Hits {
  assert(hits.elements !== undefined, "the hits are elements");
  const keys = [keyReader(hits.keys)];
  const sign = isDistance(metric) ? 1 : -1;
  const offsets = new Uint32Array(hits.offsets.length);
  const entries: number[] = [];
  const scores: number[] = [];
  for (let query = 0; query + 1 < hits.offsets.length; query += 1) {
    const [start, end] = [hits.offsets[query]!, hits.offsets[query + 1]!];
    const index = new KeyIndex(keys, end - start);
    const sums = new Float32Array(end - start);
    const counts = new Uint32Array(end - start);
    for (let entry = start; entry < end; entry += 1) {
      const row = index.placeOf(0, entry);
      if (counts[row]! >= (mode === "best" ? 1 : most)) continue;
      sums[row]! += hits.scores[entry]!;
      counts[row]! += 1;
    }
    if (mode === "average") for (let row = 0; row < index.size; row += 1) sums[row]! /= counts[row]!;
    const order = Uint32Array.from({ length: index.size }, (_, row) => row);
    // Scores may be infinite, so they are compared and not subtracted.
    order.sort((left, right) =>
      sums[left] === sums[right] ? left - right : sums[left]! < sums[right]! ? -sign : sign,
    );
    for (const row of order) {
      entries.push(index.entryOf(row));
      scores.push(sums[row]!);
    }
    offsets[query + 1] = entries.length;
  }
  const { elements: _, ...rows } = gatherHits(
    [hits],
    offsets,
    new Uint32Array(entries.length),
    Uint32Array.from(entries),
  );
  return { ...rows, scores: Float32Array.from(scores) };
}
