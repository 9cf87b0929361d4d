/** Exact search of lists, slow and obvious: every row of every list with every row of the asked one. */

import type { Runtime } from "../../base/host/runtime.ts";
import { hasBit } from "../../model/bitset.ts";
import { isDistance } from "../../model/types.ts";
import type { ListSearch, SearchHits } from "../kernel.ts";
import type { RowLayout, RowValues } from "../layout.ts";
import { scorer } from "./score.ts";
import { SLICE, noHits, takeBest } from "./search.ts";

export async function searchLists(
  search: ListSearch,
  values: RowValues,
  layout: RowLayout,
  queryCount: number,
  runtime: Runtime,
  signal: AbortSignal | null,
): Promise<SearchHits> {
  const { ends, queryEnds, metric, allowed } = search;
  const hits = noHits(queryCount, search.k);
  const sign = isDistance(metric) ? 1 : -1;
  signal?.throwIfAborted();
  let budget = SLICE;
  for (let query = 0; query < queryCount; query += 1) {
    const asked = Array.from({ length: queryEnds[query + 1]! - queryEnds[query]! }, (_, at) =>
      scorer(metric, layout, search.queries, queryEnds[query]! + at),
    );
    const rows: number[] = [];
    const keys: number[] = [];
    for (let list = 0; list < ends.length - 1; list += 1) {
      const [from, to] = [ends[list]!, ends[list + 1]!];
      if (from === to || (allowed !== null && !hasBit(allowed, list))) continue;
      budget -= layout.dimension * (to - from) * asked.length;
      if (budget <= 0) {
        await runtime.yield();
        signal?.throwIfAborted();
        budget = SLICE;
      }
      let sum = 0;
      for (const scoreOfRow of asked) {
        let best = Infinity;
        for (let row = from; row < to; row += 1) {
          const key = sign * scoreOfRow(values, row);
          if (key < best) best = key;
        }
        sum += best;
      }
      const key = Math.fround(sum);
      if (!Number.isFinite(key)) continue;
      rows.push(list);
      keys.push(key);
    }
    takeBest(search, query, { rows: Uint32Array.from(rows), keys: Float32Array.from(keys) }, hits);
  }
  return hits;
}
