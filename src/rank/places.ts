/** Rows of hits by place (segment and row number): split by who has them, and put together again in order. */

import { assert } from "../base/assert.ts";
import { type Column, type ColumnBatch, concatColumns, takeRows } from "../model/columns.ts";
import type { HitPlaces } from "../model/plan.ts";

export interface PlacePart {
  /** Where in the whole these stand. */
  readonly positions: Uint32Array;
  readonly places: HitPlaces;
}

/** The places whose segment is wanted, with where they stood. */
export function placesOf(places: HitPlaces, wanted: (segmentId: bigint) => boolean): PlacePart {
  const positions: number[] = [];
  for (let at = 0; at < places.rows.length; at += 1) if (wanted(places.segmentIds[at]!)) positions.push(at);
  return {
    positions: Uint32Array.from(positions),
    places: {
      segmentIds: BigInt64Array.from(positions, (at) => places.segmentIds[at]!),
      rows: Uint32Array.from(positions, (at) => places.rows[at]!),
    },
  };
}

/** Batches with the same columns, each row put to its position; the positions cover 0 … n - 1 once. */
export function scatterRows(
  parts: readonly { readonly positions: Uint32Array; readonly batch: ColumnBatch }[],
): ColumnBatch {
  const filled = parts.filter((part) => part.positions.length > 0);
  const first = filled[0] ?? parts[0];
  assert(first !== undefined, "there is something to put together");
  if (filled.length <= 1) return inOrder(first);
  const rowCount = filled.reduce((sum, part) => sum + part.positions.length, 0);
  // Row `order[p]` of all parts end to end belongs to position p.
  const order = new Uint32Array(rowCount);
  let start = 0;
  for (const { positions } of filled) {
    for (let at = 0; at < positions.length; at += 1) order[positions[at]!] = start + at;
    start += positions.length;
  }
  const columns = new Map<bigint, Column>();
  for (const fieldId of first.batch.columns.keys()) {
    columns.set(fieldId, takeRows(concatColumns(filled.map((part) => part.batch.columns.get(fieldId)!)), order));
  }
  return { rowCount, columns };
}

function inOrder({ positions, batch }: { readonly positions: Uint32Array; readonly batch: ColumnBatch }): ColumnBatch {
  if (positions.every((position, at) => position === at)) return batch;
  const order = new Uint32Array(positions.length);
  for (let at = 0; at < positions.length; at += 1) order[positions[at]!] = at;
  const columns = new Map<bigint, Column>();
  for (const [fieldId, column] of batch.columns) columns.set(fieldId, takeRows(column, order));
  return { rowCount: positions.length, columns };
}
