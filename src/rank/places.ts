/** Rows of hits by place (segment and row number): split by who has them, and put together again in order. */

import { inTurns, type Pause } from "../base/turns.ts";
import type { ColumnBatch } from "../model/columns.ts";
import type { HitPlaces } from "../model/plan.ts";
import { gatherBatchInTurns } from "./gather.ts";

export interface PlacePart {
  /** Where in the whole these stand. */
  readonly positions: Uint32Array;
  readonly places: HitPlaces;
}

/** The segments that are named, each once. */
export function segmentsOf(segmentIds: BigInt64Array): readonly bigint[] {
  return numbered(segmentIds).ids;
}

/** The places whose segment is wanted, with where they stood. */
export function placesOf(places: HitPlaces, wanted: (segmentId: bigint) => boolean): PlacePart {
  const { ids, numbers } = numbered(places.segmentIds);
  const isWanted = ids.map(wanted);
  const positions = new Uint32Array(numbers.length);
  let count = 0;
  for (let at = 0; at < numbers.length; at += 1) if (isWanted[numbers[at]!]!) positions[count++] = at;
  if (count === numbers.length) return { positions, places };
  const segmentIds = new BigInt64Array(count);
  const rows = new Uint32Array(count);
  for (let at = 0; at < count; at += 1) {
    segmentIds[at] = places.segmentIds[positions[at]!]!;
    rows[at] = places.rows[positions[at]!]!;
  }
  return { positions: positions.subarray(0, count), places: { segmentIds, rows } };
}

/** Ids once each, and of every row which of them it has. In halves, as a bigint a row would be an object a row. */
function numbered(segmentIds: BigInt64Array): { readonly ids: readonly bigint[]; readonly numbers: Uint32Array } {
  const halves = new Int32Array(segmentIds.buffer, segmentIds.byteOffset, 2 * segmentIds.length);
  const numbers = new Uint32Array(segmentIds.length);
  const ids: bigint[] = [];
  const known = new Map<number, Map<number, number>>();
  for (let at = 0; at < numbers.length; at += 1) {
    let byUpper = known.get(halves[2 * at]!);
    if (byUpper === undefined) known.set(halves[2 * at]!, (byUpper = new Map()));
    let number = byUpper.get(halves[2 * at + 1]!);
    if (number === undefined) {
      number = ids.push(segmentIds[at]!) - 1;
      byUpper.set(halves[2 * at + 1]!, number);
    }
    numbers[at] = number;
  }
  return { ids, numbers };
}

/** Batches with the same columns, each row put to its position; the positions cover 0 … n - 1 once. */
export async function scatterRows(
  parts: readonly { readonly positions: Uint32Array; readonly batch: ColumnBatch }[],
  pause: Pause,
): Promise<ColumnBatch> {
  const rowCount = parts.reduce((sum, part) => sum + part.positions.length, 0);
  const sources = new Uint32Array(rowCount);
  const entries = new Uint32Array(rowCount);
  for (const [source, { positions }] of parts.entries()) {
    for (let entry = 0; entry < positions.length; entry += 1) {
      sources[positions[entry]!] = source;
      entries[positions[entry]!] = entry;
    }
  }
  const batches = parts.map((part) => part.batch);
  return await inTurns(gatherBatchInTurns(batches, sources, entries), pause);
}
