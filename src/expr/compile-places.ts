/**
 * Leaves over places in JSON columns, as nodes of a program. What the rules are stands in `documents.ts`; the kernel finds the class and
 * the value of a place in a column of its own.
 */

import { Op, OPERATORS, PlaceClass } from "../kernel/filter-kernel.ts";
import type {
  ArithmeticFilter,
  CompareFilter,
  CompareOperator,
  Constant,
  Element,
  FieldPlace,
  InFilter,
  PlaceFilter,
} from "../model/filter.ts";
import { floatInterval, integerInterval } from "./bounds.ts";
import { isNumber } from "./cast.ts";
import { ANY_LENGTH, writeAll, writeInterval, writeLengths } from "./compile-arrays.ts";
import type { CodeWriter } from "./code-writer.ts";

const OUTSIDE = 1;
const INTEGER_ENDS = 2;
const INTEGER_OPERAND = 4;

const TRUE_CLASS = 1 << PlaceClass.True;
const FALSE_CLASS = 1 << PlaceClass.False;
const NOTHING = (1 << PlaceClass.Missing) | (1 << PlaceClass.Null);
/** Of arrays in arrays that are looked for: far from the depth that programs may have. */
const MAX_ARRAY_DEPTH = 32;
const ALL_CLASSES = (1 << (PlaceClass.Malformed + 1)) - 1;

/** False when the kernel cannot. */
export function compilePlaceLeaf(writer: CodeWriter, filter: PlaceFilter): boolean {
  const column = writer.column(filter.field, "place");
  switch (filter.kind) {
    case "compare":
      return writeCompare(writer, column, filter);
    case "range": {
      const { lower, upper } = filter;
      if (typeof lower === "string" || typeof upper === "string") {
        return writer.parent(Op.PlaceText, () => writer.textRange(column, filter), [column]);
      }
      if (!isNumber(lower) || !isNumber(upper)) return false;
      return writer.parent(
        Op.And,
        () =>
          writeNumber(writer, column, filter, filter.lowerInclusive ? ">=" : ">", lower) &&
          writeNumber(writer, column, filter, filter.upperInclusive ? "<=" : "<", upper),
      );
    }
    case "in":
      return writeIn(writer, column, filter);
    case "like":
      return writer.parent(Op.PlaceText, () => writer.like(column, filter.pattern), [column]);
    case "regex":
      return writer.parent(Op.PlaceText, () => writer.regex(column, filter.pattern), [column]);
    case "arithmetic":
      return writeArithmetic(writer, filter.field, filter);
    case "exists":
      return writer.node(Op.PlaceClass, [column, ALL_CLASSES & ~NOTHING, 0, 1]);
    case "null":
      return writer.node(Op.PlaceClass, [column, NOTHING, ALL_CLASSES, 0]);
    case "length":
      return writeLengths(writer, Op.PlaceLengths, column, filter);
    case "contains": {
      const oneOf = (some: readonly Element[]): boolean =>
        writer.parent(Op.PlaceHolder, () => writeElements(writer, column, some, 1), [column]);
      const always = (): true => writeInterval(writer, Op.PlaceLengths, column, ANY_LENGTH);
      return writeAll(writer, filter, filter.elements, oneOf, always);
    }
    default:
      return false;
  }
}

/** Nodes of which one is TRUE for each of these elements. */
function writeElements(writer: CodeWriter, column: number, elements: readonly Element[], depth: number): boolean {
  const scalars = elements.filter((element) => typeof element !== "object");
  if (scalars.length > 0) writeClasses(writer, column, scalars);
  return elements.every((element) => {
    if (typeof element !== "object") return true;
    if (depth > MAX_ARRAY_DEPTH) return false;
    // In their order, and each has to be written by itself.
    return writer.parent(
      Op.PlaceArrays,
      () => element.every((inner) => writeElements(writer, column, [inner], depth + 1)),
      [column],
    );
  });
}

function writeCompare(writer: CodeWriter, column: number, filter: CompareFilter): boolean {
  const { operator, value } = filter;
  if (isNumber(value)) return writeNumber(writer, column, filter, operator, value);
  if (typeof value === "string") {
    return writer.textCompare(operator, value, (range) =>
      writer.parent(Op.PlaceText, () => writer.textRange(column, range), [column]),
    );
  }
  const isTrueWanted = value === (operator === "==");
  return writer.node(Op.PlaceClass, [column, isTrueWanted ? TRUE_CLASS : FALSE_CLASS, TRUE_CLASS | FALSE_CLASS, 0]);
}

/** Integers with an integer by integer ends, every other pair of numbers by double ends. */
function writeNumber(
  writer: CodeWriter,
  column: number,
  { field }: PlaceFilter,
  operator: CompareOperator,
  value: bigint | number,
): boolean {
  const { flags, place } = numberEnds(writer, operator, value);
  return asNumbers(writer, column, field, () => writer.node(Op.PlaceRange, [column, flags, place]));
}

/** The node as it is, or over texts that are numbers too. */
function asNumbers(writer: CodeWriter, column: number, { cast }: FieldPlace, write: () => boolean): boolean {
  return cast === undefined ? write() : writer.parent(Op.PlaceNumber, write, [column]);
}

function numberEnds(
  writer: CodeWriter,
  operator: CompareOperator,
  value: bigint | number,
): { flags: number; place: number } {
  const floats = floatInterval(operator, Number(value));
  const integers =
    typeof value === "bigint" ? integerInterval(operator, value) : { lower: 1n, upper: 0n, isOutside: false };
  const place = writer.integerEnds(integers);
  writer.doubles([floats.lower, floats.upper]);
  return { flags: (floats.isOutside ? OUTSIDE : 0) | (typeof value === "bigint" ? INTEGER_ENDS : 0), place };
}

/** FALSE where the list has constants of the value's class, but not this one; UNKNOWN where it has none of its class. */
function writeIn(writer: CodeWriter, column: number, { values, field }: InFilter): boolean {
  if (values.length === 0) return writer.node(Op.PlaceClass, [column, 0, ALL_CLASSES & ~NOTHING, 0]);
  if (field.cast !== undefined) return asNumbers(writer, column, field, () => writeClasses(writer, column, values));
  return writer.parent(Op.Merge, () => writeClasses(writer, column, values));
}

/** A node for each class among the constants, at least one. */
function writeClasses(writer: CodeWriter, column: number, values: readonly Constant[]): true {
  const texts = values.filter((value) => typeof value === "string");
  const numbers = values.filter(isNumber);
  const booleans = values.filter((value) => typeof value === "boolean");
  if (texts.length > 0) writer.parent(Op.PlaceText, () => writer.textSet(column, texts), [column]);
  if (numbers.length > 0) {
    const whole = numbers.filter((value) => typeof value === "bigint");
    const floats = numbers.filter((value) => typeof value === "number");
    const all = numbers.map(Number);
    const sets = [writer.integers(whole), whole.length, writer.doubles(floats), floats.length];
    writer.node(Op.PlaceSet, [column, ...sets, writer.doubles(all), all.length]);
  }
  if (booleans.length > 0) {
    const wanted = (booleans.includes(true) ? TRUE_CLASS : 0) | (booleans.includes(false) ? FALSE_CLASS : 0);
    writer.node(Op.PlaceClass, [column, wanted, TRUE_CLASS | FALSE_CLASS, 0]);
  }
  return true;
}

function writeArithmetic(writer: CodeWriter, field: FieldPlace, filter: ArithmeticFilter): boolean {
  const { operator, operand, comparison, value } = filter;
  if (!isNumber(value) || Number(operand) === 0) return false;
  const isInteger = typeof operand === "bigint";
  const place = writer.integers([isInteger ? operand : 0n]);
  writer.doubles([Number(operand)]);
  const { flags } = numberEnds(writer, comparison, value);
  const column = writer.column(field, "place");
  const allFlags = flags | (isInteger ? INTEGER_OPERAND : 0);
  const write = (): true => writer.node(Op.PlaceMath, [column, OPERATORS.indexOf(operator), allFlags, place]);
  return asNumbers(writer, column, field, write);
}
