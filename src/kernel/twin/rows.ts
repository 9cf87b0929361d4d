/**
 * Rows of the twin: one Float32Array that is replaced by a larger one when it is full, or the copy of a part of a file.
 *
 * Always true: rows below a count that was seen stay as they are in the array that was seen with it, so a search keeps the array.
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { KernelError, MAX_ROWS } from "../kernel.ts";

export class TwinRows {
  readonly dimension: number;
  readonly #growing: boolean;
  #values: Float32Array;
  #rowCount: number;

  private constructor(dimension: number, growing: boolean, values: Float32Array, rowCount: number) {
    this.dimension = dimension;
    this.#growing = growing;
    this.#values = values;
    this.#rowCount = rowCount;
  }

  static growing(dimension: number): TwinRows {
    return new TwinRows(dimension, true, new Float32Array(dimension), 0);
  }

  static fromFile(path: string, offset: number, rowCount: number, dimension: number): TwinRows {
    return new TwinRows(dimension, false, readFloats(path, offset, rowCount * dimension), rowCount);
  }

  get values(): Float32Array {
    return this.#values;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  append(added: Float32Array): number {
    if (!this.#growing) throw new KernelError("mapped rows do not grow");
    const used = this.#rowCount * this.dimension;
    const wanted = used + added.length;
    if (wanted / this.dimension > MAX_ROWS) throw new KernelError(`more than ${MAX_ROWS} rows`);
    if (wanted > this.#values.length) {
      const larger = new Float32Array(Math.max(wanted, 2 * this.#values.length));
      larger.set(this.#values.subarray(0, used));
      this.#values = larger;
    }
    this.#values.set(added, used);
    this.#rowCount = wanted / this.dimension;
    return this.#rowCount;
  }
}

function readFloats(path: string, offset: number, count: number): Float32Array {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw new KernelError(`cannot open ${path}: ${(error as Error).message}`);
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new KernelError(`${path} is not a file`);
    if (status.size < offset + count * 4) {
      throw new KernelError(`${path} has ${status.size} bytes: too short for ${count} floats from byte ${offset} on`);
    }
    const bytes = new Uint8Array(count * 4);
    for (let at = 0; at < bytes.length;) {
      const read = readSync(file, bytes, at, Math.min(bytes.length - at, 2 ** 30), offset + at);
      if (read === 0) throw new KernelError(`${path} became shorter while it was read`);
      at += read;
    }
    return new Float32Array(bytes.buffer);
  } finally {
    closeSync(file);
  }
}
