/**
 * Which elements of each row of a query pass its `element_filter`.
 *
 * Always true: rows were read with the fields that `elementFields` names.
 */

import { evaluateFilter } from "../expr/evaluate.ts";
import { hasBit } from "../model/bitset.ts";
import type { ArrayColumn, ColumnBatch } from "../model/columns.ts";
import { type Filter, elementPart, filterFieldIds } from "../model/filter.ts";
import type { PickedElements } from "./requests.ts";

/** The fields that have to be read for it; none where nothing is picked. */
export function elementFields(filter: Filter | null): readonly bigint[] {
  const part = filter === null ? null : elementPart(filter);
  return part === null ? [] : [...filterFieldIds(part)];
}

/** Null: the filter picks no elements. */
export function pickedElements(filter: Filter | null, { columns, rowCount }: ColumnBatch): PickedElements | null {
  const part = filter === null ? null : elementPart(filter);
  if (part === null) return null;
  const arrays = (fieldId: bigint): ArrayColumn => columns.get(fieldId) as ArrayColumn;
  const ends = arrays(part.field.fieldId).offsets;
  const source = { column: (fieldId: bigint) => arrays(fieldId).elements };
  const passing = evaluateFilter(part.inner, source, ends[rowCount]!);
  const offsets = new Uint32Array(rowCount + 1);
  const places: number[] = [];
  for (let row = 0; row < rowCount; row += 1) {
    for (let at = ends[row]!; at < ends[row + 1]!; at += 1) if (hasBit(passing, at)) places.push(at - ends[row]!);
    offsets[row + 1] = places.length;
  }
  return { offsets, places: Uint32Array.from(places) };
}
