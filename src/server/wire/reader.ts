/**
 * Reads the protobuf wire format from a range of bytes, field by field, without making objects.
 *
 * Always true:
 *  - nothing is read beyond the range; every length is checked before it is used; malformed bytes are a `WireError`;
 *  - after `next()` exactly one of the reading methods or `skip()` must be called, and it consumes the value;
 *  - `view` and `message` share memory with the request: what is kept longer must be copied.
 *
 * A value whose wire type is not the one its field should have is an unknown field, as in every protobuf: `is()` is false, skip it.
 * Groups are refused. Packed arrays are read from spans (`packed.ts`), not here.
 */

import { WireError } from "./wire-error.ts";

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Bytes of a text that is looked at byte by byte. */
const SHORT_TEXT = 24;

export class WireReader {
  /** The whole buffer; offsets are relative to it. */
  readonly bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #field = 0;
  #type = 0;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.byteLength) {
    this.bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get offset(): number {
    return this.#at;
  }

  get field(): number {
    return this.#field;
  }

  get wireType(): number {
    return this.#type;
  }

  /** Moves to the next field; false at the end. */
  next(): boolean {
    if (this.#at === this.#end) return false;
    const tag = this.#tag();
    this.#field = tag >>> 3;
    this.#type = tag & 7;
    if (this.#field === 0) throw this.#error("field number 0");
    return true;
  }

  is(field: number, wireType: number): boolean {
    return this.#field === field && this.#type === wireType;
  }

  /** Passes the value; returns where it began: of a length-delimited one, the first byte after the length. */
  skip(): number {
    let start = this.#at;
    switch (this.#type) {
      case VARINT:
        this.#skipVarint();
        break;
      case FIXED64:
        this.#advance(8);
        break;
      case BYTES: {
        const length = this.#length();
        start = this.#at;
        this.#advance(length);
        break;
      }
      case FIXED32:
        this.#advance(4);
        break;
      default:
        throw this.#error(this.#type === 3 || this.#type === 4 ? "a group" : `wire type ${this.#type}`);
    }
    return start;
  }

  uint32(): number {
    let value = 0;
    const start = this.#at;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    // Negative numbers and what a wider sender wrote: the upper half is dropped.
    this.#at = start;
    this.#skipVarint();
    return value >>> 0;
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  uint64(): bigint {
    let value = 0;
    let scale = 1;
    const start = this.#at;
    for (let count = 0; count < 7; count += 1) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(value);
      scale *= 128;
    }
    let upper = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte();
      if (this.#at - start === 10 && byte > 1) throw this.#error("a varint beyond 64 bits");
      upper |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(value) | (upper << 49n);
    }
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  float(): number {
    const start = this.#at;
    this.#advance(4);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + start, 4).getFloat32(0, true);
  }

  double(): number {
    const start = this.#at;
    this.#advance(8);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + start, 8).getFloat64(0, true);
  }

  /** A length-delimited value, shared with the request. */
  view(): Uint8Array {
    const start = this.skip();
    return this.bytes.subarray(start, this.#at);
  }

  text(): string {
    const start = this.skip();
    if (this.#at - start <= SHORT_TEXT) {
      const text = this.#ascii(start, this.#at);
      if (text !== null) return text;
    }
    try {
      return strictUtf8.decode(this.bytes.subarray(start, this.#at));
    } catch {
      throw new WireError("a string with invalid UTF-8", start);
    }
  }

  /** Null: there is more than ASCII. A call of the decoder costs many times what a name or a number does. */
  #ascii(start: number, end: number): string | null {
    let text = "";
    for (let at = start; at < end; at += 1) {
      const byte = this.bytes[at]!;
      if (byte > 0x7f) return null;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  message(): WireReader {
    const start = this.skip();
    return new WireReader(this.bytes, start, this.#at);
  }

  #tag(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      if (shift === 28 && byte > 0x0f) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw this.#error("a tag beyond 32 bits");
  }

  #length(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      if (shift === 28 && byte > 0x07) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw this.#error("a length beyond 31 bits");
  }

  #skipVarint(): void {
    for (let count = 1; count <= 10; count += 1) {
      const byte = this.#byte();
      if (count === 10 && byte > 1) break;
      if (byte < 0x80) return;
    }
    throw this.#error("a varint beyond 64 bits");
  }

  #byte(): number {
    if (this.#at >= this.#end) throw this.#error("unexpected end");
    const byte = this.bytes[this.#at]!;
    this.#at += 1;
    return byte;
  }

  #advance(count: number): void {
    if (count > this.#end - this.#at) throw this.#error("a length beyond the end");
    this.#at += count;
  }

  #error(text: string): WireError {
    return new WireError(text, this.#at);
  }
}
