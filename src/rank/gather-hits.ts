/** Hits out of several lists, put together in a wanted order. */

import { assert } from "../base/assert.ts";
import type { KeyColumn } from "../model/columns.ts";
import type { Hits } from "../model/plan.ts";
import { gatherColumn } from "./gather.ts";

/** Hit `at` of the result is hit `entries[at]` of `lists[sources[at]]`; `offsets` says where each query's hits begin. */
export function gatherHits(
  lists: readonly Hits[],
  offsets: Uint32Array,
  sources: Uint32Array,
  entries: Uint32Array,
): Hits {
  assert(offsets.at(-1) === entries.length, "every hit belongs to a query");
  const keys = gatherColumn(
    lists.map((list) => list.keys),
    sources,
    entries,
  ) as KeyColumn;
  const scores = new Float32Array(entries.length);
  const segmentIds = new BigInt64Array(entries.length);
  const rows = new Uint32Array(entries.length);
  const elements = lists.some((list) => list.elements !== undefined) ? new Uint32Array(entries.length) : null;
  for (let at = 0; at < entries.length; at += 1) {
    const list = lists[sources[at]!]!;
    scores[at] = list.scores[entries[at]!]!;
    segmentIds[at] = list.segmentIds[entries[at]!]!;
    rows[at] = list.rows[entries[at]!]!;
    if (elements !== null) elements[at] = list.elements![entries[at]!]!;
  }
  return { offsets, keys, scores, segmentIds, rows, ...(elements === null ? {} : { elements }) };
}
