/**
 * The few parts of FlatBuffers that an Arrow schema message needs, written from the back to the front as the format wants it.
 *
 *   table:   i32 distance back to its vtable | fields, each aligned to its size
 *   vtable:  u16 bytes of the vtable | u16 bytes of the table | u16 offset of each field, 0 = absent
 *   string:  u32 length | UTF-8 | 0          vector: u32 length | elements
 *   offset:  u32 distance forward to what it points at
 *
 * Positions here count from the end of the buffer: what is written does not move when the buffer grows.
 */

import { assert } from "../../base/assert.ts";

/** Where something starts, in bytes from the end. */
export type Position = number;

export type TableField =
  | { readonly slot: number; readonly kind: "byte" | "short" | "int" | "long"; readonly value: number }
  | { readonly slot: number; readonly kind: "offset"; readonly value: Position };

const SIZE = { byte: 1, short: 2, int: 4, offset: 4, long: 8 } as const;

export class FlatBufferWriter {
  #bytes = new Uint8Array(1024);
  /** Bytes used, at the end of the buffer. */
  #used = 0;

  string(text: string): Position {
    const utf8 = Buffer.from(text, "utf8");
    this.#align(4, utf8.byteLength + 1);
    this.#push(new Uint8Array(1));
    this.#push(utf8);
    return this.#number(4, utf8.byteLength);
  }

  offsets(positions: readonly Position[]): Position {
    this.#align(4, positions.length * 4);
    for (const position of positions.toReversed()) this.#offset(position);
    return this.#number(4, positions.length);
  }

  table(fields: readonly TableField[]): Position {
    const slots = fields.reduce((most, field) => Math.max(most, field.slot + 1), 0);
    const end = this.#used;
    const starts = new Map<number, Position>();
    // The widest first, so that no padding falls between fields.
    for (const field of fields.toSorted((left, right) => SIZE[right.kind] - SIZE[left.kind])) {
      this.#align(SIZE[field.kind], 0);
      const start = field.kind === "offset" ? this.#offset(field.value) : this.#number(SIZE[field.kind], field.value);
      starts.set(field.slot, start);
    }
    this.#align(4, 0);
    const table = this.#used + 4;
    const vtableBytes = 4 + 2 * slots;
    // The vtable goes right before the table: the distance is its length, plus the byte pair that keeps it aligned.
    const padding = vtableBytes % 4;
    this.#number(4, vtableBytes + padding);
    this.#push(new Uint8Array(padding));
    for (let slot = slots - 1; slot >= 0; slot -= 1) {
      const start = starts.get(slot);
      this.#number(2, start === undefined ? 0 : table - start);
    }
    this.#number(2, table - end);
    this.#number(2, vtableBytes);
    return table;
  }

  /** The buffer with the offset of its root in front, a whole number of 8-byte words. */
  finish(root: Position): Uint8Array {
    this.#align(8, 4);
    this.#offset(root);
    return this.#bytes.slice(this.#bytes.byteLength - this.#used);
  }

  #offset(position: Position): Position {
    assert(position <= this.#used, "a flatbuffer offset points forward");
    return this.#number(4, this.#used + 4 - position);
  }

  #number(size: 1 | 2 | 4 | 8, value: number): Position {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    if (size === 8) view.setBigInt64(0, BigInt(value), true);
    else if (size === 4) view.setInt32(0, value, true);
    else if (size === 2) view.setUint16(0, value, true);
    else view.setUint8(0, value);
    this.#push(bytes);
    return this.#used;
  }

  /** Pads so that after `upcoming` more bytes the start is a multiple of `alignment` from the end. */
  #align(alignment: number, upcoming: number): void {
    const over = (this.#used + upcoming) % alignment;
    if (over !== 0) this.#push(new Uint8Array(alignment - over));
  }

  #push(bytes: Uint8Array): void {
    const size = this.#bytes.byteLength;
    if (this.#used + bytes.byteLength > size) {
      const larger = new Uint8Array(Math.max(size * 2, this.#used + bytes.byteLength));
      larger.set(this.#bytes.subarray(size - this.#used), larger.byteLength - this.#used);
      this.#bytes = larger;
    }
    this.#used += bytes.byteLength;
    this.#bytes.set(bytes, this.#bytes.byteLength - this.#used);
  }
}
