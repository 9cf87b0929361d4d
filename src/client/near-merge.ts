/**
 * Hits of the segments of a lent collection as one list, for one query: by score, then by key, each key once.
 *
 * Always true: the order is that of `rank/reduce.ts`; of a key that several lists have the best hit stays.
 */

import { isDistance, type Metric } from "../model/types.ts";
import type { Key } from "./values.ts";

/** Of one segment, in order. */
export interface NearList {
  /** The segment's place in the lent collection. */
  readonly segment: number;
  readonly ids: readonly Key[];
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
}

/** Hit `at` is `entries[at]` of `lists[sources[at]]`. */
export interface Merged {
  readonly lists: readonly NearList[];
  readonly sources: readonly number[];
  readonly entries: readonly number[];
}

export function mergeLists(lists: readonly NearList[], limit: number, metric: Metric): Merged {
  const [sources, entries]: [number[], number[]] = [[], []];
  const heads = lists.map(() => 0);
  const seen = lists.length > 1 ? new Set<Key>() : null;
  const sign = isDistance(metric) ? 1 : -1;
  while (entries.length < limit) {
    let best = -1;
    for (let at = 0; at < lists.length; at += 1) {
      if (heads[at]! >= lists[at]!.ids.length) continue;
      if (best < 0 || isBefore(lists[at]!, heads[at]!, lists[best]!, heads[best]!, sign)) best = at;
    }
    if (best < 0) break;
    const entry = heads[best]!;
    heads[best] = entry + 1;
    if (seen !== null) {
      const id = lists[best]!.ids[entry]!;
      if (seen.has(id)) continue;
      seen.add(id);
    }
    sources.push(best);
    entries.push(entry);
  }
  return { lists, sources, entries };
}

function isBefore(left: NearList, leftEntry: number, right: NearList, rightEntry: number, sign: 1 | -1): boolean {
  const [one, other] = [left.scores[leftEntry]!, right.scores[rightEntry]!];
  return one === other ? left.ids[leftEntry]! < right.ids[rightEntry]! : one < other === (sign === 1);
}
