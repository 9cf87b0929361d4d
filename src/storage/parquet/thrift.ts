/**
 * Thrift's compact protocol, the writing half: what Parquet's headers and footers are made of.
 *
 *   field:   (id - last id) << 4 | type, then the value          ids ascend, steps of at most 15
 *   struct:  fields, then a 0 byte
 *   list:    size << 4 | element type      (size < 15), else  0xf0 | element type, size as varint
 *   i16/32/64: zigzag varint;  i8: one byte;  binary: length as varint, bytes;  bool: in the type, 1 true, 2 false
 *
 * Every call names its type, because a reader checks types and an inferred one would depend on the value.
 */

import { assert } from "../../base/assert.ts";

const TYPE = { true: 1, false: 2, i8: 3, i16: 4, i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;
export type ElementType = "i32" | "binary" | "struct";

export class ThriftWriter {
  #bytes = new Uint8Array(256);
  #length = 0;
  #lastId = 0;

  bool(id: number, value: boolean): this {
    return this.#field(id, value ? TYPE.true : TYPE.false);
  }

  i8(id: number, value: number): this {
    this.#field(id, TYPE.i8).#byte(value & 0xff);
    return this;
  }

  i16(id: number, value: number): this {
    return this.#field(id, TYPE.i16).#zigzag(BigInt(value));
  }

  i32(id: number, value: number): this {
    assert((value | 0) === value, "a thrift i32 fits 32 bits");
    return this.#field(id, TYPE.i32).#zigzag(BigInt(value));
  }

  i64(id: number, value: number | bigint): this {
    return this.#field(id, TYPE.i64).#zigzag(BigInt(value));
  }

  binary(id: number, value: string | Uint8Array): this {
    return this.#field(id, TYPE.binary).#block(value);
  }

  struct(id: number, body: (writer: this) => void): this {
    return this.#field(id, TYPE.struct).#nested(body);
  }

  i32List(id: number, values: readonly number[]): this {
    this.#list(id, "i32", values.length);
    for (const value of values) this.#zigzag(BigInt(value));
    return this;
  }

  binaryList(id: number, values: readonly string[]): this {
    this.#list(id, "binary", values.length);
    for (const value of values) this.#block(value);
    return this;
  }

  structList<T>(id: number, items: readonly T[], body: (writer: this, item: T) => void): this {
    this.#list(id, "struct", items.length);
    for (const item of items) this.#nested((writer) => body(writer, item));
    return this;
  }

  /** Ends the outermost struct. */
  finish(): Uint8Array {
    this.#byte(0);
    return this.#bytes.slice(0, this.#length);
  }

  #field(id: number, type: number): this {
    const step = id - this.#lastId;
    assert(step >= 1 && step <= 15, "thrift field ids ascend in short steps");
    this.#lastId = id;
    return this.#byte((step << 4) | type);
  }

  #list(id: number, element: ElementType, size: number): void {
    this.#field(id, TYPE.list);
    if (size < 15) this.#byte((size << 4) | TYPE[element]);
    else this.#byte(0xf0 | TYPE[element]).#varint(BigInt(size));
  }

  #nested(body: (writer: this) => void): this {
    const outer = this.#lastId;
    this.#lastId = 0;
    body(this);
    this.#byte(0);
    this.#lastId = outer;
    return this;
  }

  #block(value: string | Uint8Array): this {
    const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
    this.#varint(BigInt(bytes.byteLength));
    this.#room(bytes.byteLength);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.byteLength;
    return this;
  }

  #zigzag(value: bigint): this {
    return this.#varint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
  }

  #varint(value: bigint): this {
    let rest = value;
    for (; rest > 0x7fn; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
    return this.#byte(Number(rest));
  }

  #byte(value: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(this.#bytes.byteLength * 2, this.#length + bytes));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
