/**
 * Leaves over Bool, integer and float columns.
 *
 * Always true:
 *  - no BigInt per row, but for rows whose product or quotient does not fit 52 bits;
 *  - Float columns compare with constants rounded to float32, and their arithmetic rounds to float32.
 */

import type { Bitset } from "../model/bitset.ts";
import type { FixedColumn } from "../model/columns.ts";
import type {
  ArithmeticFilter,
  ArithmeticOperator,
  BitOperator,
  ColumnsFilter,
  CompareFilter,
  InFilter,
  RangeFilter,
} from "../model/filter.ts";
import { DataType } from "../model/types.ts";
import { bitsOf, invert, packRange, packRangeOfHalves } from "./bits.ts";
import {
  asFloats,
  floatInterval,
  floatRange,
  type Interval,
  integerInterval,
  integerRange,
  isSafe,
  shiftedInterval,
} from "./bounds.ts";
import { isFloatType } from "./cast.ts";
import { isBitOperator, wrappingArithmetic } from "./constants.ts";
import {
  fixedColumn,
  halvesOf,
  isInt64,
  knownRows,
  loadNumbers,
  masked,
  type Operation,
  type Scan,
  SCRATCH,
  SECOND_SCRATCH,
  STRETCH_ROWS,
} from "./scan.ts";
import { PairSet } from "./sets.ts";

/** The value that a column of this type compares with. */
function rounded(type: DataType, value: number): number {
  return type === DataType.Float ? Math.fround(value) : value;
}

export function compileCompareNumbers(filter: CompareFilter): Operation {
  const { dataType, fieldId } = filter.field;
  if (isFloatType(dataType)) {
    return inFloats(fieldId, floatInterval(filter.operator, rounded(dataType, Number(filter.value))));
  }
  return inIntegers(fieldId, integerInterval(filter.operator, BigInt(filter.value)));
}

export function compileRangeNumbers(filter: RangeFilter): Operation {
  const { dataType, fieldId } = filter.field;
  if (isFloatType(dataType)) {
    const [lower, upper] = [rounded(dataType, Number(filter.lower)), rounded(dataType, Number(filter.upper))];
    return inFloats(fieldId, floatRange(filter, lower, upper));
  }
  return inIntegers(fieldId, integerRange(filter, BigInt(filter.lower), BigInt(filter.upper)));
}

function inFloats(fieldId: bigint, interval: Interval<number>): Operation {
  return (scan) => {
    const column = fixedColumn(scan, fieldId);
    return masked(packInterval(loadNumbers(column, scan, SCRATCH), scan, interval), knownRows(column, scan));
  };
}

function inIntegers(fieldId: bigint, interval: Interval<bigint>): Operation {
  const floats = asFloats(interval);
  const safe = isSafe(interval);
  return (scan) => {
    const column = fixedColumn(scan, fieldId);
    let truth: Bitset;
    // Narrow integers are exact as doubles.
    if (!isInt64(column)) truth = packInterval(loadNumbers(column, scan, SCRATCH), scan, floats);
    else if (!safe) truth = packExact(column.values, scan, interval);
    else {
      truth = bitsOf(scan.rowCount);
      packRangeOfHalves(halvesOf(column.values), scan.from, scan.rowCount, floats.lower, floats.upper, truth);
      if (interval.isOutside) invert(truth, scan.rowCount);
    }
    return masked(truth, knownRows(column, scan));
  };
}

function packInterval(values: Float64Array, scan: Scan, interval: Interval<number>): Bitset {
  const truth = bitsOf(scan.rowCount);
  packRange(values, scan.rowCount, interval.lower, interval.upper, truth);
  if (interval.isOutside) invert(truth, scan.rowCount);
  return truth;
}

/** Ends that a double does not hold: signed high halves first, then unsigned low halves. */
function packExact(values: BigInt64Array, scan: Scan, interval: Interval<bigint>): Bitset {
  const truth = bitsOf(scan.rowCount);
  if (interval.lower <= interval.upper) {
    const halves = halvesOf(values);
    const [lowerHigh, lowerLow] = split(interval.lower);
    const [upperHigh, upperLow] = split(interval.upper);
    for (let row = 0, at = scan.from * 2; row < scan.rowCount; row += 1, at += 2) {
      const low = halves[at]! >>> 0;
      const high = halves[at + 1]!;
      const isAbove = +(high > lowerHigh) | (+(high === lowerHigh) & +(low >= lowerLow));
      const isBelow = +(high < upperHigh) | (+(high === upperHigh) & +(low <= upperLow));
      truth[row >> 3]! |= (isAbove & isBelow) << (row & 7);
    }
  }
  if (interval.isOutside) invert(truth, scan.rowCount);
  return truth;
}

function split(value: bigint): readonly [number, number] {
  return [Number(value >> 32n), Number(value & 0xffffffffn)];
}

export function compileInNumbers(filter: InFilter): Operation {
  const { dataType, fieldId } = filter.field;
  if (dataType === DataType.Int64 || dataType === DataType.Timestamptz) {
    const set = new PairSet(halvesOf(BigInt64Array.from(filter.values as readonly bigint[])));
    return (scan) => {
      const column = fixedColumn(scan, fieldId);
      const truth = bitsOf(scan.rowCount);
      set.lookUp(halvesOf(column.values as BigInt64Array), scan.from, scan.rowCount, truth);
      return masked(truth, knownRows(column, scan));
    };
  }
  // By the bits of the double: adding 0 makes -0 one with 0; NaN equals nothing.
  const numbers = filter.values.map((value) => rounded(dataType, Number(value)) + 0).filter((value) => value === value);
  const set = new PairSet(new Int32Array(Float64Array.from(numbers).buffer));
  const scratchHalves = new Int32Array(SCRATCH.buffer);
  return (scan) => {
    const column = fixedColumn(scan, fieldId);
    loadNumbers(column, scan, SCRATCH);
    for (let row = 0; row < scan.rowCount; row += 1) SCRATCH[row]! += 0;
    const truth = bitsOf(scan.rowCount);
    set.lookUp(scratchHalves, 0, scan.rowCount, truth);
    return masked(truth, knownRows(column, scan));
  };
}

export function compileArithmetic(filter: ArithmeticFilter): Operation {
  const { fieldId, dataType } = filter.field;
  const { operator, comparison } = filter;
  if (isFloatType(dataType)) {
    const operand = rounded(dataType, Number(filter.operand));
    const interval = floatInterval(comparison, rounded(dataType, Number(filter.value)));
    return (scan) => {
      const column = fixedColumn(scan, fieldId);
      const values = loadNumbers(column, scan, SCRATCH);
      applyFloats(operator, values, scan.rowCount, operand);
      if (dataType === DataType.Float) {
        for (let row = 0; row < scan.rowCount; row += 1) values[row] = Math.fround(values[row]!);
      }
      return masked(packInterval(values, scan, interval), knownRows(column, scan));
    };
  }
  const operand = BigInt(filter.operand);
  const interval = integerInterval(comparison, BigInt(filter.value));
  if (dataType === DataType.Int64 && (operator === "+" || operator === "-")) {
    return inIntegers(fieldId, shiftedInterval(interval, operator === "+" ? operand : -operand));
  }
  if (isBitOperator(operator)) return bitsOfIntegers(fieldId, operator, operand, interval);
  return arithmeticOfIntegers(fieldId, operator, operand, interval);
}

const RESULTS = new BigInt64Array(STRETCH_ROWS);
const RESULT_HALVES = halvesOf(RESULTS);

/** Half by half; a narrow integer is as wide as its sign. */
function bitsOfIntegers(
  fieldId: bigint,
  operator: BitOperator,
  operand: bigint,
  interval: Interval<bigint>,
): Operation {
  const [operandHigh, operandLow] = split(operand);
  const apply = BIT_OPERATIONS[operator];
  return (scan) => {
    const column = fixedColumn(scan, fieldId);
    const { values } = column;
    if (values instanceof BigInt64Array) {
      const halves = halvesOf(values);
      for (let row = 0, at = scan.from * 2; row < scan.rowCount; row += 1, at += 2) {
        RESULT_HALVES[row * 2] = apply(halves[at]!, operandLow);
        RESULT_HALVES[row * 2 + 1] = apply(halves[at + 1]!, operandHigh);
      }
    } else {
      for (let row = 0; row < scan.rowCount; row += 1) {
        const value = values[scan.from + row]!;
        RESULT_HALVES[row * 2] = apply(value, operandLow);
        RESULT_HALVES[row * 2 + 1] = apply(value >> 31, operandHigh);
      }
    }
    return masked(packExact(RESULTS, { ...scan, from: 0 }, interval), knownRows(column, scan));
  };
}

const BIT_OPERATIONS: Readonly<Record<BitOperator, (left: number, right: number) => number>> = {
  "&": (left, right) => left & right,
  "|": (left, right) => left | right,
  "^": (left, right) => left ^ right,
};

const EXACT = 2 ** 52;

function arithmeticOfIntegers(
  fieldId: bigint,
  operator: ArithmeticOperator,
  operand: bigint,
  interval: Interval<bigint>,
): Operation {
  const floatOperand = Number(operand);
  const isExactOperand = Math.abs(floatOperand) < EXACT;
  const floats = asFloats(interval);
  return (scan) => {
    const column = fixedColumn(scan, fieldId);
    const values = loadNumbers(column, scan, SCRATCH);
    SECOND_SCRATCH.set(values);
    applyIntegers(operator, values, scan.rowCount, floatOperand);
    const truth = packInterval(values, scan, floats);
    for (let row = 0; row < scan.rowCount; row += 1) {
      if (isExactOperand && Math.abs(SECOND_SCRATCH[row]!) < EXACT && Math.abs(values[row]!) < EXACT) continue;
      const exact = wrappingArithmetic(operator, BigInt(column.values[scan.from + row]!), operand);
      const isInside = exact >= interval.lower && exact <= interval.upper;
      const bit = 1 << (row & 7);
      if (isInside !== interval.isOutside) truth[row >> 3]! |= bit;
      else truth[row >> 3]! &= ~bit;
    }
    return masked(truth, knownRows(column, scan));
  };
}

function applyFloats(operator: ArithmeticOperator, values: Float64Array, rowCount: number, operand: number): void {
  switch (operator) {
    case "+":
      for (let row = 0; row < rowCount; row += 1) values[row]! += operand;
      break;
    case "-":
      for (let row = 0; row < rowCount; row += 1) values[row]! -= operand;
      break;
    case "*":
      for (let row = 0; row < rowCount; row += 1) values[row]! *= operand;
      break;
    case "/":
      for (let row = 0; row < rowCount; row += 1) values[row]! /= operand;
      break;
    case "%":
      for (let row = 0; row < rowCount; row += 1) values[row]! %= operand;
  }
}

function applyIntegers(operator: ArithmeticOperator, values: Float64Array, rowCount: number, operand: number): void {
  applyFloats(operator, values, rowCount, operand);
  if (operator !== "/") return;
  for (let row = 0; row < rowCount; row += 1) values[row] = Math.trunc(values[row]!);
}

/** Numbers of two columns: int64 with int64 exactly, everything else as doubles. */
export function compileColumnsOfNumbers(filter: ColumnsFilter): Operation {
  // `a > b` is `b < a`.
  const isMirrored = filter.operator === ">" || filter.operator === ">=";
  const leftId = isMirrored ? filter.right.fieldId : filter.left.fieldId;
  const rightId = isMirrored ? filter.left.fieldId : filter.right.fieldId;
  const isEquality = filter.operator === "==" || filter.operator === "!=";
  const allowsEqual = filter.operator.endsWith("=") && !isEquality;
  return (scan) => {
    const left = fixedColumn(scan, leftId);
    const right = fixedColumn(scan, rightId);
    const truth = isInt64(left) && isInt64(right) ? wholeOrders(left, right, scan) : doubleOrders(left, right, scan);
    const { below, equal } = truth;
    if (isEquality) {
      if (filter.operator === "!=") invert(equal, scan.rowCount);
    } else if (allowsEqual) for (let at = 0; at < below.length; at += 1) below[at]! |= equal[at]!;
    const known = knownRows(left, scan);
    const rightKnown = knownRows(right, scan);
    if (known !== null && rightKnown !== null) {
      for (let at = 0; at < known.length; at += 1) known[at]! &= rightKnown[at]!;
    }
    return masked(isEquality ? equal : below, known ?? rightKnown);
  };
}

interface Orders {
  readonly below: Bitset;
  readonly equal: Bitset;
}

function doubleOrders(left: FixedColumn, right: FixedColumn, scan: Scan): Orders {
  const a = loadNumbers(left, scan, SCRATCH);
  const b = loadNumbers(right, scan, SECOND_SCRATCH);
  const below = bitsOf(scan.rowCount);
  const equal = bitsOf(scan.rowCount);
  for (let row = 0; row < scan.rowCount; row += 1) {
    below[row >> 3]! |= +(a[row]! < b[row]!) << (row & 7);
    equal[row >> 3]! |= +(a[row] === b[row]) << (row & 7);
  }
  return { below, equal };
}

function wholeOrders(
  left: FixedColumn & { readonly values: BigInt64Array },
  right: FixedColumn & { readonly values: BigInt64Array },
  scan: Scan,
): Orders {
  const a = halvesOf(left.values);
  const b = halvesOf(right.values);
  const below = bitsOf(scan.rowCount);
  const equal = bitsOf(scan.rowCount);
  for (let row = 0, at = scan.from * 2; row < scan.rowCount; row += 1, at += 2) {
    const isHighEqual = +(a[at + 1] === b[at + 1]);
    const isBelow = +(a[at + 1]! < b[at + 1]!) | (isHighEqual & +(a[at]! >>> 0 < b[at]! >>> 0));
    below[row >> 3]! |= isBelow << (row & 7);
    equal[row >> 3]! |= (isHighEqual & +(a[at] === b[at])) << (row & 7);
  }
  return { below, equal };
}
