/**
 * Loops from typed arrays to bits, eight rows to a byte, and three-valued logic over bits.
 *
 * Always true: every function writes all bits of its rows, bits past them are 0; comparisons become numbers by `+(...)`, never by
 * a condition, because a branch on data that cannot be predicted costs more than the comparison.
 */

import { assert } from "../base/assert.ts";
import { type Bitset, bitsetBytes } from "../model/bitset.ts";

/** What a filter says of some rows: a row is TRUE, or FALSE (known and not true), or UNKNOWN. `truth` is within `known`. */
export interface Verdict {
  readonly truth: Bitset;
  /** Null: all rows are known. */
  readonly known: Bitset | null;
}

export function bitsOf(rowCount: number): Bitset {
  return new Uint8Array(bitsetBytes(rowCount));
}

/** Clears the bits past the rows. */
export function trim(bits: Bitset, rowCount: number): void {
  const whole = rowCount >> 3;
  if (whole >= bits.length) return;
  bits[whole]! &= (1 << (rowCount & 7)) - 1;
  bits.fill(0, whole + 1);
}

export function invert(bits: Bitset, rowCount: number): void {
  for (let at = 0; at < bits.length; at += 1) bits[at] = ~bits[at]!;
  trim(bits, rowCount);
}

/** `lower <= value <= upper`. */
export function packRange(values: Float64Array, rowCount: number, lower: number, upper: number, out: Bitset): void {
  assert(values.length >= rowCount && out.length * 8 >= rowCount, "the range loop stays inside its arrays");
  const whole = rowCount >> 3;
  for (let byte = 0, at = 0; byte < whole; byte += 1, at += 8) {
    const a = values[at]!;
    const b = values[at + 1]!;
    const c = values[at + 2]!;
    const d = values[at + 3]!;
    const e = values[at + 4]!;
    const f = values[at + 5]!;
    const g = values[at + 6]!;
    const h = values[at + 7]!;
    out[byte] =
      (+(a >= lower) & +(a <= upper)) |
      ((+(b >= lower) & +(b <= upper)) << 1) |
      ((+(c >= lower) & +(c <= upper)) << 2) |
      ((+(d >= lower) & +(d <= upper)) << 3) |
      ((+(e >= lower) & +(e <= upper)) << 4) |
      ((+(f >= lower) & +(f <= upper)) << 5) |
      ((+(g >= lower) & +(g <= upper)) << 6) |
      ((+(h >= lower) & +(h <= upper)) << 7);
  }
  if ((rowCount & 7) !== 0) {
    let last = 0;
    for (let at = whole << 3; at < rowCount; at += 1) {
      last |= (+(values[at]! >= lower) & +(values[at]! <= upper)) << (at & 7);
    }
    out[whole] = last;
  }
}

/** The same for int64 given as halves, from row `from` on. The ends are such that rounding the values changes nothing. */
export function packRangeOfHalves(
  halves: Int32Array,
  from: number,
  rowCount: number,
  lower: number,
  upper: number,
  out: Bitset,
): void {
  assert(halves.length >= (from + rowCount) * 2 && out.length * 8 >= rowCount, "the loop stays inside its arrays");
  const whole = rowCount >> 3;
  let at = from * 2;
  for (let byte = 0; byte < whole; byte += 1, at += 16) {
    const a = halves[at + 1]! * HIGH + (halves[at]! >>> 0);
    const b = halves[at + 3]! * HIGH + (halves[at + 2]! >>> 0);
    const c = halves[at + 5]! * HIGH + (halves[at + 4]! >>> 0);
    const d = halves[at + 7]! * HIGH + (halves[at + 6]! >>> 0);
    const e = halves[at + 9]! * HIGH + (halves[at + 8]! >>> 0);
    const f = halves[at + 11]! * HIGH + (halves[at + 10]! >>> 0);
    const g = halves[at + 13]! * HIGH + (halves[at + 12]! >>> 0);
    const h = halves[at + 15]! * HIGH + (halves[at + 14]! >>> 0);
    out[byte] =
      (+(a >= lower) & +(a <= upper)) |
      ((+(b >= lower) & +(b <= upper)) << 1) |
      ((+(c >= lower) & +(c <= upper)) << 2) |
      ((+(d >= lower) & +(d <= upper)) << 3) |
      ((+(e >= lower) & +(e <= upper)) << 4) |
      ((+(f >= lower) & +(f <= upper)) << 5) |
      ((+(g >= lower) & +(g <= upper)) << 6) |
      ((+(h >= lower) & +(h <= upper)) << 7);
  }
  for (let row = whole << 3; row < rowCount; row += 1, at += 2) {
    const value = halves[at + 1]! * HIGH + (halves[at]! >>> 0);
    out[row >> 3]! |= (+(value >= lower) & +(value <= upper)) << (row & 7);
  }
}

/** What the high half of an int64 counts for. */
const HIGH = 4294967296;

/** Bytes that are 0 or not, as bits. */
export function packBytes(flags: Uint8Array, from: number, rowCount: number): Bitset {
  const out = bitsOf(rowCount);
  const whole = rowCount >> 3;
  for (let byte = 0, at = from; byte < whole; byte += 1, at += 8) {
    out[byte] =
      +(flags[at] !== 0) |
      (+(flags[at + 1] !== 0) << 1) |
      (+(flags[at + 2] !== 0) << 2) |
      (+(flags[at + 3] !== 0) << 3) |
      (+(flags[at + 4] !== 0) << 4) |
      (+(flags[at + 5] !== 0) << 5) |
      (+(flags[at + 6] !== 0) << 6) |
      (+(flags[at + 7] !== 0) << 7);
  }
  for (let row = whole << 3; row < rowCount; row += 1) out[row >> 3]! |= +(flags[from + row] !== 0) << (row & 7);
  return out;
}

export function andVerdicts(left: Verdict, right: Verdict): Verdict {
  const { length } = left.truth;
  const truth = new Uint8Array(length);
  if (left.known === null && right.known === null) {
    for (let at = 0; at < length; at += 1) truth[at] = left.truth[at]! & right.truth[at]!;
    return { truth, known: null };
  }
  // Known: both are, or one of them is FALSE.
  const known = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) {
    const a = left.truth[at]!;
    const b = right.truth[at]!;
    const x = left.known === null ? 0xff : left.known[at]!;
    const y = right.known === null ? 0xff : right.known[at]!;
    truth[at] = a & b;
    known[at] = (x & y) | (x & ~a) | (y & ~b);
  }
  return { truth, known };
}

export function orVerdicts(left: Verdict, right: Verdict): Verdict {
  const { length } = left.truth;
  const truth = new Uint8Array(length);
  if (left.known === null && right.known === null) {
    for (let at = 0; at < length; at += 1) truth[at] = left.truth[at]! | right.truth[at]!;
    return { truth, known: null };
  }
  // Known: both are, or one of them is TRUE.
  const known = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) {
    const a = left.truth[at]!;
    const b = right.truth[at]!;
    const x = left.known === null ? 0xff : left.known[at]!;
    const y = right.known === null ? 0xff : right.known[at]!;
    truth[at] = a | b;
    known[at] = (x & y) | a | b;
  }
  return { truth, known };
}

export function notVerdict(verdict: Verdict, rowCount: number): Verdict {
  const truth = new Uint8Array(verdict.truth.length);
  for (let at = 0; at < truth.length; at += 1) {
    truth[at] = (verdict.known === null ? 0xff : verdict.known[at]!) & ~verdict.truth[at]!;
  }
  trim(truth, rowCount);
  return { truth, known: verdict.known };
}
