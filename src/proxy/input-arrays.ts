/**
 * Arrays as they were sent to a column that fits the schema: every rule of inserting arrays, with Milvus's texts.
 *
 * Always true of the result: an entry that is not there has no elements; elements are of the declared type, in range, of UTF-8 that is
 * not longer than declared; no array has more than its capacity.
 */

import { type MilvusError, invalidParameter, unexpectedParameter } from "../base/errors.ts";
import {
  type ArrayColumn,
  type ElementColumn,
  type FixedValues,
  emptyArrays,
  fixedValues,
  isBytesType,
  takeRows,
} from "../model/columns.ts";
import { type FieldSchema, arrayCapacity } from "../model/schema.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { INTEGER_RANGES, notFinite, outOfRange } from "./input-numbers.ts";
import type { InputField, InputScalars } from "./requests.ts";

export type InputArrays = Extract<NonNullable<InputField["column"]>, { kind: "array" }>;

/** `valid`: which entries are there; what the others hold is dropped unseen. */
export function convertArrays(field: FieldSchema, sent: InputArrays, valid: Uint8Array | null): ArrayColumn {
  const { offsets, elements } = presentArrays(sent, valid);
  const rowCount = offsets.length - 1;
  checkCapacities(field, offsets);
  if (elements === null) return emptyArrays(field, rowCount, null);
  const converted = convertElements(field, elements, offsets);
  return {
    kind: "array",
    type: field.dataType,
    elementType: field.elementType,
    offsets,
    elements: converted,
    valid: null,
  };
}

export function checkCapacities(field: FieldSchema, offsets: Uint32Array): void {
  const capacity = arrayCapacity(field);
  for (let row = 0; row < offsets.length - 1; row += 1) {
    const length = offsets[row + 1]! - offsets[row]!;
    if (length <= capacity) continue;
    throw unexpectedParameter(
      "valid length array",
      "array length exceeds max capacity",
      `the length (${length}) of ${row}th array exceeds max capacity (${capacity})`,
    );
  }
}

/** One entry a row, where the sender left out those that are null. */
export function padArrays<Arrays extends { readonly offsets: Uint32Array }>(column: Arrays, valid: Uint8Array): Arrays {
  const offsets = new Uint32Array(valid.length + 1);
  for (let row = 0, at = 0; row < valid.length; row += 1) {
    if (valid[row] !== 0) at += 1;
    offsets[row + 1] = column.offsets[at]!;
  }
  return { ...column, offsets };
}

function presentArrays(sent: InputArrays, valid: Uint8Array | null): Pick<InputArrays, "offsets" | "elements"> {
  const { offsets, elements } = sent;
  const isAbsent = (row: number): boolean => valid !== null && valid[row] === 0 && offsets[row] !== offsets[row + 1];
  if (valid === null || !valid.some((_, row) => isAbsent(row))) return sent;
  const kept = new Uint32Array(offsets.length);
  const places: number[] = [];
  for (let row = 0; row < valid.length; row += 1) {
    if (!isAbsent(row)) for (let at = offsets[row]!; at < offsets[row + 1]!; at += 1) places.push(at);
    kept[row + 1] = places.length;
  }
  return { offsets: kept, elements: elements === null ? null : takeElements(elements, Uint32Array.from(places)) };
}

function takeElements(elements: InputScalars, places: Uint32Array): InputScalars {
  if (elements.kind === "fixed") {
    const { values } = elements;
    const make = values.constructor as new (length: number) => FixedValues;
    const taken = new make(places.length);
    for (let at = 0; at < places.length; at += 1) taken[at] = values[places[at]!]!;
    return { kind: "fixed", values: taken };
  }
  return takeRows({ ...elements, type: DataType.VarChar, valid: null }, places) as Extract<
    InputScalars,
    { kind: "bytes" }
  >;
}

function convertElements(field: FieldSchema, sent: InputScalars, offsets: Uint32Array): ElementColumn {
  const { elementType: type } = field;
  if (isBytesType(type)) {
    if (sent.kind !== "bytes") throw wrongElements(field, sent);
    checkLengths(field, sent.offsets, offsets);
    return { kind: "bytes", type, offsets: sent.offsets, bytes: sent.bytes, valid: null };
  }
  if (sent.kind !== "fixed") throw wrongElements(field, sent);
  const { values } = sent;
  const target = fixedValues(type, 0);
  const range = INTEGER_RANGES[type];
  if (values.constructor !== (range === undefined ? target.constructor : Int32Array)) throw wrongElements(field, sent);
  if (values instanceof Float32Array || values instanceof Float64Array) {
    for (const value of values) if (!Number.isFinite(value)) throw notFinite(value);
  }
  if (range === undefined || target instanceof Int32Array) return { kind: "fixed", type, values, valid: null };
  const integers = values as Int32Array;
  for (let at = 0; at < integers.length; at += 1) {
    const value = integers[at]!;
    if (value < range[0] || value > range[1]) throw outOfRange(at - offsets[rowOf(offsets, at)]!, value, range);
  }
  const narrow = fixedValues(type, integers.length) as Int8Array | Int16Array;
  narrow.set(integers);
  return { kind: "fixed", type, values: narrow, valid: null };
}

function checkLengths(field: FieldSchema, ends: Uint32Array, offsets: Uint32Array): void {
  for (let at = 0; at < ends.length - 1; at += 1) {
    const length = ends[at + 1]! - ends[at]!;
    if (length <= field.maxLengthBytes) continue;
    const row = rowOf(offsets, at);
    throw invalidParameter(
      `length of ${dataTypeName(field.dataType)} array field "${field.name}" exceeds max length, row number: ${row}, ` +
        `array index: ${at - offsets[row]!}, length: ${length}, max length: ${field.maxLengthBytes}`,
    );
  }
}

/** The row of an element. */
function rowOf(offsets: Uint32Array, element: number): number {
  let row = 0;
  while (offsets[row + 1]! <= element) row += 1;
  return row;
}

function wrongElements(field: FieldSchema, sent: InputScalars): MilvusError {
  const expected = `${dataTypeName(field.elementType).toLowerCase()} array`;
  return unexpectedParameter(expected, `${nameOf(sent)} array`, "insert data does not match");
}

function nameOf(sent: InputScalars): string {
  if (sent.kind === "bytes") return "string";
  return sent.values.constructor.name
    .replace(/^(Big)?(.*?)(32|64)?Array$/, "$2$3")
    .replace("Uint8", "bool")
    .toLowerCase();
}
