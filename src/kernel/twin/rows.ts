/**
 * Rows of the twin: one typed array that is replaced by a larger one when it is full, or the copy of a part of a file.
 *
 * Always true: rows below a count that was seen stay as they are in the array that was seen with it, so a search keeps the array.
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { KernelError, MAX_ROWS } from "../kernel.ts";
import { bytesPerRow, elementKind, valuesPerRow } from "../layout.ts";
import type { RowLayout, RowValues } from "../layout.ts";

export class TwinRows {
  readonly layout: RowLayout;
  readonly #growing: boolean;
  #values: RowValues;
  #rowCount: number;

  private constructor(layout: RowLayout, growing: boolean, values: RowValues, rowCount: number) {
    this.layout = { element: layout.element, dimension: layout.dimension };
    this.#growing = growing;
    this.#values = values;
    this.#rowCount = rowCount;
  }

  static growing(layout: RowLayout): TwinRows {
    return new TwinRows(layout, true, elementKind(layout.element).make(valuesPerRow(layout)), 0);
  }

  static fromFile(path: string, offset: number, rowCount: number, layout: RowLayout): TwinRows {
    const bytes = readBytes(path, offset, rowCount * bytesPerRow(layout));
    const values = elementKind(layout.element).make(rowCount * valuesPerRow(layout));
    new Uint8Array(values.buffer).set(bytes);
    return new TwinRows(layout, false, values, rowCount);
  }

  get values(): RowValues {
    return this.#values;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  append(added: RowValues): number {
    if (!this.#growing) throw new KernelError("mapped rows do not grow");
    const length = valuesPerRow(this.layout);
    const used = this.#rowCount * length;
    const wanted = used + added.length;
    if (wanted / length > MAX_ROWS) throw new KernelError(`more than ${MAX_ROWS} rows`);
    if (wanted > this.#values.length) {
      const larger = elementKind(this.layout.element).make(Math.max(wanted, 2 * this.#values.length));
      larger.set(this.#values.subarray(0, used));
      this.#values = larger;
    }
    this.#values.set(added, used);
    this.#rowCount = wanted / length;
    return this.#rowCount;
  }
}

function readBytes(path: string, offset: number, count: number): Uint8Array {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw new KernelError(`cannot open ${path}: ${(error as Error).message}`);
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new KernelError(`${path} is not a file`);
    if (status.size < offset + count) {
      throw new KernelError(
        `${path} has ${status.size} bytes: too short for ${count} bytes of rows from byte ${offset} on`,
      );
    }
    const bytes = new Uint8Array(count);
    for (let at = 0; at < bytes.length;) {
      const read = readSync(file, bytes, at, Math.min(bytes.length - at, 2 ** 30), offset + at);
      if (read === 0) throw new KernelError(`${path} became shorter while it was read`);
      at += read;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
