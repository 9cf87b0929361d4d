/**
 * A split-block Bloom filter of keys: says "certainly not here" without loading a segment.
 *
 *   filter:  blocks of 256 bits, eight 32-bit words, little-endian
 *   key:     two 32-bit hashes; the upper picks the block, floor(upper * blocks / 2^32);
 *            the lower sets one bit in each word i:  bit (lower * SALT[i] mod 2^32) >> 27
 *
 * The blocks are Parquet's; the hash is MurmurHash3 x86/32 under two seeds over the 8 little-endian bytes of an Int64 or the bytes of
 * a VarChar, because 32-bit arithmetic needs no BigInt a row.
 *
 * Always true: a key that was added is never denied; others pass with a chance of about `FALSE_POSITIVES` at the planned key count.
 */

import { assert } from "../base/assert.ts";

export const BLOCK_BYTES = 32;
const FALSE_POSITIVES = 0.001;
const SALT = Uint32Array.of(
  0x47b6137b,
  0x44974d91,
  0x8824ad5b,
  0xa2b7289d,
  0x705495c7,
  0x2df1424b,
  0x9efc4947,
  0x5c6bfb31,
);
const UPPER_SEED = 0x9747b28c;
const LOWER_SEED = 0x3c6ef372;

/**
 * Bits a key: the textbook number for k = 8, -8 / ln(1 - p^(1/8)), is 14.6; blocks fill unevenly, which costs a fifth more
 * (measured in `bloom.test.ts`).
 */
const BITS_PER_KEY = (-8 / Math.log(1 - FALSE_POSITIVES ** (1 / 8))) * 1.2;

export class BloomFilter {
  readonly words: Uint32Array;
  readonly #blocks: number;

  constructor(words: Uint32Array) {
    assert(words.length > 0 && words.length % 8 === 0, "a bloom filter is a whole number of blocks");
    this.words = words;
    this.#blocks = words.length / 8;
  }

  static forKeys(keyCount: number): BloomFilter {
    return new BloomFilter(new Uint32Array(8 * Math.max(1, Math.ceil((keyCount * BITS_PER_KEY) / 256))));
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const block = this.#block(hashBytes(bytes, start, end, UPPER_SEED));
    const lower = hashBytes(bytes, start, end, LOWER_SEED);
    for (let word = 0; word < 8; word += 1) this.words[block + word]! |= maskOf(lower, word);
  }

  mayContain(bytes: Uint8Array, start: number, end: number): boolean {
    const block = this.#block(hashBytes(bytes, start, end, UPPER_SEED));
    const lower = hashBytes(bytes, start, end, LOWER_SEED);
    for (let word = 0; word < 8; word += 1) {
      if ((this.words[block + word]! & maskOf(lower, word)) === 0) return false;
    }
    return true;
  }

  #block(upper: number): number {
    return Math.floor((upper * this.#blocks) / 0x1_0000_0000) * 8;
  }
}

function maskOf(lower: number, word: number): number {
  return 1 << (Math.imul(lower, SALT[word]!) >>> 27);
}

/** MurmurHash3 x86/32 of `bytes[start, end)`. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed | 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash ^= scramble(word);
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  let tail = 0;
  for (let byte = end - 1; byte >= at; byte -= 1) tail = (tail << 8) | bytes[byte]!;
  if (at < end) hash ^= scramble(tail);
  hash ^= end - start;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
