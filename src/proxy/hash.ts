/**
 * Which shard and which partition a key belongs to; the same functions as Milvus's, so that data placed by one is found by the other.
 *
 *  Int64: Murmur3 (32 bit, seed 0) of the 8 little-endian bytes, without the sign bit. VarChar: CRC-32 of the first 100 bytes.
 */

import { crc32 } from "node:zlib";
import { type BytesColumn, type KeyColumn, bytesAt } from "../model/columns.ts";

const HASHED_BYTES = 100;

/** The bucket of every key, 0 … buckets - 1. */
export function bucketsOf(keys: KeyColumn, buckets: number): Uint32Array {
  return keys.kind === "bytes" ? textBuckets(keys, buckets) : integerBuckets(keys.values, buckets);
}

function integerBuckets(values: BigInt64Array, buckets: number): Uint32Array {
  const halves = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const result = new Uint32Array(values.length);
  for (let row = 0; row < result.length; row += 1) {
    result[row] = (murmur3(halves[row * 2]!, halves[row * 2 + 1]!) & 0x7fffffff) % buckets;
  }
  return result;
}

function textBuckets(keys: BytesColumn, buckets: number): Uint32Array {
  const result = new Uint32Array(keys.offsets.length - 1);
  for (let row = 0; row < result.length; row += 1)
    result[row] = crc32(bytesAt(keys, row).subarray(0, HASHED_BYTES)) % buckets;
  return result;
}

/** MurmurHash3_x86_32 (Appleby, public domain algorithm) of two words. */
export function murmur3(low: number, high: number): number {
  let hash = mixed(0, low);
  hash = mixed(hash, high);
  hash ^= 8;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mixed(hash: number, word: number): number {
  let block = Math.imul(word, 0xcc9e2d51);
  block = (block << 15) | (block >>> 17);
  block = Math.imul(block, 0x1b873593);
  const next = hash ^ block;
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}
