/**
 * Nearest elements: one vector with every vector of every array. Elements are what rows are in other searches.
 *
 * Always true: the order is by score, then key, then place in the array; a key with several visible versions has each place once.
 */

import { inTurns, type Pause } from "../base/turns.ts";
import { type Bitset, emptyBitset, hasBit, setBit } from "../model/bitset.ts";
import { isListQueries } from "../model/queries.ts";
import { ElementKeys } from "./element-keys.ts";
import type { FieldVectors } from "./field-vectors.ts";
import { type NearestSource, nearestRows } from "./nearest.ts";
import type { SegmentHits, VectorSearch } from "./segment.ts";
import { VectorLists } from "./vector-lists.ts";

/** Rows and elements between two turns: a millisecond. */
const STEP_ELEMENTS = 1 << 17;

/** Whether a search asks for elements: the field's vectors are in arrays, and those of the search are not in lists. */
export function isOfElements(vectors: FieldVectors, { queries }: VectorSearch): vectors is VectorLists {
  return vectors instanceof VectorLists && !isListQueries(queries);
}

/** The elements as the rows of a search. */
export function elementsOf(lists: VectorLists): Pick<FieldVectors, "search"> {
  return { search: (ask, signal) => lists.searchElements(ask, signal) };
}

/** `source`: of the rows, but for its vectors, which are the elements. `allowed`: rows; `picked`: elements; null means all of them. */
export async function nearestElements(
  lists: VectorLists,
  source: NearestSource,
  search: VectorSearch,
  rowCount: number,
  allowed: Bitset | null,
  picked: Bitset | null,
  signal?: AbortSignal,
  pause: Pause | null = null,
): Promise<SegmentHits> {
  const ends = lists.ends(rowCount);
  const count = ends[rowCount]!;
  const rowOf = (element: number): number => rowOfElement(ends, element);
  const placeOf = (element: number): number => element - ends[rowOf(element)]!;
  const elements: NearestSource = {
    vectors: source.vectors,
    rowOrderIsKeyOrder: source.rowOrderIsKeyOrder,
    hasRepeatedKeys: source.hasRepeatedKeys,
    keyReader: () => new ElementKeys(source.keyReader(), count, rowOf, placeOf),
    rank: async () => elementRanks(ends, await source.rank(), source),
    compareAge: (left, right) => source.compareAge(rowOf(left), rowOf(right)),
    versionsOf: (element) => versionsOf(source, ends, rowOf(element), placeOf(element)),
  };
  const reachable =
    allowed === null && picked === null ? null : await inTurns(allowedElements(ends, allowed, picked), pause);
  const hits = await nearestRows(elements, search, count, reachable, signal);
  return { ...hits, rows: hits.rows.map(rowOf), elements: hits.rows.map(placeOf) };
}

/** The last row that begins at the element or before. */
export function rowOfElement(ends: Uint32Array, element: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (ends[middle]! <= element) low = middle;
    else high = middle;
  }
  return low;
}

/** Yields where others may have a turn. */
export function* allowedElements(
  ends: Uint32Array,
  allowed: Bitset | null,
  picked: Bitset | null,
): Generator<void, Bitset> {
  const bits = emptyBitset(ends[ends.length - 1]!);
  if (allowed === null) {
    bits.set(picked!.subarray(0, bits.length));
    return bits;
  }
  let yielded = 0;
  for (let row = 0; row < ends.length - 1; row += 1) {
    if (row + ends[row]! - yielded >= STEP_ELEMENTS) {
      yielded = row + ends[row]!;
      yield;
    }
    if (!hasBit(allowed, row)) continue;
    for (let element = ends[row]!; element < ends[row + 1]!; element += 1) {
      if (picked === null || hasBit(picked, element)) setBit(bits, element);
    }
  }
  return bits;
}

/** By key, then place, then the newest first. */
function elementRanks(ends: Uint32Array, rank: Uint32Array, source: NearestSource): Uint32Array {
  const keys = source.keyReader();
  const rows = Uint32Array.from({ length: ends.length - 1 }, (_, row) => row);
  rows.sort((left, right) => rank[left]! - rank[right]!);
  const ranks = new Uint32Array(ends[ends.length - 1]!);
  let next = 0;
  for (let first = 0; first < rows.length;) {
    // Rows of one key follow each other, the newest first.
    let end = first + 1;
    while (source.hasRepeatedKeys && end < rows.length && keys.equals(rows[first]!, keys, rows[end]!)) end += 1;
    const versions = rows.subarray(first, end);
    const places = versions.reduce((most, row) => Math.max(most, ends[row + 1]! - ends[row]!), 0);
    for (let place = 0; place < places; place += 1) {
      for (const row of versions) if (ends[row]! + place < ends[row + 1]!) ranks[ends[row]! + place] = next++;
    }
    first = end;
  }
  return ranks;
}

function* versionsOf(source: NearestSource, ends: Uint32Array, row: number, place: number): Iterable<number> {
  for (const version of source.versionsOf(row)) {
    if (version + 1 < ends.length && ends[version]! + place < ends[version + 1]!) yield ends[version]! + place;
  }
}
