/** What a partial update may do to arrays besides replacing them: append elements to each, or remove all that equal one of some. */

import { invalidParameter } from "../base/errors.ts";
import { type ArrayColumn, type Column, type ElementColumn, concatColumns, takeRows } from "../model/columns.ts";
import { type FieldSchema, arrayCapacity } from "../model/schema.ts";
import { scalarAt } from "../model/scalars.ts";
import { DataType, dataTypeName } from "../model/types.ts";

export type ArrayOperation = "ARRAY_APPEND" | "ARRAY_REMOVE";

/** @throws 1100 where the field is no array. */
export function checkOperation(field: FieldSchema, operation: ArrayOperation): void {
  if (field.dataType === DataType.Array) return;
  throw invalidParameter(
    `op ${operation} requires Array field, but field ${JSON.stringify(field.name)} is ${dataTypeName(field.dataType)}`,
  );
}

/** Row by row; a null array is one without elements when something is appended, and stays null when something is removed. */
export function appliedOperation(
  field: FieldSchema,
  operation: ArrayOperation,
  stored: ArrayColumn,
  given: ArrayColumn,
): Column {
  const rowCount = stored.offsets.length - 1;
  const offsets = new Uint32Array(rowCount + 1);
  const taken: number[] = [];
  const givenStart = stored.offsets[rowCount]!;
  const valid = operation === "ARRAY_APPEND" ? eitherValid(stored.valid, given.valid) : stored.valid;
  for (let row = 0; row < rowCount; row += 1) {
    const [from, to] = [stored.offsets[row]!, stored.offsets[row + 1]!];
    const [first, end] = [given.offsets[row]!, given.offsets[row + 1]!];
    if (operation === "ARRAY_APPEND") {
      for (let at = from; at < to; at += 1) taken.push(at);
      for (let at = first; at < end; at += 1) taken.push(givenStart + at);
    } else {
      const removed = new Set(Array.from({ length: end - first }, (_, at) => scalarAt(given.elements, first + at)));
      for (let at = from; at < to; at += 1) if (!removed.has(scalarAt(stored.elements, at))) taken.push(at);
    }
    offsets[row + 1] = taken.length;
    const length = taken.length - offsets[row]!;
    if (length > arrayCapacity(field)) {
      throw invalidParameter(`array length ${length} exceeds max_capacity ${arrayCapacity(field)}`);
    }
  }
  const all = concatColumns([stored.elements, given.elements]);
  const elements = takeRows(all, Uint32Array.from(taken)) as ElementColumn;
  return { ...stored, offsets, elements, valid };
}

function eitherValid(left: Uint8Array | null, right: Uint8Array | null): Uint8Array | null {
  if (left === null || right === null) return null;
  return left.map((flag, row) => flag | right[row]!);
}
