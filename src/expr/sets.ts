/**
 * Sets of constants for `in`, looked up by many rows: 64-bit values as two halves, and byte strings.
 *
 * Always true: open addressing with at most half of the places taken, so that a search ends at an empty place.
 */

function places(count: number): number {
  let size = 8;
  while (size < count * 2) size *= 2;
  return size;
}

function hashPair(low: number, high: number): number {
  let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** 64-bit values by their halves: int64, or the bits of a double. */
export class PairSet {
  readonly #mask: number;
  readonly #low: Int32Array;
  readonly #high: Int32Array;
  readonly #taken: Uint8Array;

  /** Low half, high half, low half, ... */
  constructor(halves: Int32Array) {
    const size = places(halves.length / 2);
    this.#mask = size - 1;
    this.#low = new Int32Array(size);
    this.#high = new Int32Array(size);
    this.#taken = new Uint8Array(size);
    for (let at = 0; at < halves.length; at += 2) {
      const low = halves[at]!;
      const high = halves[at + 1]!;
      let place = hashPair(low, high) & this.#mask;
      while (this.#taken[place] !== 0 && (this.#low[place] !== low || this.#high[place] !== high)) {
        place = (place + 1) & this.#mask;
      }
      this.#low[place] = low;
      this.#high[place] = high;
      this.#taken[place] = 1;
    }
  }

  /** One bit for each of `rowCount` pairs from pair `from` on; `out` holds zeros. */
  lookUp(halves: Int32Array, from: number, rowCount: number, out: Uint8Array): void {
    const mask = this.#mask;
    const lows = this.#low;
    const highs = this.#high;
    const taken = this.#taken;
    for (let row = 0, at = from * 2; row < rowCount; row += 1, at += 2) {
      const low = halves[at]!;
      const high = halves[at + 1]!;
      let place = hashPair(low, high) & mask;
      while (taken[place] !== 0) {
        if (lows[place] === low && highs[place] === high) {
          out[row >> 3]! |= 1 << (row & 7);
          break;
        }
        place = (place + 1) & mask;
      }
    }
  }
}

export class BytesSet {
  readonly #mask: number;
  readonly #entries: readonly Uint8Array[];
  /** Entry number plus one; 0 is an empty place. */
  readonly #table: Int32Array;
  /** Which lengths occur, up to the longest: most rows end here. */
  readonly #lengths: Uint8Array;

  constructor(entries: readonly Uint8Array[]) {
    const size = places(entries.length);
    this.#mask = size - 1;
    this.#entries = entries;
    this.#table = new Int32Array(size);
    let longest = 0;
    for (const entry of entries) longest = Math.max(longest, entry.length);
    this.#lengths = new Uint8Array(longest + 1);
    for (let number = 0; number < entries.length; number += 1) {
      const entry = entries[number]!;
      this.#lengths[entry.length] = 1;
      const place = this.#find(entry, 0, entry.length);
      this.#table[place] = number + 1;
    }
  }

  has(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start >= this.#lengths.length || this.#lengths[end - start] === 0) return false;
    return this.#table[this.#find(bytes, start, end)] !== 0;
  }

  /** The place where the bytes are, or the empty one where they would be. */
  #find(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    hash ^= hash >>> 15;
    let place = hash & this.#mask;
    for (let number = this.#table[place]!; number !== 0; number = this.#table[place]!) {
      if (equalBytes(this.#entries[number - 1]!, bytes, start, end)) break;
      place = (place + 1) & this.#mask;
    }
    return place;
  }
}

export function equalBytes(entry: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (entry.length !== end - start) return false;
  for (let at = 0; at < entry.length; at += 1) if (entry[at] !== bytes[start + at]) return false;
  return true;
}

/** Negative, zero or positive: `bytes[start, end)` against `entry`, byte by byte. */
export function compareBytes(bytes: Uint8Array, start: number, end: number, entry: Uint8Array): number {
  const shared = Math.min(end - start, entry.length);
  for (let at = 0; at < shared; at += 1) {
    const difference = bytes[start + at]! - entry[at]!;
    if (difference !== 0) return difference;
  }
  return end - start - entry.length;
}
