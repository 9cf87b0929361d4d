/** Compares what a segment answers with what the model says, at one timestamp. */

import assert from "node:assert/strict";
import { hasBit } from "../../model/bitset.ts";
import type { FixedColumn } from "../../model/columns.ts";
import { Metric } from "../../model/types.ts";
import type { Segment } from "../segment.ts";
import { type KeyType, SERIAL_FIELD, VECTOR_FIELD, type VersionModel } from "./version-model.ts";

const QUERIES = [
  [0, 0],
  [1, -1],
  [-2, 2],
] as const;

export async function checkSegment(
  segment: Segment,
  model: VersionModel,
  timestamp: bigint,
  keyType: KeyType,
): Promise<void> {
  const view = segment.view(timestamp);
  const serials = (segment.column(SERIAL_FIELD) as FixedColumn).values as BigInt64Array;
  const seen: number[] = [];
  for (let row = 0; row < view.rowCount; row += 1) {
    if (view.visible === null || hasBit(view.visible, row)) seen.push(Number(serials[row]));
  }
  assert.deepEqual(
    seen.toSorted((left, right) => left - right),
    model.visible(timestamp).map((version) => version.serial),
  );
  for (const metric of [Metric.L2, Metric.IP]) {
    for (const k of [1, 3, 10, 100]) {
      const hits = await segment.search(
        {
          fieldId: VECTOR_FIELD,
          queries: Float32Array.from(QUERIES.flat()),
          queryCount: QUERIES.length,
          metric,
          k,
          range: null,
        },
        view,
        null,
      );
      for (let query = 0; query < QUERIES.length; query += 1) {
        const [start, end] = [hits.offsets[query]!, hits.offsets[query + 1]!];
        const answer = Array.from({ length: end - start }, (_, at) => ({
          serial: Number(serials[hits.rows[start + at]!]),
          score: hits.scores[start + at]! + 0,
        }));
        const expected = model.search(QUERIES[query]!, metric, k, timestamp, keyType);
        assert.deepEqual(answer, expected, `${metric}, k ${k}, query ${query}, at ${timestamp}`);
      }
    }
  }
}
