/**
 * Typed filters to programs of the kernel.
 *
 * Always true:
 *  - a program says of each row what `evaluate.ts` says, TRUE, FALSE or UNKNOWN; what the kernel cannot say is null here, and evaluated;
 *  - a place in a document is a column of its own, that who runs the program provides.
 *
 * Not here: splitting a filter of which the kernel can do a part (`plan.ts`).
 */

import { COMPARISONS, type FilterProgram, MAX_PROGRAM_DEPTH, Op, OPERATORS } from "../kernel/filter-kernel.ts";
import type {
  ArithmeticFilter,
  ColumnsFilter,
  CompareFilter,
  FieldPlace,
  Filter,
  InFilter,
  LeafFilter,
  LikeFilter,
  RangeFilter,
} from "../model/filter.ts";
import { DataType } from "../model/types.ts";
import { floatInterval, floatRange, type Interval, integerInterval, integerRange, shiftedInterval } from "./bounds.ts";
import { isFloatType, isIntegerType } from "./cast.ts";
import { CodeWriter, type CodeColumn } from "./code-writer.ts";
import { compilePlaceLeaf } from "./compile-places.ts";
import { leafCost } from "./cost.ts";

/** A program and where its columns come from. */
export interface FilterCode {
  readonly program: FilterProgram;
  readonly columns: readonly CodeColumn[];
}

/** Null when the kernel cannot run all of it. */
export function compileCode(filter: Filter): FilterCode | null {
  const writer = new CodeWriter();
  return write(writer, filter, 1) ? { program: writer.program(), columns: writer.columns } : null;
}

function write(writer: CodeWriter, filter: Filter, depth: number): boolean {
  // Leaves may write a node or two below themselves.
  if (depth > MAX_PROGRAM_DEPTH - 4) return false;
  switch (filter.kind) {
    case "constant":
      return writer.node(Op.Constant, [+filter.value]);
    case "not":
      return writer.parent(Op.Not, () => write(writer, filter.operand, depth + 1));
    case "and":
    case "or": {
      const operands = filter.operands.toSorted((left, right) => cost(left) - cost(right));
      const op = filter.kind === "and" ? Op.And : Op.Or;
      return writer.parent(op, () => operands.every((operand) => write(writer, operand, depth + 1)));
    }
    default:
      return writeLeaf(writer, filter);
  }
}

function cost(filter: Filter): number {
  switch (filter.kind) {
    case "constant":
      return 0;
    case "not":
      return cost(filter.operand);
    case "and":
    case "or":
      return filter.operands.reduce((sum, operand) => sum + cost(operand), 0);
    default:
      return leafCost(filter);
  }
}

export function isTextType(type: DataType): boolean {
  return type === DataType.VarChar || type === DataType.String;
}

function isWhole(type: DataType): boolean {
  return type === DataType.Bool || isIntegerType(type) || type === DataType.Timestamptz;
}

function writeLeaf(writer: CodeWriter, filter: LeafFilter): boolean {
  if (filter.kind === "columns") return writePair(writer, filter);
  if (filter.kind === "sample" || filter.kind === "match") return false;
  const { field } = filter;
  if (filter.kind === "null" && field.path.length === 0) {
    return writer.parent(Op.Not, () => writer.node(Op.Valid, [writer.column(field, "valid")]));
  }
  // The kernel knows texts as texts.
  if (field.cast !== undefined) return false;
  if (field.dataType === DataType.JSON) return compilePlaceLeaf(writer, filter);
  if (field.path.length > 0) return false;
  const { dataType } = field;
  switch (filter.kind) {
    case "compare":
      if (isTextType(dataType)) return writeCompareText(writer, filter);
      return writeCompare(writer, filter);
    case "range":
      if (isTextType(dataType)) return writer.textRange(writer.column(field), filter);
      return writeRange(writer, filter);
    case "in":
      return writeIn(writer, filter);
    case "like":
      return isTextType(dataType) && writeLike(writer, filter);
    case "arithmetic":
      return writeArithmetic(writer, filter);
    default:
      return false;
  }
}

function writeLike(writer: CodeWriter, filter: LikeFilter): boolean {
  return writer.like(writer.column(filter.field), filter.pattern);
}

export function writeCompareText(writer: CodeWriter, filter: CompareFilter): boolean {
  const column = writer.column(filter.field);
  return writer.textCompare(filter.operator, String(filter.value), (range) => writer.textRange(column, range));
}

/** The value that a column of this type compares with. */
function rounded(type: DataType, value: number): number {
  return type === DataType.Float ? Math.fround(value) : value;
}

function writeCompare(writer: CodeWriter, filter: CompareFilter): boolean {
  const { dataType } = filter.field;
  if (isFloatType(dataType)) {
    return writeFloats(writer, filter.field, floatInterval(filter.operator, rounded(dataType, Number(filter.value))));
  }
  if (!isWhole(dataType)) return false;
  return writeIntegers(writer, filter.field, integerInterval(filter.operator, BigInt(filter.value)));
}

function writeRange(writer: CodeWriter, filter: RangeFilter): boolean {
  const { dataType } = filter.field;
  if (isFloatType(dataType)) {
    const [lower, upper] = [rounded(dataType, Number(filter.lower)), rounded(dataType, Number(filter.upper))];
    return writeFloats(writer, filter.field, floatRange(filter, lower, upper));
  }
  if (!isWhole(dataType)) return false;
  return writeIntegers(writer, filter.field, integerRange(filter, BigInt(filter.lower), BigInt(filter.upper)));
}

function writeIntegers(writer: CodeWriter, field: FieldPlace, interval: Interval<bigint>): boolean {
  return writer.node(Op.Integers, [writer.column(field), +interval.isOutside, writer.integerEnds(interval)]);
}

function writeFloats(writer: CodeWriter, field: FieldPlace, interval: Interval<number>): boolean {
  const place = writer.doubles([interval.lower, interval.upper]);
  return writer.node(Op.Floats, [writer.column(field), +interval.isOutside, place]);
}

function writeIn(writer: CodeWriter, filter: InFilter): boolean {
  const { dataType } = filter.field;
  const column = writer.column(filter.field);
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

function writeArithmetic(writer: CodeWriter, filter: ArithmeticFilter): boolean {
  const { field, operator, comparison } = filter;
  const { dataType } = field;
  const number = OPERATORS.indexOf(operator);
  if (number < 0) return false;
  if (isFloatType(dataType)) {
    if (number > OPERATORS.indexOf("/")) return false;
    const { lower, upper, isOutside } = floatInterval(comparison, rounded(dataType, Number(filter.value)));
    const place = writer.doubles([rounded(dataType, Number(filter.operand)), lower, upper]);
    return writer.node(Op.FloatMath, [writer.column(field), number, +isOutside, place]);
  }
  if (!isIntegerType(dataType)) return false;
  const operand = BigInt(filter.operand);
  if (operand === 0n && (operator === "/" || operator === "%")) return false;
  const interval = integerInterval(comparison, BigInt(filter.value));
  if (dataType === DataType.Int64 && (operator === "+" || operator === "-")) {
    return writeIntegers(writer, field, shiftedInterval(interval, operator === "+" ? operand : -operand));
  }
  const place = writer.integers([operand]);
  writer.integerEnds(interval);
  return writer.node(Op.IntegerMath, [writer.column(field), number, +interval.isOutside, place]);
}

function writePair(writer: CodeWriter, filter: ColumnsFilter): boolean {
  const { left, right } = filter;
  const isNumber = (type: DataType): boolean => isWhole(type) || isFloatType(type);
  const areTexts = isTextType(left.dataType) && isTextType(right.dataType);
  if (!areTexts && !(isNumber(left.dataType) && isNumber(right.dataType))) return false;
  const comparison = COMPARISONS.indexOf(filter.operator);
  return writer.node(areTexts ? Op.TextPair : Op.NumberPair, [writer.column(left), writer.column(right), comparison]);
}
