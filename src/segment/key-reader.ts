/**
 * Primary keys of a column, compared and hashed in place: no BigInt, no string, no copy a key.
 *
 * Always true:
 *  - int64 keys are ordered as signed numbers, VarChar keys by their UTF-8 bytes as unsigned numbers, a prefix first;
 *  - equal keys have equal hashes, whatever column they lie in;
 *  - two readers that meet are of the same key type.
 */

import { assert } from "../base/assert.ts";
import type { BytesColumn, KeyColumn } from "../model/columns.ts";

export interface KeyReader {
  readonly kind: "int64" | "bytes";
  readonly column: KeyColumn;
  readonly rowCount: number;
  compare(row: number, other: KeyReader, otherRow: number): number;
  equals(row: number, other: KeyReader, otherRow: number): boolean;
  /** 32 bits, unsigned. */
  hash(row: number): number;
}

export function keyReader(column: KeyColumn): KeyReader {
  return column.kind === "bytes" ? new BytesKeys(column) : new Int64Keys(column);
}

export class Int64Keys implements KeyReader {
  readonly kind = "int64";
  readonly column: KeyColumn;
  readonly rowCount: number;
  /** Little-endian halves of every key: low at `2 * row`, high behind it. */
  readonly unsigned: Uint32Array;
  readonly #signed: Int32Array;

  constructor(column: KeyColumn) {
    assert(column.kind === "fixed", "int64 keys lie in a fixed column");
    const { buffer, byteOffset, length } = column.values;
    this.column = column;
    this.rowCount = length;
    this.unsigned = new Uint32Array(buffer, byteOffset, length * 2);
    this.#signed = new Int32Array(buffer, byteOffset, length * 2);
  }

  compare(row: number, other: KeyReader, otherRow: number): number {
    const that = other as Int64Keys;
    const high = this.#signed[row * 2 + 1]!;
    const otherHigh = that.#signed[otherRow * 2 + 1]!;
    if (high !== otherHigh) return high < otherHigh ? -1 : 1;
    const low = this.unsigned[row * 2]!;
    const otherLow = that.unsigned[otherRow * 2]!;
    return low === otherLow ? 0 : low < otherLow ? -1 : 1;
  }

  equals(row: number, other: KeyReader, otherRow: number): boolean {
    const that = other as Int64Keys;
    return (
      this.unsigned[row * 2] === that.unsigned[otherRow * 2] &&
      this.unsigned[row * 2 + 1] === that.unsigned[otherRow * 2 + 1]
    );
  }

  hash(row: number): number {
    return mix(this.unsigned[row * 2]! ^ Math.imul(this.unsigned[row * 2 + 1]!, 0x9e3779b1));
  }
}

export class BytesKeys implements KeyReader {
  readonly kind = "bytes";
  readonly column: BytesColumn;
  readonly rowCount: number;
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;

  constructor(column: BytesColumn) {
    this.column = column;
    this.rowCount = column.offsets.length - 1;
    this.offsets = column.offsets;
    this.bytes = column.bytes;
  }

  compare(row: number, other: KeyReader, otherRow: number): number {
    const that = other as BytesKeys;
    const start = this.offsets[row]!;
    const otherStart = that.offsets[otherRow]!;
    const length = this.offsets[row + 1]! - start;
    const otherLength = that.offsets[otherRow + 1]! - otherStart;
    const common = length < otherLength ? length : otherLength;
    for (let at = 0; at < common; at += 1) {
      const difference = this.bytes[start + at]! - that.bytes[otherStart + at]!;
      if (difference !== 0) return difference;
    }
    return length - otherLength;
  }

  equals(row: number, other: KeyReader, otherRow: number): boolean {
    const that = other as BytesKeys;
    const start = this.offsets[row]!;
    const otherStart = that.offsets[otherRow]!;
    const length = this.offsets[row + 1]! - start;
    if (length !== that.offsets[otherRow + 1]! - otherStart) return false;
    for (let at = 0; at < length; at += 1) {
      if (this.bytes[start + at] !== that.bytes[otherStart + at]) return false;
    }
    return true;
  }

  hash(row: number): number {
    const start = this.offsets[row]!;
    const end = this.offsets[row + 1]!;
    const bytes = this.bytes;
    let hash = end - start;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      hash = Math.imul(hash ^ mix(word), 0x9e3779b1) + 0x7f4a7c15;
    }
    let rest = 0;
    for (; at < end; at += 1) rest = (rest << 8) | bytes[at]!;
    return mix(Math.imul(hash, 0x85ebca6b) ^ rest);
  }
}

/** Spreads 32 bits over 32 bits, one to one. */
function mix(word: number): number {
  let hash = word ^ (word >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
