/**
 * Which family builds which index type. A type that is not here is searched exactly: FLAT because that is what it means, others because
 * nothing builds them yet.
 */

import type { IndexFamily } from "./family.ts";
import { GRAPH } from "./graph.ts";

const FAMILIES: Readonly<Record<string, IndexFamily>> = {
  AUTOINDEX: GRAPH,
  HNSW: GRAPH,
};

/** Index types that mean an exact search. */
const EXACT: ReadonlySet<string> = new Set(["FLAT", "BIN_FLAT"]);

/** Fewer rows are searched exactly: Milvus's `rootCoord.minSegmentSizeToEnableIndex`. */
export const LEAST_INDEXED_ROWS = 1024;

/** Null: nothing is built for this type. */
export function familyOf(indexType: string): IndexFamily | null {
  return FAMILIES[indexType] ?? null;
}

/** Whether an exact search is what the type promises. */
export function isExact(indexType: string): boolean {
  return EXACT.has(indexType);
}
