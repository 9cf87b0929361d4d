/**
 * Columns in memory that all threads of a process see, so that they reach another thread without a copy.
 *
 * Always true: who reads the column cannot tell; nobody writes to it.
 */

import type { Column, ElementColumn } from "./columns.ts";

type Values = NonNullable<Column["valid"]> | Uint32Array | (Column & { readonly kind: "fixed" | "vector" })["values"];

/** The same column where it is shared already. */
export function sharedColumn(column: Column): Column {
  return isShared(column) ? column : copied(column);
}

function isShared(column: Column): boolean {
  return partsOf(column).every(({ buffer }) => buffer instanceof SharedArrayBuffer);
}

function partsOf(column: Column): Values[] {
  const valid = column.valid === null ? [] : [column.valid];
  switch (column.kind) {
    case "bytes":
      return [...valid, column.offsets, column.bytes];
    case "array":
      return [...valid, column.offsets, ...partsOf(column.elements)];
    default:
      return [...valid, column.values];
  }
}

function copied(column: Column): Column {
  const valid = column.valid === null ? null : sharedValues(column.valid);
  switch (column.kind) {
    case "bytes":
      return { ...column, valid, offsets: sharedValues(column.offsets), bytes: sharedValues(column.bytes) };
    case "array":
      return {
        ...column,
        valid,
        offsets: sharedValues(column.offsets),
        elements: copied(column.elements) as ElementColumn,
      };
    case "fixed":
      return { ...column, valid, values: sharedValues(column.values) };
    case "vector":
      return { ...column, valid, values: sharedValues(column.values) };
  }
}

/** A copy, and a plain array also of a `Buffer`. */
export function sharedValues<Some extends Values>(values: Some): Some {
  const memory = new SharedArrayBuffer(values.byteLength);
  new Uint8Array(memory).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  if (values instanceof Uint8Array) return new Uint8Array(memory) as Values as Some;
  const Kind = values.constructor as new (buffer: SharedArrayBuffer) => Some;
  return new Kind(memory);
}
