/** What a growing segment lends: its rows as they are now, while they are few enough to copy their keys and the columns that are wanted. */

import type { KeyColumn } from "../model/columns.ts";
import { DenseVectors, type FieldVectors } from "./field-vectors.ts";
import { type GrowingGraph, LEAST_ROWS, allowedUpTo } from "./growing-graph.ts";
import type { LentSegment } from "./lent.ts";
import type { RowView } from "./segment.ts";

/** Growing keys are copied, as their memory moves; so of very many rows nothing is lent. */
const MOST_COPIED_ROWS = 1 << 20;

/** Of a growing segment; null: it cannot be lent. */
export function lentGrowing(
  segmentId: bigint,
  vectors: FieldVectors,
  { rowCount, visible }: RowView,
  keys: KeyColumn,
  graph: GrowingGraph | null,
  columns: () => LentSegment["columns"],
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
    columns: columns(),
    places: new Map(),
    rowOrderIsKeyOrder: false,
    graph: lent === null ? null : { ...lent, params: new Map() },
  };
}
