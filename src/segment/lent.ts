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
import type { VectorSearch } from "./segment.ts";

/** What is to be searched. */
export type LentSearch = Pick<VectorSearch, "fieldId" | "metric" | "indexType">;

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
