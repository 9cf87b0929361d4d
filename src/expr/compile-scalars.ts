/**
 * Leaves over one value a row, as nodes of a program: over a column, or over the elements of arrays, which are a column too.
 *
 * Always true: whichever column is named, the node is the one that the value's type asks for.
 */

import { COMPARISONS, Op, OPERATORS } from "../kernel/filter-kernel.ts";
import type {
  ArithmeticFilter,
  ColumnsFilter,
  CompareFilter,
  InFilter,
  PlaceFilter,
  RangeFilter,
} from "../model/filter.ts";
import { DataType } from "../model/types.ts";
import { floatInterval, floatRange, type Interval, integerInterval, integerRange, shiftedInterval } from "./bounds.ts";
import { isFloatType, isIntegerType } from "./cast.ts";
import type { CodeWriter } from "./code-writer.ts";

function isTextType(type: DataType): boolean {
  return type === DataType.VarChar || type === DataType.String;
}

function isWhole(type: DataType): boolean {
  return type === DataType.Bool || isIntegerType(type) || type === DataType.Timestamptz;
}

/** False when the kernel cannot. */
export function compileScalarLeaf(writer: CodeWriter, column: number, filter: PlaceFilter): boolean {
  const isText = isTextType(filter.field.dataType);
  switch (filter.kind) {
    case "compare":
      return isText ? writeCompareText(writer, column, filter) : writeCompare(writer, column, filter);
    case "range":
      return isText ? writer.textRange(column, filter) : writeRange(writer, column, filter);
    case "in":
      return writeIn(writer, column, filter);
    case "like":
      return isText && writer.like(column, filter.pattern);
    case "regex":
      return isText && writer.regex(column, filter.pattern);
    case "arithmetic":
      return writeArithmetic(writer, column, filter);
    default:
      return false;
  }
}

function writeCompareText(writer: CodeWriter, column: number, filter: CompareFilter): boolean {
  return writer.textCompare(filter.operator, String(filter.value), (range) => writer.textRange(column, range));
}

/** The value that a column of this type compares with. */
function rounded(type: DataType, value: number): number {
  return type === DataType.Float ? Math.fround(value) : value;
}

function writeCompare(writer: CodeWriter, column: number, filter: CompareFilter): boolean {
  const { dataType } = filter.field;
  if (isFloatType(dataType)) {
    return writeFloats(writer, column, floatInterval(filter.operator, rounded(dataType, Number(filter.value))));
  }
  if (!isWhole(dataType)) return false;
  return writeIntegers(writer, column, integerInterval(filter.operator, BigInt(filter.value)));
}

function writeRange(writer: CodeWriter, column: number, filter: RangeFilter): boolean {
  const { dataType } = filter.field;
  if (isFloatType(dataType)) {
    const [lower, upper] = [rounded(dataType, Number(filter.lower)), rounded(dataType, Number(filter.upper))];
    return writeFloats(writer, column, floatRange(filter, lower, upper));
  }
  if (!isWhole(dataType)) return false;
  return writeIntegers(writer, column, integerRange(filter, BigInt(filter.lower), BigInt(filter.upper)));
}

function writeIntegers(writer: CodeWriter, column: number, interval: Interval<bigint>): boolean {
  return writer.node(Op.Integers, [column, +interval.isOutside, writer.integerEnds(interval)]);
}

function writeFloats(writer: CodeWriter, column: number, interval: Interval<number>): boolean {
  const place = writer.doubles([interval.lower, interval.upper]);
  return writer.node(Op.Floats, [column, +interval.isOutside, place]);
}

function writeIn(writer: CodeWriter, column: number, filter: InFilter): boolean {
  const { dataType } = filter.field;
  if (isTextType(dataType)) return writer.textSet(column, filter.values as readonly string[]);
  if (isFloatType(dataType)) {
    const values = filter.values.map((value) => rounded(dataType, Number(value)));
    return writer.node(Op.FloatSet, [column, writer.doubles(values), values.length]);
  }
  if (!isWhole(dataType)) return false;
  const values =
    dataType === DataType.Bool ? filter.values.map((value) => BigInt(value)) : (filter.values as readonly bigint[]);
  return writer.node(Op.IntegerSet, [column, writer.integers(values), values.length]);
}

function writeArithmetic(writer: CodeWriter, column: number, filter: ArithmeticFilter): boolean {
  const { operator, comparison } = filter;
  const { dataType } = filter.field;
  const number = OPERATORS.indexOf(operator);
  if (number < 0) return false;
  if (isFloatType(dataType)) {
    if (number > OPERATORS.indexOf("/")) return false;
    const { lower, upper, isOutside } = floatInterval(comparison, rounded(dataType, Number(filter.value)));
    const place = writer.doubles([rounded(dataType, Number(filter.operand)), lower, upper]);
    return writer.node(Op.FloatMath, [column, number, +isOutside, place]);
  }
  if (!isIntegerType(dataType)) return false;
  const operand = BigInt(filter.operand);
  if (operand === 0n && (operator === "/" || operator === "%")) return false;
  const interval = integerInterval(comparison, BigInt(filter.value));
  if (dataType === DataType.Int64 && (operator === "+" || operator === "-")) {
    return writeIntegers(writer, column, shiftedInterval(interval, operator === "+" ? operand : -operand));
  }
  const place = writer.integers([operand]);
  writer.integerEnds(interval);
  return writer.node(Op.IntegerMath, [column, number, +interval.isOutside, place]);
}

export function compilePair(writer: CodeWriter, filter: ColumnsFilter): boolean {
  const { left, right } = filter;
  const isNumber = (type: DataType): boolean => isWhole(type) || isFloatType(type);
  const areTexts = isTextType(left.dataType) && isTextType(right.dataType);
  if (!areTexts && !(isNumber(left.dataType) && isNumber(right.dataType))) return false;
  const comparison = COMPARISONS.indexOf(filter.operator);
  return writer.node(areTexts ? Op.TextPair : Op.NumberPair, [writer.column(left), writer.column(right), comparison]);
}
