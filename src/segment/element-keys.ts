/** Keys of elements of arrays: the key of the row, then the place in its array. */

import type { KeyColumn } from "../model/columns.ts";
import type { KeyReader } from "./key-reader.ts";

export class ElementKeys implements KeyReader {
  readonly kind: KeyReader["kind"];
  readonly column: KeyColumn;
  readonly rowCount: number;
  readonly #keys: KeyReader;
  readonly #rowOf: (at: number) => number;
  readonly #elementOf: (at: number) => number;

  /** `rowOf`: which of the keys is that of entry `at`. */
  constructor(keys: KeyReader, count: number, rowOf: (at: number) => number, elementOf: (at: number) => number) {
    this.kind = keys.kind;
    this.column = keys.column;
    this.rowCount = count;
    this.#keys = keys;
    this.#rowOf = rowOf;
    this.#elementOf = elementOf;
  }

  compare(at: number, other: KeyReader, otherAt: number): number {
    const that = other as ElementKeys;
    return (
      this.#keys.compare(this.#rowOf(at), that.#keys, that.#rowOf(otherAt)) ||
      this.#elementOf(at) - that.#elementOf(otherAt)
    );
  }

  equals(at: number, other: KeyReader, otherAt: number): boolean {
    const that = other as ElementKeys;
    return (
      this.#elementOf(at) === that.#elementOf(otherAt) &&
      this.#keys.equals(this.#rowOf(at), that.#keys, that.#rowOf(otherAt))
    );
  }

  hash(at: number): number {
    return (this.#keys.hash(this.#rowOf(at)) ^ Math.imul(this.#elementOf(at) + 1, 0x9e3779b1)) >>> 0;
  }
}
