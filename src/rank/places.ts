/** Rows of hits by place (segment and row number): split by who has them, and put together again in order. */

import type { ColumnBatch } from "../model/columns.ts";
import type { HitPlaces } from "../model/plan.ts";
import { gatherBatch } from "./gather.ts";

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
  const rowCount = parts.reduce((sum, part) => sum + part.positions.length, 0);
  const sources = new Uint32Array(rowCount);
  const entries = new Uint32Array(rowCount);
  for (const [source, { positions }] of parts.entries()) {
    for (let entry = 0; entry < positions.length; entry += 1) {
      sources[positions[entry]!] = source;
      entries[positions[entry]!] = entry;
    }
  }
  return gatherBatch(
    parts.map((part) => part.batch),
    sources,
    entries,
  );
}
