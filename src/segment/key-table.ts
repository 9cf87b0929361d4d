/**
 * Key table: from a primary key to the rows that carry it, for rows that keep coming.
 *
 * Open addressing over typed arrays. A slot holds the number of the newest row of its key; older rows of the same key hang behind it
 * in a chain. The keys themselves stay in the column and are compared there.
 *
 * Always true:
 *  - a chain runs from the newest row to the oldest, which is descending row numbers;
 *  - at most three quarters of the slots are taken;
 *  - the chain array exists only once a key has come twice.
 */

import { assert } from "../base/assert.ts";
import { NO_ROW } from "../kernel/kernel.ts";
import type { KeyReader } from "./key-reader.ts";

const FIRST_SLOTS = 1024;

export class KeyTable {
  /** Row + 1 of the newest row of a key; 0 is an empty slot. */
  #slots: Uint32Array = new Uint32Array(FIRST_SLOTS);
  /** The hash of the key in each slot, where it is dear to compute. */
  #hashes: Uint32Array | null = null;
  /** Row + 1 of the next older row of the same key, by row; 0 ends the chain. */
  #older: Uint32Array | null = null;
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
    return this.#slots.byteLength + (this.#hashes?.byteLength ?? 0) + (this.#older?.byteLength ?? 0);
  }

  /** Adds the rows behind those that are in, up to `rowCount`; `keys` covers all of them, old and new. */
  extend(keys: KeyReader, rowCount: number): void {
    assert(rowCount >= this.#rowCount && keys.rowCount >= rowCount, "keys cover the rows of the table");
    if (keys.kind === "bytes" && this.#hashes === null) this.#hashes = new Uint32Array(this.#slots.length);
    this.#reserve(keys, rowCount);
    const mask = this.#slots.length - 1;
    for (let row = this.#rowCount; row < rowCount; row += 1) {
      const hash = keys.hash(row);
      const slot = this.#find(keys, hash, keys, row, mask);
      const newest = this.#slots[slot]!;
      if (newest === 0) {
        this.#distinctKeys += 1;
        if (this.#hashes !== null) this.#hashes[slot] = hash;
      } else {
        this.#chain(row, rowCount)[row] = newest;
      }
      this.#slots[slot] = row + 1;
    }
    this.#rowCount = rowCount;
  }

  /** The newest row whose key is entry `at` of `wanted`, or `NO_ROW`. */
  newest(keys: KeyReader, wanted: KeyReader, at: number): number {
    const slot = this.#find(keys, wanted.hash(at), wanted, at, this.#slots.length - 1);
    const row = this.#slots[slot]!;
    return row === 0 ? NO_ROW : row - 1;
  }

  /** The next older row of the same key, or `NO_ROW`. */
  older(row: number): number {
    const next = this.#older === null || row >= this.#older.length ? 0 : this.#older[row]!;
    return next === 0 ? NO_ROW : next - 1;
  }

  /** The slot that holds the key, or the empty one where it would go. */
  #find(keys: KeyReader, hash: number, wanted: KeyReader, at: number, mask: number): number {
    const slots = this.#slots;
    const hashes = this.#hashes;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = slots[slot]!;
      if (row === 0) return slot;
      if ((hashes === null || hashes[slot] === hash) && keys.equals(row - 1, wanted, at)) return slot;
    }
  }

  /** Room for `rowCount` rows, were all their keys new. */
  #reserve(keys: KeyReader, rowCount: number): void {
    const mostKeys = this.#distinctKeys + rowCount - this.#rowCount;
    let slotCount = this.#slots.length;
    while (mostKeys > slotCount * 0.75) slotCount *= 2;
    if (slotCount === this.#slots.length) return;
    const oldSlots = this.#slots;
    const oldHashes = this.#hashes;
    const slots = new Uint32Array(slotCount);
    const hashes = oldHashes === null ? null : new Uint32Array(slotCount);
    const mask = slotCount - 1;
    for (let at = 0; at < oldSlots.length; at += 1) {
      const row = oldSlots[at]!;
      if (row === 0) continue;
      const hash = oldHashes === null ? keys.hash(row - 1) : oldHashes[at]!;
      let slot = hash & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row;
      if (hashes !== null) hashes[slot] = hash;
    }
    this.#slots = slots;
    this.#hashes = hashes;
  }

  #chain(row: number, rowCount: number): Uint32Array {
    const older = this.#older;
    if (older !== null && row < older.length) return older;
    const grown = new Uint32Array(Math.max(rowCount, Math.ceil((older?.length ?? 0) * 1.5)));
    if (older !== null) grown.set(older);
    this.#older = grown;
    return grown;
  }
}
