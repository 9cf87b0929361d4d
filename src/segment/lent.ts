/**
 * What a segment lends to another thread of this process, so that it can be searched there without a word: handles of the kernel, which are the
 * process's, keys, the rows that a read at one timestamp sees, and columns that were asked for.
 *
 * Always true:
 *  - what is lent never changes, and holds nothing open: once the segment has closed a handle, the kernel refuses it;
 *  - a search of what is lent finds what the segment's own would find at that timestamp.
 *
 * Not here: whether it is still the newest (`ChangeCounter`), the search (client).
 */

import type { PlaceColumn } from "../kernel/filter-kernel.ts";
import type { Handle } from "../kernel/kernel.ts";
import type { Bitset } from "../model/bitset.ts";
import { type Column, type KeyColumn, columnBytes } from "../model/columns.ts";
import { sharedColumn, sharedValues } from "../model/shared-column.ts";
import { DataType } from "../model/types.ts";
import type { Segment, VectorSearch } from "./segment.ts";

/** A place in the documents of a field. */
export interface LentPlace {
  readonly fieldId: bigint;
  readonly path: readonly string[];
}

/** What is wanted besides keys and vectors. */
export interface WantedColumns {
  /** Of scalars; of documents also where places of theirs are wanted. */
  readonly columnIds: readonly bigint[];
  /** No place twice. */
  readonly places: readonly LentPlace[];
}

/** What is to be searched. */
export interface LentSearch extends Pick<VectorSearch, "fieldId" | "metric" | "indexType">, WantedColumns {}

export interface LentSegment {
  readonly segmentId: bigint;
  readonly rows: Handle;
  readonly rowCount: number;
  /** Null: all. */
  readonly visible: Bitset | null;
  readonly keys: BigInt64Array;
  /** Those that were wanted and can be had, in memory that threads share. */
  readonly columns: ReadonlyMap<bigint, Column>;
  /** What stands at places of documents, by `placeName`, so too. */
  readonly places: ReadonlyMap<string, PlaceColumn>;
  /** Whether rows are numbered in key order and no key has two. */
  readonly rowOrderIsKeyOrder: boolean;
  /** A graph through which the rows are searched; null: they are compared one by one. */
  readonly graph: LentGraph | null;
}

export interface LentGraph {
  readonly index: Handle;
  /** Rows that are searched: its own, and a few behind. */
  readonly rowCount: number;
  /** What was said when the index was declared, over which the search says its own. */
  readonly params: ReadonlyMap<string, unknown>;
}

/** Wider ones are not lent: moving or copying them would hold up the engine's thread. */
const MOST_COLUMN_BYTES = 32 << 20;

/** Of these columns those that can be lent; `share` is told each that had to be copied, and may keep the copy instead. */
export function lentColumns(
  fieldIds: readonly bigint[],
  columnOf: (fieldId: bigint) => Column | null,
  share?: (fieldId: bigint, column: Column) => void,
): ReadonlyMap<bigint, Column> {
  const lent = new Map<bigint, Column>();
  for (const fieldId of fieldIds) {
    const column = columnOf(fieldId);
    if (column === null || columnBytes(column) > MOST_COLUMN_BYTES) continue;
    const shared = sharedColumn(column);
    if (shared !== column) share?.(fieldId, shared);
    lent.set(fieldId, shared);
  }
  return lent;
}

/** A column of what is lent, keys among them; undefined: it was not lent. */
export function lentColumn({ columns, keys }: LentSegment, fieldId: bigint, keyFieldId: bigint): Column | undefined {
  return fieldId === keyFieldId
    ? { kind: "fixed", type: DataType.Int64, values: keys, valid: null }
    : columns.get(fieldId);
}

export function placeName({ fieldId, path }: LentPlace): string {
  return JSON.stringify([String(fieldId), ...path]);
}

/** The same with the places that the segment can provide; null stays null. */
export async function withPlaces(
  segment: Pick<Segment, "places">,
  lent: LentSegment | null,
  wanted: readonly LentPlace[],
): Promise<LentSegment | null> {
  if (lent === null || wanted.length === 0) return lent;
  const places = new Map<string, PlaceColumn>();
  for (const [fieldId, some] of Map.groupBy(wanted, (place) => place.fieldId)) {
    const documents = lent.columns.get(fieldId);
    if (documents?.kind !== "bytes") continue;
    const { bytes, valid } = documents;
    const paths = some.map(({ path }) => path);
    const found = await segment.places(fieldId, paths, lent.rowCount);
    // The segment's own documents may lie elsewhere; they are the same.
    for (const [at, place] of some.entries()) {
      if (found !== null) places.set(placeName(place), { ...found[at]!, bytes, valid });
    }
  }
  return { ...lent, places };
}

/** Keys of a sealed segment lie in memory that threads share. */
export function sharedKeys(keys: KeyColumn): KeyColumn {
  return keys.kind === "bytes" ? keys : { ...keys, values: sharedValues(keys.values) };
}
