/**
 * Rows in key order, in pieces: those that have been merged into another run are given up while the rest is still being read.
 *
 * Always true:
 *  - a run is not empty, and no piece of it is;
 *  - pieces never change: whoever holds one, or `pieces`, may read on whatever becomes of the run;
 *  - a run is taken once: after `take` has given its first row, only the one who takes knows what it has.
 */

import { assert } from "../base/assert.ts";

/** Little beside the first two runs that are merged, many beside what an array costs. */
export const PIECE_ROWS = 4096;

export class RowRun {
  readonly length: number;
  readonly #pieces: Uint32Array[];
  #taken = 0;

  constructor(pieces: Uint32Array[]) {
    assert(pieces.length > 0, "a run is not empty");
    this.#pieces = pieces;
    this.length = 0;
    for (const piece of pieces) this.length += piece.length;
  }

  /** A copy, so that its pieces can go one by one. */
  static inPieces(rows: Uint32Array): RowRun {
    const pieces: Uint32Array[] = [];
    for (let at = 0; at < rows.length; at += PIECE_ROWS) pieces.push(rows.slice(at, at + PIECE_ROWS));
    return new RowRun(pieces);
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (let at = this.#taken; at < this.#pieces.length; at += 1) bytes += this.#pieces[at]!.byteLength;
    return bytes;
  }

  get pieces(): readonly Uint32Array[] {
    assert(this.#taken === 0, "a run that is taken is read by nobody else");
    return this.#pieces.slice();
  }

  get first(): number {
    return this.#pieces[0]![0]!;
  }

  get last(): number {
    return this.#pieces.at(-1)!.at(-1)!;
  }

  /** The next piece, which is the taker's from now on; null behind the last. */
  take(): Uint32Array | null {
    if (this.#taken === this.#pieces.length) return null;
    const piece = this.#pieces[this.#taken]!;
    this.#pieces[this.#taken] = GONE;
    this.#taken += 1;
    return piece;
  }
}

const GONE = new Uint32Array(0);
