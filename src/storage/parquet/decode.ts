/**
 * Plain bodies of data pages back into a column: the other half of `encode.ts`, whose comment draws them.
 *
 * Always true: every length is checked against the page before it is believed; a page that does not fit throws. Null entries come
 * back as zeros, or as nothing for bytes; `valid` comes back as null when nothing is null.
 */

import { assert } from "../../base/assert.ts";
import { type ElementColumn, type FixedValues, fixedValues } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import { type VectorValues, isDenseVectorType, vectorStride, vectorValues } from "../../model/vectors.ts";
import { type FileField, physicalOf } from "./physical.ts";

/** Collects the pages of one column, in order. */
export class ColumnDecoder {
  readonly #field: FileField;
  readonly #width: number;
  readonly #rowCount: number;
  #row = 0;
  #valid: Uint8Array | null = null;
  readonly #values: FixedValues | VectorValues | null;
  readonly #offsets: Uint32Array | null;
  #bytes: Uint8Array;
  #end = 0;

  /** `plainBytes`: at most so many bytes come in pages. */
  constructor(field: FileField, rowCount: number, plainBytes: number) {
    const physical = physicalOf(field);
    this.#field = field;
    this.#width = physical.width;
    this.#rowCount = rowCount;
    const isBytes = physical.arrow.kind === "utf8" || physical.arrow.kind === "binary";
    this.#offsets = isBytes ? new Uint32Array(rowCount + 1) : null;
    this.#bytes = new Uint8Array(isBytes ? plainBytes : 0);
    if (isBytes) this.#values = null;
    else if (isDenseVectorType(field.dataType)) {
      this.#values = vectorValues(field.dataType, rowCount * vectorStride(field.dataType, field.dimension));
    } else this.#values = fixedValues(field.dataType, rowCount);
  }

  page(body: Uint8Array, rowCount: number): void {
    check(this.#row + rowCount <= this.#rowCount, "a page has more rows than the file");
    let values = body;
    let present = rowCount;
    if (this.#field.nullable) {
      const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
      const length = view.getUint32(0, true);
      check(4 + length <= body.byteLength, "levels end within their page");
      present = this.#levels(body.subarray(4, 4 + length), rowCount);
      values = body.subarray(4 + length);
    }
    if (this.#offsets !== null) this.#takeBytes(values, rowCount);
    else this.#takeFixed(values, rowCount, present);
    this.#row += rowCount;
  }

  /** `rowCount`: less than was made room for, where that was not known exactly. */
  finish(rowCount: number = this.#rowCount): ElementColumn {
    check(this.#row === rowCount, "the pages have the rows of the file");
    const isShort = rowCount < this.#rowCount;
    const { dataType: type, dimension } = this.#field;
    const valid = this.#valid;
    if (this.#offsets !== null) {
      // What the lengths of the entries took is given back when it is much.
      const isLoose = this.#bytes.byteLength - this.#end > this.#end / 8;
      const bytes = isLoose ? this.#bytes.slice(0, this.#end) : this.#bytes.subarray(0, this.#end);
      const offsets = isShort ? this.#offsets.slice(0, rowCount + 1) : this.#offsets;
      return { kind: "bytes", type, offsets, bytes, valid };
    }
    if (isDenseVectorType(type)) {
      const values = this.#values as VectorValues;
      const length = rowCount * vectorStride(type, dimension);
      return { kind: "vector", type, dimension, values: isShort ? values.slice(0, length) : values, valid };
    }
    const values = this.#values as FixedValues;
    return { kind: "fixed", type, values: isShort ? values.slice(0, rowCount) : values, valid };
  }

  /** Fills `valid` for the page's rows; returns how many are present. */
  #levels(levels: Uint8Array, rowCount: number): number {
    let at = 0;
    let row = 0;
    let present = 0;
    while (row < rowCount) {
      let header = 0;
      for (let scale = 1; ; scale *= 128) {
        check(at < levels.byteLength && scale <= 2 ** 35, "a run of levels has a header");
        const byte = levels[at++]!;
        header += (byte & 0x7f) * scale;
        if (byte < 0x80) break;
      }
      const isPacked = header % 2 === 1;
      const length = Math.min(rowCount - row, Math.floor(header / 2) * (isPacked ? 8 : 1));
      check(length > 0 && at + (isPacked ? Math.ceil(length / 8) : 1) <= levels.byteLength, "a run of levels has rows");
      for (let step = 0; step < length; step += 1) {
        const isPresent = isPacked ? (levels[at + (step >> 3)]! >> (step & 7)) & 1 : levels[at]! & 1;
        if (isPresent === 1) present += 1;
        else this.#validity()[this.#row + row + step] = 0;
      }
      at += isPacked ? Math.floor(header / 2) : 1;
      row += length;
    }
    return present;
  }

  #validity(): Uint8Array {
    this.#valid ??= new Uint8Array(this.#rowCount).fill(1);
    return this.#valid;
  }

  #takeBytes(values: Uint8Array, rowCount: number): void {
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    const offsets = this.#offsets!;
    const bytes = this.#bytes;
    let at = 0;
    let end = this.#end;
    for (let row = this.#row; row < this.#row + rowCount; row += 1) {
      if (this.#valid === null || this.#valid[row] !== 0) {
        const length = view.getUint32(at, true);
        at += 4;
        check(at + length <= values.byteLength && end + length <= bytes.byteLength, "an entry ends within its page");
        if (length < 24) for (let step = 0; step < length; step += 1) bytes[end + step] = values[at + step]!;
        else bytes.set(values.subarray(at, at + length), end);
        at += length;
        end += length;
      }
      offsets[row + 1] = end;
    }
    check(at === values.byteLength, "a page holds its rows and nothing else");
    this.#end = end;
  }

  #takeFixed(values: Uint8Array, rowCount: number, present: number): void {
    const target = this.#values!;
    if (this.#field.dataType === DataType.Bool) {
      check(values.byteLength === Math.ceil(present / 8), "a page of bits has its rows");
      this.#eachPresent(rowCount, (row, at) => (target[row] = (values[at >> 3]! >> (at & 7)) & 1));
      return;
    }
    const width = this.#width;
    check(values.byteLength === present * width, "a page of numbers has its rows");
    if (width === 4 && target.BYTES_PER_ELEMENT < 4 && !isDenseVectorType(this.#field.dataType)) {
      const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
      this.#eachPresent(rowCount, (row, at) => (target[row] = view.getInt32(at * 4, true)));
      return;
    }
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    if (present === rowCount) {
      bytes.set(values, this.#row * width);
      return;
    }
    this.#eachPresent(rowCount, (row, at) => bytes.set(values.subarray(at * width, (at + 1) * width), row * width));
  }

  #eachPresent(rowCount: number, take: (row: number, at: number) => void): void {
    let at = 0;
    for (let row = this.#row; row < this.#row + rowCount; row += 1) {
      if (this.#valid !== null && this.#valid[row] === 0) continue;
      take(row, at);
      at += 1;
    }
    assert(at <= rowCount, "no page has more values than rows");
  }
}

function check(condition: boolean, rule: string): void {
  if (!condition) throw new RangeError(`${rule}, and this one does not`);
}
