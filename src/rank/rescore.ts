/** Hits with other scores, in the order that these give them. */

import { assert } from "../base/assert.ts";
import type { Hits } from "../model/plan.ts";
import { keyReader } from "../segment/key-reader.ts";
import { gatherHits } from "./gather-hits.ts";
import type { Window } from "./reduce.ts";

/**
 * Ties are ordered by key. A score that is no number comes last and is told as 0. `entries`: where each of the hits was.
 */
export function rescored(
  hits: Hits,
  scores: Float32Array,
  isDescending: boolean,
  { offset, limit }: Window,
): { readonly hits: Hits; readonly entries: Uint32Array } {
  assert(scores.length === hits.rows.length, "every hit has a score");
  const keys = keyReader(hits.keys);
  const sign = isDescending ? -1 : 1;
  const compare = (left: number, right: number): number => {
    const [a, b] = [scores[left]!, scores[right]!];
    if (Number.isNaN(a) || Number.isNaN(b)) {
      if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
    } else if (a !== b) return a < b ? -sign : sign;
    return keys.compare(left, keys, right);
  };
  const offsets = new Uint32Array(hits.offsets.length);
  const chosen: number[] = [];
  for (let query = 0; query + 1 < offsets.length; query += 1) {
    const [start, end] = [hits.offsets[query]!, hits.offsets[query + 1]!];
    const order = Array.from({ length: end - start }, (_, at) => start + at).toSorted(compare);
    chosen.push(...order.slice(offset, limit === null ? undefined : offset + limit));
    offsets[query + 1] = chosen.length;
  }
  const entries = Uint32Array.from(chosen);
  const moved = gatherHits([hits], offsets, new Uint32Array(entries.length), entries);
  return {
    hits: { ...moved, scores: Float32Array.from(entries, (entry) => scores[entry]! || 0) },
    entries,
  };
}
