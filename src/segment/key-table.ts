/**
 * Key table: from a primary key to the rows that carry it, for rows that keep coming.
 *
 * A slot holds the number of the newest row of its key; older rows of the same key hang behind it in a chain. The keys themselves stay in the
 * column and are compared there.
 *
 * A table that gets full is moved to a larger one, a few slots for every row that comes, in the order of the slots, which both tables share:
 * what has been moved is given up behind the mover, and the new one is there as far as the mover has come.
 *
 *   old:  . . . . . . . . [c c c c|o o o o o o o o o]      c  moved, but others were put behind them: from `#clusterStart` on
 *   new:  [n n n n n n n n n n n]. . . . . . . . . .       |  `#moved`
 *
 * Always true:
 *  - a chain runs from the newest row to the oldest, which is descending row numbers;
 *  - at most about nine tenths of the slots of a table are taken anywhere in it, and three fifths of all;
 *  - a key is in one slot: keys whose home is at `#moved` or behind it, in the old table; those before `#clusterStart`, in the new one; those
 *    between, in either;
 *  - a row costs at most `MOVED_SLOTS` slots moved, in turns and before it comes, so that no append takes longer because there are many rows;
 *  - pieces of the chain exist only where a key has come again.
 */

import { assert } from "../base/assert.ts";
import { drained } from "../base/turns.ts";
import { NO_ROW } from "../kernel/kernel.ts";
import type { KeyReader } from "./key-reader.ts";
import { KeySlots, MOST_ROWS, rowOf } from "./key-slots.ts";

const FIRST_HOMES = 1024;
/** Moved for each row. */
export const MOVED_SLOTS = 4;
/** Moved at once, for so many rows: what is read of their keys, all over the column, comes from memory at the same time. */
const MOVED_AT_ONCE = 64;
/** Between two turns: about a millisecond. */
const MOVED_A_TURN = 16_384;
/**
 * Of the homes, when the move to the next table begins. While it goes on a quarter as many rows come as there are homes, so that nine tenths
 * are taken where it ends.
 */
const FULL = 0.65;
/** Nine tenths of the homes before are as good as full again: moves follow each other without a gap. */
const GROWTH = 1.4;
const CHAIN_PIECE_BITS = 10;
const CHAIN_PIECE_ROWS = 1 << CHAIN_PIECE_BITS;

export class KeyTable {
  #slots: KeySlots | null = null;
  /** The smaller table before, while it is moved. */
  #old: KeySlots | null = null;
  /** Slots of `#old` below have been moved. */
  #moved = 0;
  /** Behind the last empty slot of `#old` that was passed: keys with a home before it have all been moved. */
  #clusterStart = 0;
  /** Rows to come for which slots have been moved. */
  #reservedRows = 0;
  readonly #hashes = new Uint32Array(MOVED_AT_ONCE);
  #movedSlots = 0;
  /** Row + 1 of the next older row of the same key, by row; 0 ends the chain. */
  readonly #older: (Uint32Array | undefined)[] = [];
  #olderBytes = 0;
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
    return (this.#slots?.memoryBytes ?? 0) + (this.#old?.memoryBytes ?? 0) + this.#olderBytes;
  }

  /** Slots moved to larger tables so far. */
  get movedSlots(): number {
    return this.#movedSlots;
  }

  /**
   * Moves what has to be moved before `count` rows more are in, whatever their keys; `keys` covers the rows that are. May be stopped where it
   * yields; until it has ended nobody extends.
   */
  *reserve(keys: KeyReader, count: number): Generator<void, void> {
    this.#slots ??= new KeySlots(FIRST_HOMES, keys.kind === "bytes");
    let moved = 0;
    while (this.#reservedRows < count) {
      if (this.#old !== null) {
        this.#move(this.#old, keys);
        this.#reservedRows += MOVED_AT_ONCE / MOVED_SLOTS;
        moved += MOVED_AT_ONCE;
        if (moved % MOVED_A_TURN === 0) yield;
        continue;
      }
      const room = Math.ceil(this.#slots.homeCount * FULL) - this.#distinctKeys - this.#reservedRows;
      if (room <= 0) this.#grow();
      else this.#reservedRows += Math.min(room, count - this.#reservedRows);
    }
  }

  /** Adds the rows behind those that are in, up to `rowCount`; `keys` covers all of them, old and new. */
  extend(keys: KeyReader, rowCount: number): void {
    assert(rowCount >= this.#rowCount && keys.rowCount >= rowCount, "keys cover the rows of the table");
    assert(rowCount <= MOST_ROWS, "a segment is sealed before its rows outgrow their numbers");
    drained(this.reserve(keys, rowCount - this.#rowCount));
    for (let row = this.#rowCount; row < rowCount; row += 1) this.#add(keys, row);
    this.#reservedRows -= rowCount - this.#rowCount;
    this.#rowCount = rowCount;
  }

  /** The newest row whose key is entry `at` of `wanted`, or `NO_ROW`. */
  newest(keys: KeyReader, wanted: KeyReader, at: number): number {
    const slots = this.#slots;
    if (slots === null) return NO_ROW;
    const hash = wanted.hash(at);
    const old = this.#old;
    if (old !== null) {
      const home = old.home(hash);
      if (home >= this.#clusterStart) {
        const entry = old.at(old.find(Math.max(home, this.#moved), hash, keys, wanted, at));
        if (entry !== 0) return rowOf(entry);
        if (home >= this.#moved) return NO_ROW;
      }
    }
    const entry = slots.at(slots.find(slots.home(hash), hash, keys, wanted, at));
    return entry === 0 ? NO_ROW : rowOf(entry);
  }

  /** The next older row of the same key, or `NO_ROW`. */
  older(row: number): number {
    const next = this.#older[row >>> CHAIN_PIECE_BITS]?.[row & (CHAIN_PIECE_ROWS - 1)] ?? 0;
    return next === 0 ? NO_ROW : next - 1;
  }

  #add(keys: KeyReader, row: number): void {
    const hash = keys.hash(row);
    const old = this.#old;
    if (old !== null) {
      const home = old.home(hash);
      if (home >= this.#clusterStart) {
        const slot = old.find(Math.max(home, this.#moved), hash, keys, keys, row);
        if (home >= this.#moved || old.at(slot) !== 0) {
          this.#put(old, slot, hash, row);
          return;
        }
      }
    }
    const slots = this.#slots!;
    this.#put(slots, slots.find(slots.home(hash), hash, keys, keys, row), hash, row);
  }

  #put(slots: KeySlots, slot: number, hash: number, row: number): void {
    const known = slots.at(slot);
    if (known === 0) this.#distinctKeys += 1;
    else this.#chain(row, rowOf(known));
    slots.put(slot, row, hash);
  }

  #grow(): void {
    this.#old = this.#slots!;
    this.#slots = new KeySlots(Math.ceil(this.#old.homeCount * GROWTH), this.#old.withHashes);
    this.#moved = 0;
    this.#clusterStart = 0;
  }

  #move(old: KeySlots, keys: KeyReader): void {
    const slots = this.#slots!;
    const hashes = this.#hashes;
    const start = this.#moved;
    for (let at = 0; at < MOVED_AT_ONCE; at += 1) {
      if (old.at(start + at) !== 0) hashes[at] = old.hashAt(start + at, keys);
    }
    for (let at = 0; at < MOVED_AT_ONCE; at += 1) {
      const slot = start + at;
      const entry = old.at(slot);
      if (entry !== 0) {
        slots.put(slots.emptyFor(hashes[at]!), rowOf(entry), hashes[at]!);
      } else if (slot < old.homeCount) {
        this.#clusterStart = slot + 1;
      } else {
        // Whoever stands behind the last home has no empty slot before it.
        this.#old = null;
        return;
      }
      old.giveUp(slot);
      this.#moved = slot + 1;
      this.#movedSlots += 1;
    }
  }

  #chain(row: number, newest: number): void {
    let older = this.#older[row >>> CHAIN_PIECE_BITS];
    if (older === undefined) {
      older = new Uint32Array(CHAIN_PIECE_ROWS);
      this.#older[row >>> CHAIN_PIECE_BITS] = older;
      this.#olderBytes += older.byteLength;
    }
    older[row & (CHAIN_PIECE_ROWS - 1)] = newest + 1;
  }
}
