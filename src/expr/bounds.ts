/**
 * Every comparison of a number with constants as one inclusive interval, or all but one: that is the only loop that numbers need.
 *
 * Always true: an interval whose lower end is above its upper end is empty; NaN as an end makes it empty too.
 */

import type { CompareOperator, RangeFilter } from "../model/filter.ts";

export interface Interval<Value extends bigint | number> {
  readonly lower: Value;
  readonly upper: Value;
  /** All but the interval. */
  readonly isOutside: boolean;
}

export const MIN_INT64 = -(2n ** 63n);
export const MAX_INT64 = 2n ** 63n - 1n;

export function integerInterval(operator: CompareOperator, value: bigint): Interval<bigint> {
  switch (operator) {
    case "==":
      return { lower: value, upper: value, isOutside: false };
    case "!=":
      return { lower: value, upper: value, isOutside: true };
    case "<":
      return { lower: MIN_INT64, upper: value - 1n, isOutside: false };
    case "<=":
      return { lower: MIN_INT64, upper: value, isOutside: false };
    case ">":
      return { lower: value + 1n, upper: MAX_INT64, isOutside: false };
    case ">=":
      return { lower: value, upper: MAX_INT64, isOutside: false };
  }
}

export function floatInterval(operator: CompareOperator, value: number): Interval<number> {
  switch (operator) {
    case "==":
      return { lower: value, upper: value, isOutside: false };
    case "!=":
      return { lower: value, upper: value, isOutside: true };
    case "<":
      return { lower: -Infinity, upper: nextDown(value), isOutside: false };
    case "<=":
      return { lower: -Infinity, upper: value, isOutside: false };
    case ">":
      return { lower: nextUp(value), upper: Infinity, isOutside: false };
    case ">=":
      return { lower: value, upper: Infinity, isOutside: false };
  }
}

type Range = Pick<RangeFilter, "lowerInclusive" | "upperInclusive">;

export function integerRange(range: Range, lower: bigint, upper: bigint): Interval<bigint> {
  return {
    lower: range.lowerInclusive ? lower : lower + 1n,
    upper: range.upperInclusive ? upper : upper - 1n,
    isOutside: false,
  };
}

export function floatRange(range: Range, lower: number, upper: number): Interval<number> {
  return {
    lower: range.lowerInclusive ? lower : nextUp(lower),
    upper: range.upperInclusive ? upper : nextDown(upper),
    isOutside: false,
  };
}

/**
 * The interval of `x` for which the wrapped sum `x + offset` is in `interval`: moved by the offset; where it runs over the end of
 * int64 it becomes all but the gap between its two pieces.
 */
export function shiftedInterval(interval: Interval<bigint>, offset: bigint): Interval<bigint> {
  // Constants are int64, so these ends leave int64 by one at most, and then the interval is empty.
  if (interval.lower > interval.upper) return interval;
  const lower = BigInt.asIntN(64, interval.lower - offset);
  const upper = BigInt.asIntN(64, interval.upper - offset);
  if (lower <= upper) return { lower, upper, isOutside: interval.isOutside };
  return { lower: upper + 1n, upper: lower - 1n, isOutside: !interval.isOutside };
}

/** The same interval for doubles that hold integers of at most 53 bits. */
export function asFloats(interval: Interval<bigint>): Interval<number> {
  return { lower: Number(interval.lower), upper: Number(interval.upper), isOutside: interval.isOutside };
}

/** True when comparing int64 values, each rounded to a double, with these ends gives the exact answer. */
export function isSafe(interval: Interval<bigint>): boolean {
  // 2^53 itself is what 2^53 + 1 rounds to.
  const limit = 2n ** 53n - 1n;
  const isSafeLower = interval.lower === MIN_INT64 || (interval.lower >= -limit && interval.lower <= limit);
  return isSafeLower && (interval.upper === MAX_INT64 || (interval.upper >= -limit && interval.upper <= limit));
}

const FLOAT = new Float64Array(1);
const BITS = new BigInt64Array(FLOAT.buffer);

/** The smallest double above `value`; nothing is above infinity, so NaN. */
export function nextUp(value: number): number {
  if (value === Infinity || Number.isNaN(value)) return Number.NaN;
  if (value === 0) return Number.MIN_VALUE;
  FLOAT[0] = value;
  BITS[0]! += value > 0 ? 1n : -1n;
  return FLOAT[0];
}

export function nextDown(value: number): number {
  return -nextUp(-value);
}
