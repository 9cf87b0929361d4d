/**
 * Row numbers in the order of their values, rows of equal values ascending: by digits of 16 bits, so that nothing is compared.
 *
 *   integers   the sign bit turned over           doubles   negative ones turned over whole, others get the sign bit; -0 counts as 0
 *   text       its first eight bytes, zeros behind; runs of equal beginnings are sorted by the bytes that follow
 */

import type { BytesColumn } from "../../model/columns.ts";

const DIGIT_BITS = 16;
const DIGITS = 1 << DIGIT_BITS;
const PREFIX_BYTES = 8;
/** Counting digits costs as much as comparing so many rows. */
const LEAST_BY_DIGITS = 8192;

export function sortIntegers(values: BigInt64Array, rows: Uint32Array): Uint32Array {
  const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const low = new Uint32Array(rows.length);
  const high = new Uint32Array(rows.length);
  for (let at = 0; at < rows.length; at += 1) {
    low[at] = halves[rows[at]! * 2]!;
    high[at] = halves[rows[at]! * 2 + 1]! ^ 0x80000000;
  }
  return sortPairs(low, high, rows);
}

export function sortDoubles(values: ArrayLike<number>, rows: Uint32Array): Uint32Array {
  const bits = new Float64Array(1);
  const halves = new Int32Array(bits.buffer);
  const low = new Uint32Array(rows.length);
  const high = new Uint32Array(rows.length);
  for (let at = 0; at < rows.length; at += 1) {
    bits[0] = values[rows[at]!]! + 0;
    const isNegative = halves[1]! < 0;
    low[at] = isNegative ? ~halves[0]! : halves[0]!;
    high[at] = isNegative ? ~halves[1]! : halves[1]! ^ 0x80000000;
  }
  return sortPairs(low, high, rows);
}

export function sortTexts({ offsets, bytes }: BytesColumn, rows: Uint32Array): Uint32Array {
  const low = new Uint32Array(rows.length);
  const high = new Uint32Array(rows.length);
  for (let at = 0; at < rows.length; at += 1) {
    const [start, end] = [offsets[rows[at]!]!, offsets[rows[at]! + 1]!];
    for (let byte = 0; byte < PREFIX_BYTES; byte += 1) {
      const value = start + byte < end ? bytes[start + byte]! : 0;
      if (byte < 4) high[at] = (high[at]! << 8) | value;
      else low[at] = (low[at]! << 8) | value;
    }
  }
  const order = sortPairs(low, high, rows);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const compare = (left: number, right: number): number =>
    view.compare(view, offsets[right]!, offsets[right + 1]!, offsets[left]!, offsets[left + 1]!) || left - right;
  const samePrefix = (left: number, right: number): boolean => {
    const [leftStart, rightStart] = [offsets[left]!, offsets[right]!];
    const leftBytes = offsets[left + 1]! - leftStart;
    const rightBytes = offsets[right + 1]! - rightStart;
    for (let byte = 0; byte < PREFIX_BYTES; byte += 1) {
      const one = byte < leftBytes ? bytes[leftStart + byte]! : 0;
      if (one !== (byte < rightBytes ? bytes[rightStart + byte]! : 0)) return false;
    }
    return true;
  };
  for (let start = 0, end = 1; end <= order.length; end += 1) {
    if (end < order.length && samePrefix(order[start]!, order[end]!)) continue;
    if (end - start > 1) order.subarray(start, end).sort(compare);
    start = end;
  }
  return order;
}

/** Stable, by `high`, then `low`. */
function sortPairs(low: Uint32Array, high: Uint32Array, rows: Uint32Array): Uint32Array {
  let order = Uint32Array.from({ length: rows.length }, (_, at) => at);
  if (rows.length < LEAST_BY_DIGITS) {
    order.sort((left, right) => high[left]! - high[right]! || low[left]! - low[right]! || left - right);
    return order.map((entry) => rows[entry]!);
  }
  let next = new Uint32Array(rows.length);
  const starts = new Uint32Array(DIGITS + 1);
  for (const [words, shift] of [
    [low, 0],
    [low, DIGIT_BITS],
    [high, 0],
    [high, DIGIT_BITS],
  ] as const) {
    starts.fill(0);
    for (let at = 0; at < order.length; at += 1) starts[((words[at]! >>> shift) & (DIGITS - 1)) + 1]! += 1;
    if (starts.includes(rows.length)) continue;
    for (let digit = 0; digit < DIGITS; digit += 1) starts[digit + 1]! += starts[digit]!;
    for (let at = 0; at < order.length; at += 1) {
      const entry = order[at]!;
      next[starts[(words[entry]! >>> shift) & (DIGITS - 1)]!++] = entry;
    }
    [order, next] = [next, order];
  }
  for (let at = 0; at < order.length; at += 1) next[at] = rows[order[at]!]!;
  return next;
}
