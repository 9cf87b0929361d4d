/**
 * Leaves over places in JSON columns.
 *
 * Always true: a missing key, JSON null and a value of another class are UNKNOWN (but for `exists`, `is null`); integers compare
 * exactly with integers, every other pair of numbers as doubles; text compares only with text, booleans only with booleans.
 */

import { PlaceClass } from "../kernel/filter-kernel.ts";
import { setBit } from "../model/bitset.ts";
import type {
  ArithmeticFilter,
  CompareFilter,
  CompareOperator,
  Constant,
  ContainsFilter,
  Element,
  ExistsFilter,
  FieldPlace,
  InFilter,
  LengthFilter,
  LikeFilter,
  NullFilter,
  RangeFilter,
  RegexFilter,
} from "../model/filter.ts";
import { bitsOf, packBytes } from "./bits.ts";
import { textsAsNumbers } from "./cast-numbers.ts";
import { floatInterval } from "./bounds.ts";
import { isNumber } from "./cast.ts";
import { compareConstants, floatArithmetic, holds, isBitOperator, wrappingArithmetic } from "./constants.ts";
import { JsonReader, unescaped, wideInteger } from "./json.ts";
import { type BytesMatcher, compileLike } from "./like.ts";
import type { PlaceReader, PlaceValues } from "./places.ts";
import { compileRegex } from "./regex.ts";
import type { Operation } from "./scan.ts";
import { BytesSet, equalBytes } from "./sets.ts";
import { compareMatcher, rangeMatcher, utf8 } from "./texts.ts";

type Answer = 0 | 1 | typeof UNKNOWN;
const UNKNOWN = 2;

/** What a leaf says of the value at its place in one row. */
type Judge = (bytes: Uint8Array, values: PlaceValues, row: number) => Answer;

function judged(places: PlaceReader, field: FieldPlace, judge: Judge): Operation {
  const place = places.add(field.path);
  return (scan) => {
    const found = places.read(scan)[place]!;
    const { bytes } = places.column(scan);
    const values = field.cast === undefined ? found : textsAsNumbers(bytes, found, scan.rowCount);
    const truth = bitsOf(scan.rowCount);
    const known = bitsOf(scan.rowCount);
    for (let row = 0; row < scan.rowCount; row += 1) {
      if (values.classes[row]! <= PlaceClass.Null) continue;
      const answer = judge(bytes, values, row);
      truth[row >> 3]! |= (answer & 1) << (row & 7);
      known[row >> 3]! |= +(answer !== UNKNOWN) << (row & 7);
    }
    return { truth, known };
  };
}

function answer(condition: boolean): Answer {
  return condition ? 1 : 0;
}

function textJudge(matches: BytesMatcher): Judge {
  return (bytes, values, row) => {
    const kind = values.classes[row];
    if (kind === PlaceClass.Text) return answer(matches(bytes, values.starts[row]!, values.ends[row]!));
    if (kind !== PlaceClass.EscapedText) return UNKNOWN;
    const text = unescaped(bytes, values.starts[row]!, values.ends[row]!);
    return text === null ? UNKNOWN : answer(matches(text, 0, text.length));
  };
}

function numberJudge(operator: CompareOperator, value: bigint | number): Judge {
  const { lower, upper, isOutside } = floatInterval(operator, Number(value));
  return (bytes, values, row) => {
    const kind = values.classes[row];
    // Only here can rounding hide a difference: the integers of class Integer are safe.
    if (kind === PlaceClass.Wide) {
      const order = compareConstants(wideInteger(bytes, values.starts[row]!, values.ends[row]!), value);
      return answer(order !== null && holds(operator, order));
    }
    if (kind !== PlaceClass.Integer && kind !== PlaceClass.Double) return UNKNOWN;
    const number = values.numbers[row]!;
    return answer((number >= lower && number <= upper) !== isOutside);
  };
}

function compareJudge(operator: CompareOperator, value: Constant): Judge {
  if (isNumber(value)) return numberJudge(operator, value);
  if (typeof value === "string") return textJudge(compareMatcher(operator, utf8(value)));
  const wanted = value ? PlaceClass.True : PlaceClass.False;
  return (_bytes, values, row) => {
    const kind = values.classes[row];
    if (kind !== PlaceClass.True && kind !== PlaceClass.False) return UNKNOWN;
    return answer((kind === wanted) === (operator === "=="));
  };
}

export function compileComparePlace(filter: CompareFilter, places: PlaceReader): Operation {
  return judged(places, filter.field, compareJudge(filter.operator, filter.value));
}

export function compileRangePlace(filter: RangeFilter, places: PlaceReader): Operation {
  if (typeof filter.lower === "string") return judged(places, filter.field, textJudge(rangeMatcher(filter)));
  const above = compareJudge(filter.lowerInclusive ? ">=" : ">", filter.lower);
  const below = compareJudge(filter.upperInclusive ? "<=" : "<", filter.upper);
  // Both bounds are numbers, so both are UNKNOWN for the same rows.
  return judged(places, filter.field, (bytes, values, row) => {
    const first = above(bytes, values, row);
    return first === 1 ? below(bytes, values, row) : first;
  });
}

/** FALSE when the list has constants of the value's class, but not this one; UNKNOWN when it has none of its class. */
export function compileInPlace(filter: InFilter, places: PlaceReader): Operation {
  const texts = filter.values.filter((value) => typeof value === "string");
  const numbers = filter.values.filter(isNumber);
  const textSet = new BytesSet(texts.map(utf8));
  const isText = textJudge((bytes, start, end) => textSet.has(bytes, start, end));
  const integers = new Set(numbers.filter((value) => typeof value === "bigint"));
  const doubles = new Set(numbers.filter((value) => typeof value === "number"));
  const asDoubles = new Set(numbers.map(Number));
  const hasTrue = filter.values.includes(true);
  const hasFalse = filter.values.includes(false);
  const isEmpty = filter.values.length === 0;
  return judged(places, filter.field, (bytes, values, row) => {
    if (isEmpty) return 0;
    switch (values.classes[row] as PlaceClass) {
      case PlaceClass.Text:
      case PlaceClass.EscapedText:
        return texts.length === 0 ? UNKNOWN : isText(bytes, values, row);
      case PlaceClass.True:
      case PlaceClass.False:
        if (!hasTrue && !hasFalse) return UNKNOWN;
        return answer(values.classes[row] === PlaceClass.True ? hasTrue : hasFalse);
      // Integers of this class are safe, so no other constant rounds to them.
      case PlaceClass.Integer:
      case PlaceClass.Double:
        return numbers.length === 0 ? UNKNOWN : answer(asDoubles.has(values.numbers[row]!));
      case PlaceClass.Wide: {
        if (numbers.length === 0) return UNKNOWN;
        const exact = wideInteger(bytes, values.starts[row]!, values.ends[row]!);
        return answer(integers.has(exact) || doubles.has(Number(exact)));
      }
      default:
        return UNKNOWN;
    }
  });
}

export function compileLikePlace(filter: LikeFilter, places: PlaceReader): Operation {
  return judged(places, filter.field, textJudge(compileLike(filter.pattern).matches));
}

export function compileRegexPlace(filter: RegexFilter, places: PlaceReader): Operation {
  return judged(places, filter.field, textJudge(compileRegex(filter.pattern)));
}

/** Integers with an integer operand stay integers; otherwise doubles. `%` has a meaning for integers only. */
export function compileArithmeticPlace(filter: ArithmeticFilter, places: PlaceReader): Operation {
  const { operator, operand, comparison, value } = filter;
  return judged(places, filter.field, (bytes, values, row) => {
    const kind = values.classes[row];
    if (kind !== PlaceClass.Integer && kind !== PlaceClass.Wide && kind !== PlaceClass.Double) return UNKNOWN;
    let result: bigint | number;
    if (kind !== PlaceClass.Double && typeof operand === "bigint") {
      const exact =
        kind === PlaceClass.Wide
          ? wideInteger(bytes, values.starts[row]!, values.ends[row]!)
          : BigInt(values.numbers[row]!);
      result = wrappingArithmetic(operator, exact, operand);
    } else {
      if (operator === "%" || isBitOperator(operator)) return UNKNOWN;
      result = floatArithmetic(operator, values.numbers[row]!, Number(operand));
    }
    const order = compareConstants(result, value);
    return order === null ? UNKNOWN : answer(holds(comparison, order));
  });
}

/** UNKNOWN only where the whole document is NULL. */
export function compileExistsPlace(filter: ExistsFilter, places: PlaceReader): Operation {
  const place = places.add(filter.field.path);
  return (scan) => {
    const { classes } = places.read(scan)[place]!;
    const truth = bitsOf(scan.rowCount);
    for (let row = 0; row < scan.rowCount; row += 1) if (classes[row]! > PlaceClass.Null) setBit(truth, row);
    const { valid } = places.column(scan);
    return { truth, known: valid === null ? null : packBytes(valid, scan.from, scan.rowCount) };
  };
}

export function compileNullPlace(filter: NullFilter, places: PlaceReader): Operation {
  const place = places.add(filter.field.path);
  return (scan) => {
    const { classes } = places.read(scan)[place]!;
    const truth = bitsOf(scan.rowCount);
    for (let row = 0; row < scan.rowCount; row += 1) if (classes[row]! <= PlaceClass.Null) setBit(truth, row);
    return { truth, known: null };
  };
}

/** UNKNOWN where there is no array. */
export function compileContainsPlace(filter: ContainsFilter, places: PlaceReader): Operation {
  const sought = filter.elements.map(prepare);
  const reader = new JsonReader();
  const holdsElement = (bytes: Uint8Array, start: number, end: number, wanted: Sought): boolean =>
    anyElement(reader, bytes, start, end, wanted);
  return judged(places, filter.field, (bytes, values, row) => {
    if (values.classes[row] !== PlaceClass.Array) return UNKNOWN;
    const [start, end] = [values.starts[row]!, values.ends[row]!];
    if (filter.mode === "all") return answer(sought.every((wanted) => holdsElement(bytes, start, end, wanted)));
    return answer(sought.some((wanted) => holdsElement(bytes, start, end, wanted)));
  });
}

/** UNKNOWN where there is no array. */
export function compileLengthPlace(filter: LengthFilter, places: PlaceReader): Operation {
  const value = Number(filter.value);
  const reader = new JsonReader();
  return judged(places, filter.field, (bytes, values, row) => {
    if (values.classes[row] !== PlaceClass.Array) return UNKNOWN;
    return answer(holds(filter.operator, countElements(reader, bytes, values.starts[row]!, values.ends[row]!) - value));
  });
}

function countElements(reader: JsonReader, bytes: Uint8Array, start: number, end: number): number {
  reader.open(bytes, end - 1);
  let count = 0;
  for (let at = start + 1; at < end - 1;) {
    at = reader.skipSpace(at);
    if (at >= end - 1) break;
    if (bytes[at] === 0x2c) at += 1;
    else {
      at = reader.read(at);
      count += 1;
    }
  }
  return count;
}

/** An element to find: an array to compare in order, or the bytes and the value of a scalar. */
type Sought =
  | { readonly kind: "array"; readonly elements: readonly Sought[] }
  | { readonly kind: "text"; readonly bytes: Uint8Array }
  | { readonly kind: "value"; readonly value: bigint | number | boolean };

function prepare(element: Element): Sought {
  if (typeof element === "object") return { kind: "array", elements: element.map(prepare) };
  if (typeof element === "string") return { kind: "text", bytes: utf8(element) };
  return { kind: "value", value: element };
}

function anyElement(reader: JsonReader, bytes: Uint8Array, start: number, end: number, wanted: Sought): boolean {
  reader.open(bytes, end - 1);
  for (let at = start + 1; at < end - 1;) {
    at = reader.skipSpace(at);
    if (at >= end - 1) return false;
    if (bytes[at] === 0x2c) {
      at += 1;
      continue;
    }
    at = reader.read(at);
    if (isElement(reader, wanted)) return true;
    reader.open(bytes, end - 1);
  }
  return false;
}

/** Whether the value that the reader stands on is the one wanted. */
function isElement(reader: JsonReader, wanted: Sought): boolean {
  const { bytes, start, end, class: kind } = reader;
  if (wanted.kind === "array") return kind === PlaceClass.Array && isArrayOf(bytes, start, end, wanted.elements);
  if (wanted.kind === "text") {
    if (kind === PlaceClass.Text) return equalBytes(wanted.bytes, bytes, start, end);
    const text = kind === PlaceClass.EscapedText ? unescaped(bytes, start, end) : null;
    return text !== null && equalBytes(wanted.bytes, text, 0, text.length);
  }
  if (typeof wanted.value === "boolean") return kind === (wanted.value ? PlaceClass.True : PlaceClass.False);
  if (kind === PlaceClass.Wide || (kind === PlaceClass.Integer && typeof wanted.value === "bigint")) {
    return compareConstants(wideInteger(bytes, start, end), wanted.value) === 0;
  }
  return (kind === PlaceClass.Integer || kind === PlaceClass.Double) && reader.number === Number(wanted.value);
}

function isArrayOf(bytes: Uint8Array, start: number, end: number, elements: readonly Sought[]): boolean {
  const reader = new JsonReader();
  reader.open(bytes, end - 1);
  let count = 0;
  for (let at = start + 1; at < end - 1;) {
    at = reader.skipSpace(at);
    if (at >= end - 1) break;
    if (bytes[at] === 0x2c) {
      at += 1;
      continue;
    }
    at = reader.read(at);
    if (count >= elements.length || !isElement(reader, elements[count]!)) return false;
    count += 1;
  }
  return count === elements.length;
}
