/**
 * What is known of a segment without reading its rows: enough to prune it.
 *
 *   0   "ELST"
 *   4   u16 format version (1)          6   u16 type of the key (Milvus's number)
 *   8   u32 CRC-32 of everything from byte 12
 *   12  u32 row count
 *   16  u64 smallest timestamp          24  u64 largest timestamp
 *   32  u32 bytes of the smallest key   36  u32 bytes of the largest key
 *   40  u32 fields with null counts     44  u32 blocks of the bloom filter
 *   48  per field: i64 field id, u32 nulls, u32 zero
 *       smallest key, largest key: 8 bytes little-endian for Int64, UTF-8 for VarChar; zeros up to a multiple of 4
 *       bloom filter, 32 bytes a block
 *
 * Always true: `mayContain` answers false only for keys that the segment does not hold. Keys of Int64 are ordered as numbers, keys of
 * VarChar as bytes. An empty segment has no smallest key and contains nothing.
 */

import { crc32 } from "node:zlib";
import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { type KeyColumn, bytesAt } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { BLOCK_BYTES, BloomFilter } from "./bloom.ts";
import { corruptFile, decodeFile } from "./checked-read.ts";
import { keyRows } from "./key-rows.ts";
import { Pace } from "./pace.ts";

const MAGIC = 0x54534c45;
const FORMAT_VERSION = 1;
const HEAD_BYTES = 48;
const FIELD_BYTES = 16;
const KEYS_A_STEP = 2048;

export type Key = bigint | string;

export interface SegmentStatistics {
  readonly keyType: DataType;
  readonly rowCount: number;
  /** 0 and 0 for an empty segment. */
  readonly timestampFrom: Timestamp;
  readonly timestampTo: Timestamp;
  readonly minimumKey: Key | null;
  readonly maximumKey: Key | null;
  /** By field id. */
  readonly nullCounts: ReadonlyMap<bigint, number>;
  readonly bloom: BloomFilter;
}

export function mayContain(statistics: SegmentStatistics, key: Key): boolean {
  if (statistics.rowCount === 0) return false;
  const bytes = keyBytes(key);
  const smallest = keyBytes(statistics.minimumKey!);
  const largest = keyBytes(statistics.maximumKey!);
  if (compareKeyBytes(statistics.keyType, bytes, smallest) < 0) return false;
  if (compareKeyBytes(statistics.keyType, bytes, largest) > 0) return false;
  return statistics.bloom.mayContain(bytes, 0, bytes.byteLength);
}

export interface KeyFacts {
  readonly minimumKey: Key | null;
  readonly maximumKey: Key | null;
  readonly bloom: BloomFilter;
  /** Keys ascend, equal ones next to each other. */
  readonly isSorted: boolean;
}

/** One pass over the keys, in slices. */
export async function summarizeKeys(keys: KeyColumn, runtime: Runtime): Promise<KeyFacts> {
  const rows = keyRows(keys);
  const bloom = BloomFilter.forKeys(rows.rowCount);
  const pace = new Pace(runtime);
  let smallest = 0;
  let largest = 0;
  let isSorted = true;
  for (let start = 0; start < rows.rowCount; start += KEYS_A_STEP) {
    const end = Math.min(rows.rowCount, start + KEYS_A_STEP);
    for (let row = start; row < end; row += 1) {
      rows.addTo(bloom, row);
      if (row > 0 && rows.compare(row - 1, row) > 0) isSorted = false;
      if (rows.compare(row, smallest) < 0) smallest = row;
      else if (rows.compare(row, largest) > 0) largest = row;
    }
    await pace.pause();
  }
  const minimumKey = rows.rowCount === 0 ? null : keyAt(keys, smallest);
  const maximumKey = rows.rowCount === 0 ? null : keyAt(keys, largest);
  return { minimumKey, maximumKey, bloom, isSorted };
}

export function timestampRange(timestamps: BigUint64Array): { readonly from: Timestamp; readonly to: Timestamp } {
  if (timestamps.length === 0) return { from: 0n, to: 0n };
  const words = new Uint32Array(timestamps.buffer, timestamps.byteOffset, timestamps.length * 2);
  let earliest = 0;
  let latest = 0;
  for (let row = 1; row < timestamps.length; row += 1) {
    if (compareUnsigned(words, row, earliest) < 0) earliest = row;
    else if (compareUnsigned(words, row, latest) > 0) latest = row;
  }
  return { from: timestamps[earliest]!, to: timestamps[latest]! };
}

function compareUnsigned(words: Uint32Array, left: number, right: number): number {
  return words[left * 2 + 1]! - words[right * 2 + 1]! || words[left * 2]! - words[right * 2]!;
}

export function encodeStatistics(statistics: SegmentStatistics): Uint8Array {
  const smallest = statistics.minimumKey === null ? new Uint8Array(0) : keyBytes(statistics.minimumKey);
  const largest = statistics.maximumKey === null ? new Uint8Array(0) : keyBytes(statistics.maximumKey);
  const fields = [...statistics.nullCounts].toSorted(([left], [right]) => (left < right ? -1 : 1));
  const keysStart = HEAD_BYTES + fields.length * FIELD_BYTES;
  const bloomStart = Math.ceil((keysStart + smallest.byteLength + largest.byteLength) / 4) * 4;
  const bytes = new Uint8Array(bloomStart + statistics.bloom.words.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, FORMAT_VERSION, true);
  view.setUint16(6, statistics.keyType, true);
  view.setUint32(12, statistics.rowCount, true);
  view.setBigUint64(16, statistics.timestampFrom, true);
  view.setBigUint64(24, statistics.timestampTo, true);
  view.setUint32(32, smallest.byteLength, true);
  view.setUint32(36, largest.byteLength, true);
  view.setUint32(40, fields.length, true);
  view.setUint32(44, statistics.bloom.words.byteLength / BLOCK_BYTES, true);
  for (const [at, [fieldId, nulls]] of fields.entries()) {
    view.setBigInt64(HEAD_BYTES + at * FIELD_BYTES, fieldId, true);
    view.setUint32(HEAD_BYTES + at * FIELD_BYTES + 8, nulls, true);
  }
  bytes.set(smallest, keysStart);
  bytes.set(largest, keysStart + smallest.byteLength);
  const { words } = statistics.bloom;
  bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), bloomStart);
  view.setUint32(8, crc32(bytes.subarray(12)), true);
  return bytes;
}

/** `key` is the file's, for the error that names it. */
export function decodeStatistics(bytes: Uint8Array, key: string): SegmentStatistics {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < HEAD_BYTES) throw corruptFile(key, "the statistics file is too short");
  if (view.getUint32(0, true) !== MAGIC) throw corruptFile(key, "this is not a statistics file");
  if (view.getUint32(8, true) !== crc32(bytes.subarray(12))) {
    throw corruptFile(key, "the statistics file has the wrong checksum");
  }
  const version = view.getUint16(4, true);
  if (version !== FORMAT_VERSION) throw corruptFile(key, "unknown format of a statistics file", { version });
  return decodeFile(key, () => {
    const keyType = view.getUint16(6, true);
    if (keyType !== DataType.Int64 && keyType !== DataType.VarChar) throw new RangeError("keys are Int64 or VarChar");
    const smallestBytes = view.getUint32(32, true);
    const largestBytes = view.getUint32(36, true);
    const fieldCount = view.getUint32(40, true);
    const keysStart = HEAD_BYTES + fieldCount * FIELD_BYTES;
    const bloomStart = Math.ceil((keysStart + smallestBytes + largestBytes) / 4) * 4;
    if (bloomStart + view.getUint32(44, true) * BLOCK_BYTES !== bytes.byteLength) throw new RangeError("wrong length");

    const nullCounts = new Map<bigint, number>();
    for (let at = HEAD_BYTES; at < keysStart; at += FIELD_BYTES) {
      nullCounts.set(view.getBigInt64(at, true), view.getUint32(at + 8, true));
    }
    const rowCount = view.getUint32(12, true);
    const largestStart = keysStart + smallestBytes;
    return {
      keyType,
      rowCount,
      timestampFrom: view.getBigUint64(16, true),
      timestampTo: view.getBigUint64(24, true),
      minimumKey: rowCount === 0 ? null : keyFrom(keyType, bytes.subarray(keysStart, largestStart)),
      maximumKey: rowCount === 0 ? null : keyFrom(keyType, bytes.subarray(largestStart, largestStart + largestBytes)),
      nullCounts,
      bloom: new BloomFilter(new Uint32Array(bytes.slice(bloomStart).buffer)),
    };
  });
}

function keyAt(keys: KeyColumn, row: number): Key {
  return keys.kind === "bytes" ? Buffer.from(bytesAt(keys, row)).toString("utf8") : keys.values[row]!;
}

function keyBytes(key: Key): Uint8Array {
  if (typeof key === "string") return Buffer.from(key, "utf8");
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, key, true);
  return bytes;
}

function keyFrom(type: DataType, bytes: Uint8Array): Key {
  if (type === DataType.VarChar) return Buffer.from(bytes).toString("utf8");
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigInt64(0, true);
}

function compareKeyBytes(type: DataType, left: Uint8Array, right: Uint8Array): number {
  if (type === DataType.VarChar) return Buffer.compare(left, right);
  assert(left.byteLength === 8 && right.byteLength === 8, "a key has the type of its segment");
  const a = keyFrom(type, left);
  const b = keyFrom(type, right);
  return a < b ? -1 : a > b ? 1 : 0;
}
