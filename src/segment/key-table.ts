/**
 * Key table: from a primary key to the rows that carry it, for rows that keep coming.
 *
 * Open addressing over typed arrays. A slot holds the number of the newest row of its key; older rows of the same key hang behind it
 * in a chain. The keys themselves stay in the column and are compared there.
 *
 * A table that is full is not moved at once: new keys go to one of twice the size, and every row that comes takes a few slots of the old
 * one along, in the order in which they stand there.
 *
 * Always true:
 *  - a chain runs from the newest row to the oldest, which is descending row numbers;
 *  - at most three quarters of the slots are taken;
 *  - a key is in one slot: of the old table if that has not been moved yet, else of the new one;
 *  - a row costs at most `MOVED_SLOTS` slots moved, so that no append takes longer because there are many rows;
 *  - pieces of the chain exist only where a key has come again.
 */

import { assert } from "../base/assert.ts";
import { NO_ROW } from "../kernel/kernel.ts";
import type { KeyReader } from "./key-reader.ts";

const FIRST_SLOTS = 1024;
/** Moved for each row. All must have moved when the next table is full, after three quarters as many rows: 2 would do. */
export const MOVED_SLOTS = 4;
const CHAIN_PIECE_BITS = 12;
const CHAIN_PIECE_ROWS = 1 << CHAIN_PIECE_BITS;

interface Slots {
  /** Row + 1 of the newest row of a key; 0 is an empty slot. */
  readonly rows: Uint32Array;
  /** The hash of the key in each slot, where it is dear to compute. */
  readonly hashes: Uint32Array | null;
}

function newSlots(count: number, withHashes: boolean): Slots {
  return { rows: new Uint32Array(count), hashes: withHashes ? new Uint32Array(count) : null };
}

function bytesOf({ rows, hashes }: Slots): number {
  return rows.byteLength + (hashes?.byteLength ?? 0);
}

/** The slot that holds the key, or the empty one where it would go. */
function find({ rows, hashes }: Slots, keys: KeyReader, hash: number, wanted: KeyReader, at: number): number {
  const mask = rows.length - 1;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const row = rows[slot]!;
    if (row === 0) return slot;
    if ((hashes === null || hashes[slot] === hash) && keys.equals(row - 1, wanted, at)) return slot;
  }
}

export class KeyTable {
  #slots: Slots | null = null;
  /** The smaller table before, while it is moved. */
  #old: Slots | null = null;
  /** Slots of `#old` below have been moved. */
  #moved = 0;
  #movedSlots = 0;
  /** Row + 1 of the next older row of the same key, by row; 0 ends the chain. */
  readonly #older: (Uint32Array | undefined)[] = [];
  #distinctKeys = 0;
  #rowCount = 0;

  get distinctKeys(): number {
    return this.#distinctKeys;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Whether some key has several rows. */
  get hasRepeatedKeys(): boolean {
    return this.#distinctKeys < this.#rowCount;
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const slots of [this.#slots, this.#old]) if (slots !== null) bytes += bytesOf(slots);
    for (const piece of this.#older) bytes += piece?.byteLength ?? 0;
    return bytes;
  }

  /** Slots moved to larger tables so far. */
  get movedSlots(): number {
    return this.#movedSlots;
  }

  /** Adds the rows behind those that are in, up to `rowCount`; `keys` covers all of them, old and new. */
  extend(keys: KeyReader, rowCount: number): void {
    assert(rowCount >= this.#rowCount && keys.rowCount >= rowCount, "keys cover the rows of the table");
    this.#slots ??= newSlots(FIRST_SLOTS, keys.kind === "bytes");
    for (let row = this.#rowCount; row < rowCount; row += 1) {
      if (this.#old !== null) this.#move(this.#old, keys);
      if (this.#distinctKeys >= this.#slots.rows.length * 0.75) this.#grow();
      this.#add(keys, row);
    }
    this.#rowCount = rowCount;
  }

  /** The newest row whose key is entry `at` of `wanted`, or `NO_ROW`. */
  newest(keys: KeyReader, wanted: KeyReader, at: number): number {
    if (this.#slots === null) return NO_ROW;
    const hash = wanted.hash(at);
    const unmoved = this.#unmoved(keys, hash, wanted, at);
    const row = unmoved >= 0 ? this.#old!.rows[unmoved]! : this.#slots.rows[find(this.#slots, keys, hash, wanted, at)]!;
    return row === 0 ? NO_ROW : row - 1;
  }

  /** The next older row of the same key, or `NO_ROW`. */
  older(row: number): number {
    const next = this.#older[row >>> CHAIN_PIECE_BITS]?.[row & (CHAIN_PIECE_ROWS - 1)] ?? 0;
    return next === 0 ? NO_ROW : next - 1;
  }

  #add(keys: KeyReader, row: number): void {
    const hash = keys.hash(row);
    const unmoved = this.#unmoved(keys, hash, keys, row);
    if (unmoved >= 0) {
      this.#chain(row, this.#old!.rows[unmoved]!);
      this.#old!.rows[unmoved] = row + 1;
      return;
    }
    const { rows, hashes } = this.#slots!;
    const slot = find(this.#slots!, keys, hash, keys, row);
    if (rows[slot] === 0) {
      this.#distinctKeys += 1;
      if (hashes !== null) hashes[slot] = hash;
    } else this.#chain(row, rows[slot]!);
    rows[slot] = row + 1;
  }

  /** The slot of the old table that holds the key and has not been moved, or -1. */
  #unmoved(keys: KeyReader, hash: number, wanted: KeyReader, at: number): number {
    if (this.#old === null) return -1;
    const slot = find(this.#old, keys, hash, wanted, at);
    return slot >= this.#moved && this.#old.rows[slot] !== 0 ? slot : -1;
  }

  #grow(): void {
    assert(this.#old === null, "a table is moved before the next is full");
    this.#old = this.#slots!;
    this.#slots = newSlots(this.#old.rows.length * 2, this.#old.hashes !== null);
    this.#moved = 0;
  }

  /** What is moved stays where it was, too: others are found by passing it. */
  #move(old: Slots, keys: KeyReader): void {
    const { rows, hashes } = this.#slots!;
    const mask = rows.length - 1;
    const end = Math.min(this.#moved + MOVED_SLOTS, old.rows.length);
    for (let at = this.#moved; at < end; at += 1) {
      const row = old.rows[at]!;
      if (row === 0) continue;
      const hash = old.hashes === null ? keys.hash(row - 1) : old.hashes[at]!;
      let slot = hash & mask;
      while (rows[slot] !== 0) slot = (slot + 1) & mask;
      rows[slot] = row;
      if (hashes !== null) hashes[slot] = hash;
    }
    this.#movedSlots += end - this.#moved;
    this.#moved = end;
    if (end === old.rows.length) this.#old = null;
  }

  #chain(row: number, newest: number): void {
    const older = (this.#older[row >>> CHAIN_PIECE_BITS] ??= new Uint32Array(CHAIN_PIECE_ROWS));
    older[row & (CHAIN_PIECE_ROWS - 1)] = newest;
  }
}
