/**
 * `schema.ArrayArray`, the arrays of a column on the wire, to and from offsets and elements.
 *
 *   ArrayArray   1 data: ScalarField, one a row   2 element_type
 *   ScalarField  one member with the elements of the row, as in `scalar-data.ts`; none, or an empty one, where there are none
 *
 * Always true of what is decoded: the elements of all rows are of one member; a row with another makes the whole undecoded.
 */

import { assert } from "../../base/assert.ts";
import type { ArrayColumn } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import { copyRange, varintLength, writeVarint } from "./packed.ts";
import { BYTES, VARINT, type WireReader } from "./reader.ts";
import { ScalarArm, UNPACKED, type WireScalars, armOf, collectValues, packValues, readScalars } from "./scalar-data.ts";
import { Spans } from "./spans.ts";
import { WireWriter } from "./writer.ts";

export interface WireArrays {
  readonly kind: "array";
  /** As the sender says. */
  readonly elementType: number;
  /** In elements, one more than rows. */
  readonly offsets: Uint32Array;
  /** Null when no row has any. */
  readonly elements: WireScalars | null;
}

/** Arrays of a message that is being read. */
export class ArrayDraft {
  #elementType = 0;
  #arm = 0;
  /** There are elements of several members, or of a member that no array has. */
  #isForeign = false;
  readonly #values = new Spans();
  /** How many elements there are up to the end of each row. */
  readonly #ends: number[] = [];
  #elementCount = 0;

  clear(): void {
    this.#elementType = 0;
    this.#arm = 0;
    this.#isForeign = false;
    this.#values.clear();
    this.#ends.length = 0;
    this.#elementCount = 0;
  }

  read(reader: WireReader): void {
    while (reader.next()) {
      if (reader.is(1, BYTES)) this.#row(reader.message());
      else if (reader.is(2, VARINT)) this.#elementType = reader.int32();
      else reader.skip();
    }
  }

  /** Null for elements of kinds that are not decoded, or of several. */
  finish(bytes: Uint8Array): WireArrays | null {
    if (this.#isForeign) return null;
    const offsets = new Uint32Array(this.#ends.length + 1);
    for (let row = 0; row < this.#ends.length; row += 1) offsets[row + 1] = this.#ends[row]!;
    const elements = this.#arm === 0 ? null : readScalars(this.#arm, bytes, this.#values);
    return { kind: "array", elementType: this.#elementType, offsets, elements };
  }

  #row(reader: WireReader): void {
    const from = this.#values.count;
    let arm = 0;
    while (reader.next()) {
      const field = reader.field;
      if (reader.wireType !== BYTES || field > 99) {
        reader.skip();
        continue;
      }
      // A oneof keeps its last member; the same member again goes on where it was.
      if (arm !== field) this.#values.truncate(from);
      arm = field;
      const unpacked = field <= ScalarArm.String ? UNPACKED[field] : undefined;
      if (unpacked === undefined) {
        const start = reader.skip();
        if (reader.offset > start) this.#isForeign = true;
      } else collectValues(reader.message(), unpacked, this.#values);
    }
    const unpacked = arm <= ScalarArm.String ? UNPACKED[arm] : undefined;
    const count = unpacked === undefined ? 0 : this.#values.countValues(reader.bytes, unpacked, from);
    if (count > 0) {
      if (this.#arm !== 0 && this.#arm !== arm) this.#isForeign = true;
      this.#arm = arm;
    }
    this.#elementCount += count;
    this.#ends.push(this.#elementCount);
  }
}

export function encodeArrays(column: ArrayColumn): WireWriter {
  const writer = new WireWriter();
  const { offsets, bytes } = encodeRows(column);
  writer.entries(1, offsets, bytes);
  writer.uint32(2, column.elementType);
  return writer;
}

const FIRST_FIELD = (1 << 3) | BYTES;

/** The `ScalarField` of each row, end to end. */
function encodeRows(column: ArrayColumn): { readonly offsets: Uint32Array; readonly bytes: Uint8Array } {
  const { ends, bytes: content, isPacked } = contentOf(column);
  const rowCount = column.offsets.length - 1;
  const arm = (armOf(column.elementType) << 3) | BYTES;
  // Packed values stand behind a tag and a length of their own, entries have theirs already.
  const memberLength = (row: number): number => {
    const length = ends[row + 1]! - ends[row]!;
    return isPacked && length > 0 ? 1 + varintLength(length) + length : length;
  };
  const offsets = new Uint32Array(rowCount + 1);
  for (let row = 0; row < rowCount; row += 1) {
    const length = memberLength(row);
    offsets[row + 1] = offsets[row]! + 1 + varintLength(length) + length;
  }
  const bytes = new Uint8Array(offsets[rowCount]!);
  for (let row = 0; row < rowCount; row += 1) {
    const [start, end] = [ends[row]!, ends[row + 1]!];
    let at = offsets[row]!;
    bytes[at] = arm;
    at = writeVarint(bytes, at + 1, memberLength(row));
    if (isPacked && end > start) {
      bytes[at] = FIRST_FIELD;
      at = writeVarint(bytes, at + 1, end - start);
    }
    copyRange(content, start, end, bytes, at);
  }
  return { offsets, bytes };
}

interface Content {
  /** Where each row's elements end in `bytes`, behind a first 0. */
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
  readonly isPacked: boolean;
}

/** The elements of all rows as field 1, end to end: packed values, or entries with tag and length. */
function contentOf({ offsets, elements }: ArrayColumn): Content {
  const first = offsets[0]!;
  const last = offsets[offsets.length - 1]!;
  const ends = new Uint32Array(offsets.length);
  if (elements.kind === "bytes") {
    const writer = new WireWriter();
    const from = elements.offsets[first]!;
    const entries = elements.offsets.subarray(first, last + 1).map((end) => end - from);
    writer.entries(1, entries, elements.bytes.subarray(from, elements.offsets[last]));
    let end = 0;
    for (let row = 0, element = first; row + 1 < offsets.length; row += 1) {
      for (; element < offsets[row + 1]!; element += 1) {
        const length = elements.offsets[element + 1]! - elements.offsets[element]!;
        end += 1 + varintLength(length) + length;
      }
      ends[row + 1] = end;
    }
    return { ends, bytes: writer.finish(), isPacked: false };
  }
  assert(elements.kind === "fixed", "vectors have a message of their own");
  const bytes = packValues(elements.values.subarray(first, last), elements.type);
  const width = packedWidth(elements.type);
  let end = 0;
  for (let row = 0; row + 1 < offsets.length; row += 1) {
    const count = offsets[row + 1]! - offsets[row]!;
    if (width > 0) end += count * width;
    // The last byte of a varint is below 128.
    else for (let left = count; left > 0; end += 1) if (bytes[end]! < 0x80) left -= 1;
    ends[row + 1] = end;
  }
  assert(end === bytes.byteLength, "all elements belong to rows");
  return { ends, bytes, isPacked: true };
}

/** Bytes of a packed value; 0 where they differ. */
function packedWidth(type: DataType): number {
  return type === DataType.Double ? 8 : type === DataType.Float ? 4 : type === DataType.Bool ? 1 : 0;
}
