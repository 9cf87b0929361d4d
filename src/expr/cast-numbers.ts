/**
 * Places of documents whose texts are taken for numbers: `STRING_TO_DOUBLE`, as somebody has declared it with an index of the place.
 *
 * Always true:
 *  - only what asks for numbers reads them so; whoever compares with a text still finds the text;
 *  - a text counts when all of it, but for white space around, is a number as JSON writes them, finite, and if whole within 64 bits.
 */

import { PlaceClass } from "../kernel/filter-kernel.ts";
import type { Filter, FieldPlace, PlaceFilter } from "../model/filter.ts";
import { isNumber } from "./cast.ts";
import { unescaped } from "./json.ts";
import type { PlaceValues } from "./places.ts";

const NUMBER = /^[ \t\n\r]*-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?[ \t\n\r]*$/;
const LEAST_INTEGER = -(2n ** 63n);
const MOST_INTEGER = 2n ** 64n - 1n;

/** Null: it is none. */
export function numberOfText(text: string): number | null {
  const match = NUMBER.exec(text);
  if (match === null) return null;
  if (match[1] === undefined && match[2] === undefined) {
    const whole = BigInt(text);
    return whole < LEAST_INTEGER || whole > MOST_INTEGER ? null : Number(whole);
  }
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}

/** The filter with what asks numbers of such places marked. */
export function castNumbers(filter: Filter, isCast: (field: FieldPlace) => boolean): Filter {
  switch (filter.kind) {
    case "and":
    case "or":
      return { ...filter, operands: filter.operands.map((operand) => castNumbers(operand, isCast)) };
    case "not":
      return { ...filter, operand: castNumbers(filter.operand, isCast) };
    case "compare":
    case "range":
    case "in":
    case "arithmetic":
      return wantsNumbers(filter) && isCast(filter.field)
        ? { ...filter, field: { ...filter.field, cast: "STRING_TO_DOUBLE" } }
        : filter;
    default:
      return filter;
  }
}

/** Whether the leaf can be about numbers only. */
export function wantsNumbers(filter: PlaceFilter): boolean {
  switch (filter.kind) {
    case "compare":
      return isNumber(filter.value);
    case "range":
      return isNumber(filter.lower) && isNumber(filter.upper);
    case "in":
      return filter.values.length > 0 && filter.values.every(isNumber);
    case "arithmetic":
      return true;
    default:
      return false;
  }
}

/** The same with texts as the doubles that they are. */
export function textsAsNumbers(bytes: Uint8Array, values: PlaceValues, rowCount: number): PlaceValues {
  const classes = values.classes.slice(0, rowCount);
  const numbers = values.numbers.slice(0, rowCount);
  for (let row = 0; row < rowCount; row += 1) {
    const kind = classes[row];
    if (kind !== PlaceClass.Text && kind !== PlaceClass.EscapedText) continue;
    const number = numberAt(bytes, kind, values.starts[row]!, values.ends[row]!);
    classes[row] = number === null ? PlaceClass.Malformed : PlaceClass.Double;
    if (number !== null) numbers[row] = number;
  }
  return { ...values, classes, numbers };
}

export function numberAt(bytes: Uint8Array, kind: PlaceClass, start: number, end: number): number | null {
  const text = kind === PlaceClass.Text ? bytes.subarray(start, end) : unescaped(bytes, start, end);
  return text === null ? null : numberOfText(Buffer.from(text.buffer, text.byteOffset, text.length).toString("utf8"));
}
