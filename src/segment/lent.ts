/**
 * What a segment lends to another thread of this process, so that it can be searched there without a word: handles of the kernel, which are the
 * process's, keys, and the rows that a read at one timestamp sees.
 *
 * Always true:
 *  - what is lent never changes, and holds nothing open: once the segment has closed a handle, the kernel refuses it;
 *  - a search of what is lent finds what the segment's own would find at that timestamp.
 *
 * Not here: whether it is still the newest (`ChangeCounter`), the search (client).
 */

import type { Handle } from "../kernel/kernel.ts";
import type { Bitset } from "../model/bitset.ts";
import type { KeyColumn } from "../model/columns.ts";
import { DenseVectors, type FieldVectors } from "./field-vectors.ts";
import { type GrowingGraph, LEAST_ROWS, allowedUpTo } from "./growing-graph.ts";
import type { RowView } from "./segment.ts";

export interface LentSegment {
  readonly segmentId: bigint;
  readonly rows: Handle;
  readonly rowCount: number;
  /** Null: all. */
  readonly visible: Bitset | null;
  readonly keys: BigInt64Array;
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

/** Keys of a sealed segment lie in memory that threads share. */
export function sharedKeys(keys: KeyColumn): KeyColumn {
  if (keys.kind === "bytes") return keys;
  const values = new BigInt64Array(new SharedArrayBuffer(keys.values.byteLength));
  values.set(keys.values);
  return { ...keys, values };
}

/** Growing keys are copied, as their memory moves; so of very many rows nothing is lent. */
const MOST_COPIED_ROWS = 1 << 20;

/** Of a growing segment; null: it cannot be lent. */
export function lentGrowing(
  segmentId: bigint,
  vectors: FieldVectors,
  { rowCount, visible }: RowView,
  keys: KeyColumn,
  graph: GrowingGraph | null,
): LentSegment | null {
  if (!(vectors instanceof DenseVectors) || keys.kind === "bytes" || rowCount > MOST_COPIED_ROWS) return null;
  const lent = graph?.lend(rowCount) ?? null;
  if (lent === null && rowCount >= LEAST_ROWS) return null;
  return {
    segmentId,
    rows: vectors.rows,
    rowCount,
    visible: allowedUpTo({ allowed: visible, rowCount }, lent?.rowCount ?? rowCount),
    keys: keys.values.slice(0, rowCount),
    rowOrderIsKeyOrder: false,
    graph: lent === null ? null : { ...lent, params: new Map() },
  };
}
