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
  const runs = runsOf(column);
  const rowCount = column.offsets.length - 1;
  const arm = (armOf(column.elementType) << 3) | BYTES;
  const offsets = new Uint32Array(rowCount + 1);
  for (let row = 0; row < rowCount; row += 1) {
    const length = runs[row]!.byteLength;
    offsets[row + 1] = offsets[row]! + 1 + varintLength(length) + length;
  }
  const bytes = new Uint8Array(offsets[rowCount]!);
  for (let row = 0; row < rowCount; row += 1) {
    const run = runs[row]!;
    bytes[offsets[row]!] = arm;
    const at = writeVarint(bytes, offsets[row]! + 1, run.byteLength);
    copyRange(run, 0, run.byteLength, bytes, at);
  }
  return { offsets, bytes };
}

/** The content of each row's member: its elements as field 1, packed or one by one. */
function runsOf({ offsets, elements }: ArrayColumn): Uint8Array[] {
  const rowCount = offsets.length - 1;
  if (elements.kind === "bytes") {
    return Array.from({ length: rowCount }, (_, row) => {
      const writer = new WireWriter();
      const from = elements.offsets[offsets[row]!]!;
      const ends = elements.offsets.subarray(offsets[row]!, offsets[row + 1]! + 1).map((end) => end - from);
      writer.entries(1, ends, elements.bytes.subarray(from, from + ends.at(-1)!));
      return writer.finish();
    });
  }
  assert(elements.kind === "fixed", "vectors have a message of their own");
  const { values } = elements;
  return Array.from({ length: rowCount }, (_, row) => {
    if (offsets[row] === offsets[row + 1]) return new Uint8Array(0);
    const packed = packValues(values.subarray(offsets[row], offsets[row + 1]), elements.type);
    const run = new Uint8Array(1 + varintLength(packed.byteLength) + packed.byteLength);
    run[0] = FIRST_FIELD;
    run.set(packed, writeVarint(run, 1, packed.byteLength));
    return run;
  });
}
