/**
 * Sets of rows: one bit a row, least significant bit first, in a `Uint8Array`.
 *
 * Always true: the array is a whole number of 8-byte words long (the kernel reads words), and bits past the last row are 0.
 */

export type Bitset = Uint8Array;

export function bitsetBytes(rowCount: number): number {
  return Math.ceil(rowCount / 64) * 8;
}

export function emptyBitset(rowCount: number): Bitset {
  return new Uint8Array(bitsetBytes(rowCount));
}

export function fullBitset(rowCount: number): Bitset {
  const bits = emptyBitset(rowCount);
  const whole = rowCount >> 3;
  bits.fill(0xff, 0, whole);
  if ((rowCount & 7) !== 0) bits[whole] = (1 << (rowCount & 7)) - 1;
  return bits;
}

export function hasBit(bits: Bitset, row: number): boolean {
  return (bits[row >> 3]! & (1 << (row & 7))) !== 0;
}

export function setBit(bits: Bitset, row: number): void {
  bits[row >> 3]! |= 1 << (row & 7);
}

export function clearBit(bits: Bitset, row: number): void {
  bits[row >> 3]! &= ~(1 << (row & 7));
}

/** `left &= right`, in place; `right` covers at least the rows of `left`. */
export function intersectInto(left: Bitset, right: Bitset): void {
  const [words, others] = [wordsOf(left), wordsOf(right)];
  const count = Math.min(words.length, others.length);
  for (let at = 0; at < count; at += 1) words[at]! &= others[at]!;
  for (let at = count * WORD_BYTES; at < left.length; at += 1) left[at]! &= right[at]!;
}

/** `left &= ~right`, in place; `right` covers at least the rows of `left`. */
export function subtractInto(left: Bitset, right: Bitset): void {
  const [words, others] = [wordsOf(left), wordsOf(right)];
  const count = Math.min(words.length, others.length);
  for (let at = 0; at < count; at += 1) words[at]! &= ~others[at]!;
  for (let at = count * WORD_BYTES; at < left.length; at += 1) left[at]! &= ~right[at]!;
}

export function countBits(bits: Bitset): number {
  const words = wordsOf(bits);
  let count = 0;
  for (let at = 0; at < words.length; at += 1) {
    // Bits of pairs, of fours, of bytes, and all bytes added up by one multiplication.
    let word = words[at]!;
    word -= (word >>> 1) & 0x5555_5555;
    word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333);
    word = (word + (word >>> 4)) & 0x0f0f_0f0f;
    count += Math.imul(word, 0x0101_0101) >>> 24;
  }
  for (let at = words.length * WORD_BYTES; at < bits.length; at += 1) count += BITS_OF_BYTE[bits[at]!]!;
  return count;
}

const WORD_BYTES = 4;
const NO_WORDS = new Uint32Array();

/** The whole words from the front on; none where they lie at an odd address. */
function wordsOf({ buffer, byteOffset, length }: Bitset): Uint32Array {
  if (byteOffset % WORD_BYTES !== 0) return NO_WORDS;
  return new Uint32Array(buffer, byteOffset, Math.floor(length / WORD_BYTES));
}

/** The rows in the set, ascending. */
export function rowsOf(bits: Bitset): Uint32Array {
  const rows = new Uint32Array(countBits(bits));
  let at = 0;
  for (let byte = 0; byte < bits.length; byte += 1) {
    for (let rest = bits[byte]!; rest !== 0; rest &= rest - 1) rows[at++] = byte * 8 + 31 - Math.clz32(rest & -rest);
  }
  return rows;
}

const BITS_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  return count;
});
