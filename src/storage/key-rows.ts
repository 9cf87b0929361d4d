/**
 * Keys of a column compared and hashed row by row without making a BigInt or a string for each.
 *
 * Always true: Int64 keys are ordered as signed numbers, VarChar keys as bytes (which is the order of their code points).
 */

import { type KeyColumn, bytesAt, columnRows } from "../model/columns.ts";
import type { BloomFilter } from "./bloom.ts";

export interface KeyRows {
  readonly rowCount: number;
  compare(left: number, right: number): number;
  addTo(bloom: BloomFilter, row: number): void;
  mayBeIn(bloom: BloomFilter, row: number): boolean;
}

export function keyRows(keys: KeyColumn): KeyRows {
  const rowCount = columnRows(keys);
  if (keys.kind === "bytes") {
    return {
      rowCount,
      compare: (left, right) => Buffer.compare(bytesAt(keys, left), bytesAt(keys, right)),
      addTo: (bloom, row) => bloom.add(keys.bytes, keys.offsets[row]!, keys.offsets[row + 1]!),
      mayBeIn: (bloom, row) => bloom.mayContain(keys.bytes, keys.offsets[row]!, keys.offsets[row + 1]!),
    };
  }
  const { buffer, byteOffset } = keys.values;
  const bytes = new Uint8Array(buffer, byteOffset, rowCount * 8);
  const lower = new Uint32Array(buffer, byteOffset, rowCount * 2);
  const upper = new Int32Array(buffer, byteOffset, rowCount * 2);
  return {
    rowCount,
    compare: (left, right) => upper[left * 2 + 1]! - upper[right * 2 + 1]! || lower[left * 2]! - lower[right * 2]!,
    addTo: (bloom, row) => bloom.add(bytes, row * 8, row * 8 + 8),
    mayBeIn: (bloom, row) => bloom.mayContain(bytes, row * 8, row * 8 + 8),
  };
}
