/**
 * The slots of a key table: open addressing over pieces of memory that come when they are first written and go when they are given up.
 *
 *   an entry, 32 bits:   | tag: 5 bits of the hash | row + 1: 27 bits |     0 is an empty slot
 *   beside it, 32 bits:  | the hash                                   |     of keys that are bytes: to read them again is dear
 *
 * Always true:
 *  - keys stand in the order of their hashes, but for collisions: a key is at its home, which ascends with the hash, or in a slot behind it with
 *    nothing empty between. So whoever goes through the slots from the first on goes through every other such table from the first on, too;
 *  - nothing wraps around: behind the last home there is room for who found no other;
 *  - an entry once written is replaced by one of the same key only.
 *
 * Not here: how many slots there should be, and what is done about a table that is full (`key-table.ts`).
 */

import { assert } from "../base/assert.ts";
import type { KeyReader } from "./key-reader.ts";

const ROW_BITS = 27;
const ROW_MASK = 2 ** ROW_BITS - 1;
/** Rows that can be numbered; a segment is sealed long before. */
export const MOST_ROWS = ROW_MASK;

const LEAST_PIECE_BITS = 9;
const MOST_PIECE_BITS = 16;
/** A table has about so many pieces at least, so that one of them is little beside all. */
const PIECE_BITS_BELOW_HOMES = 6;

/** Of a hash it has the bits that have least to do with its home. */
function entryOf(row: number, hash: number): number {
  return ((hash << ROW_BITS) | (row + 1)) >>> 0;
}

export function rowOf(entry: number): number {
  return (entry & ROW_MASK) - 1;
}

export class KeySlots {
  readonly homeCount: number;
  readonly #homesOfOne: number;
  readonly #pieceBits: number;
  readonly #pieceMask: number;
  readonly #pieces: (Uint32Array | null)[] = [];
  /** Of the entries in the piece of the same number. */
  readonly #hashes: (Uint32Array | null)[] | null;
  #memoryBytes = 0;

  constructor(homeCount: number, withHashes: boolean) {
    const bits = Math.floor(Math.log2(homeCount)) - PIECE_BITS_BELOW_HOMES;
    this.homeCount = homeCount;
    this.#homesOfOne = homeCount / 2 ** 32;
    this.#pieceBits = Math.min(MOST_PIECE_BITS, Math.max(LEAST_PIECE_BITS, bits));
    this.#pieceMask = 2 ** this.#pieceBits - 1;
    while (this.#pieces.length << this.#pieceBits < homeCount) this.#pieces.push(null);
    this.#hashes = withHashes ? this.#pieces.slice() : null;
  }

  get withHashes(): boolean {
    return this.#hashes !== null;
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** Where a key of this hash is looked for first. */
  home(hash: number): number {
    return (hash * this.#homesOfOne) | 0;
  }

  /** 0 where nothing is. */
  at(slot: number): number {
    return this.#pieces[slot >>> this.#pieceBits]?.[slot & this.#pieceMask] ?? 0;
  }

  /** The hash of what is in the slot. */
  hashAt(slot: number, keys: KeyReader): number {
    if (this.#hashes === null) return keys.hash(rowOf(this.at(slot)));
    return this.#hashes[slot >>> this.#pieceBits]![slot & this.#pieceMask]!;
  }

  put(slot: number, row: number, hash: number): void {
    const at = slot >>> this.#pieceBits;
    const piece = this.#pieces[at] ?? this.#newPiece(at);
    const inPiece = slot & this.#pieceMask;
    piece[inPiece] = entryOf(row, hash);
    if (this.#hashes !== null) this.#hashes[at]![inPiece] = hash;
  }

  /** The slot from `first` on that has entry `at` of `wanted`, or the empty one where it would go. */
  find(first: number, hash: number, keys: KeyReader, wanted: KeyReader, at: number): number {
    const tag = (hash << ROW_BITS) >>> ROW_BITS;
    let slot = first;
    for (;;) {
      const piece = this.#pieces[slot >>> this.#pieceBits];
      if (piece === undefined || piece === null) return slot;
      for (let inPiece = slot & this.#pieceMask; inPiece < piece.length; inPiece += 1, slot += 1) {
        const entry = piece[inPiece]!;
        if (entry === 0) return slot;
        if (entry >>> ROW_BITS === tag && keys.equals((entry & ROW_MASK) - 1, wanted, at)) return slot;
      }
    }
  }

  /** The first empty slot for a key of this hash. */
  emptyFor(hash: number): number {
    let slot = this.home(hash);
    for (;;) {
      const piece = this.#pieces[slot >>> this.#pieceBits];
      if (piece === undefined || piece === null) return slot;
      for (let inPiece = slot & this.#pieceMask; inPiece < piece.length; inPiece += 1, slot += 1) {
        if (piece[inPiece] === 0) return slot;
      }
    }
  }

  /** Nobody looks at `slot` any more, nor at those before it. */
  giveUp(slot: number): void {
    if ((slot & this.#pieceMask) !== this.#pieceMask) return;
    const at = slot >>> this.#pieceBits;
    if ((this.#pieces[at] ?? null) === null) return;
    this.#memoryBytes -= this.#pieceBytes;
    this.#pieces[at] = null;
    if (this.#hashes !== null) this.#hashes[at] = null;
  }

  get #pieceBytes(): number {
    return (this.#pieceMask + 1) * (this.#hashes === null ? 4 : 8);
  }

  #newPiece(at: number): Uint32Array {
    assert(at <= this.#pieces.length, "slots are taken one behind the other");
    const piece = new Uint32Array(this.#pieceMask + 1);
    this.#pieces[at] = piece;
    if (this.#hashes !== null) this.#hashes[at] = new Uint32Array(this.#pieceMask + 1);
    this.#memoryBytes += this.#pieceBytes;
    return piece;
  }
}
