/**
 * Rows in the order of their keys.
 *
 * Integers are sorted by radix, byte by byte; VarChar by radix on eight bytes behind the common prefix, and so on inside each run of
 * equals. Small runs are sorted by comparison.
 *
 * Always true: rows of equal keys keep the order in which they were given.
 */

import { BytesKeys, Int64Keys, type KeyReader } from "./key-reader.ts";

const SMALL_RUN = 48;

/** `rows` (ascending) by key, then by row number; a new array. */
export function sortByKey(keys: KeyReader, rows: Uint32Array): Uint32Array {
  const sorted = rows.slice();
  if (isSorted(keys, sorted)) return sorted;
  if (keys instanceof Int64Keys) sortIntegers(keys, sorted);
  else sortBytes(keys as BytesKeys, sorted, 0);
  return sorted;
}

function isSorted(keys: KeyReader, rows: Uint32Array): boolean {
  for (let at = 1; at < rows.length; at += 1) {
    if (keys.compare(rows[at - 1]!, keys, rows[at]!) > 0) return false;
  }
  return true;
}

function sortIntegers(keys: Int64Keys, rows: Uint32Array): void {
  if (rows.length <= SMALL_RUN) {
    rows.sort((left, right) => keys.compare(left, keys, right) || left - right);
    return;
  }
  const high = new Uint32Array(rows.length);
  const low = new Uint32Array(rows.length);
  for (let at = 0; at < rows.length; at += 1) {
    low[at] = keys.unsigned[rows[at]! * 2]!;
    high[at] = keys.unsigned[rows[at]! * 2 + 1]! ^ 0x80000000;
  }
  const positions = sortedPositions(high, low);
  rows.set(positions.map((position) => rows[position]!));
}

function sortBytes(keys: BytesKeys, rows: Uint32Array, knownPrefix: number): void {
  if (rows.length <= SMALL_RUN) {
    rows.sort((left, right) => keys.compare(left, keys, right) || left - right);
    return;
  }
  const { depth, longest } = commonPrefix(keys, rows, knownPrefix);
  if (longest <= depth) {
    // Nothing but zero padding told these apart: they differ in length only.
    rows.sort((left, right) => keys.compare(left, keys, right) || left - right);
    return;
  }
  const high = new Uint32Array(rows.length);
  const low = new Uint32Array(rows.length);
  for (let at = 0; at < rows.length; at += 1) {
    high[at] = wordAt(keys, rows[at]!, depth);
    low[at] = wordAt(keys, rows[at]!, depth + 4);
  }
  const positions = sortedPositions(high, low);
  rows.set(positions.map((position) => rows[position]!));
  let start = 0;
  for (let end = 1; end <= rows.length; end += 1) {
    const first = positions[start]!;
    const here = end < rows.length ? positions[end]! : -1;
    if (here >= 0 && high[here] === high[first] && low[here] === low[first]) continue;
    if (end - start > 1) sortBytes(keys, rows.subarray(start, end), depth + 8);
    start = end;
  }
}

/** How many leading bytes all keys share, given that they share `known` (as far as they reach), and the longest key. */
function commonPrefix(keys: BytesKeys, rows: Uint32Array, known: number): { depth: number; longest: number } {
  const first = keys.offsets[rows[0]!]!;
  let shared = keys.offsets[rows[0]! + 1]! - first;
  let longest = shared;
  for (let at = 1; at < rows.length; at += 1) {
    const start = keys.offsets[rows[at]!]!;
    const length = keys.offsets[rows[at]! + 1]! - start;
    if (length > longest) longest = length;
    const most = Math.min(shared, length);
    let same = Math.min(known, most);
    while (same < most && keys.bytes[first + same] === keys.bytes[start + same]) same += 1;
    shared = same;
  }
  return { depth: Math.max(shared, known), longest };
}

/** Four bytes from `depth` on as a big-endian number, zeros behind the end. */
function wordAt(keys: BytesKeys, row: number, depth: number): number {
  const end = keys.offsets[row + 1]!;
  const at = keys.offsets[row]! + depth;
  const bytes = keys.bytes;
  const first = at < end ? bytes[at]! : 0;
  const second = at + 1 < end ? bytes[at + 1]! : 0;
  const third = at + 2 < end ? bytes[at + 2]! : 0;
  const fourth = at + 3 < end ? bytes[at + 3]! : 0;
  return ((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0;
}

/** The places 0… of the 64-bit unsigned numbers (high, low), in their ascending order, equal ones by place. */
function sortedPositions(high: Uint32Array, low: Uint32Array): Uint32Array {
  const count = high.length;
  const counts = new Uint32Array(8 * 256);
  for (let at = 0; at < count; at += 1) {
    for (let digit = 0; digit < 8; digit += 1) {
      const word = digit < 4 ? low[at]! : high[at]!;
      counts[digit * 256 + ((word >>> ((digit & 3) * 8)) & 255)]! += 1;
    }
  }
  let from = new Uint32Array(count);
  for (let at = 0; at < count; at += 1) from[at] = at;
  let to = new Uint32Array(count);
  for (let digit = 0; digit < 8; digit += 1) {
    const words = digit < 4 ? low : high;
    const shift = (digit & 3) * 8;
    const ends = counts.subarray(digit * 256, digit * 256 + 256);
    if (ends[(words[0]! >>> shift) & 255] === count) continue;
    let start = 0;
    for (let value = 0; value < 256; value += 1) {
      const size = ends[value]!;
      ends[value] = start;
      start += size;
    }
    for (let at = 0; at < count; at += 1) {
      const position = from[at]!;
      to[ends[(words[position]! >>> shift) & 255]!++] = position;
    }
    [from, to] = [to, from];
  }
  return from;
}
