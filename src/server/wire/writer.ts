/**
 * Writes the protobuf wire format as a list of pieces.
 *
 * Small values go to a scratch buffer; large payloads are taken by reference, so a column of floats is not copied before it is copied
 * into the frame. A nested message is written by a writer of its own and then adopted, when its length is known.
 *
 * Always true:
 *  - a default value (0, false, "", empty) is not written, as proto3 says, except by `message` and by what is called `…Always`;
 *  - payloads taken by reference must not change until the pieces were used.
 */

import { assert } from "../../base/assert.ts";
import { BYTES, FIXED32, FIXED64, VARINT } from "./reader.ts";
import { copyRange, varintLength, writeHalves, writeVarint } from "./packed.ts";

/** From this size on a payload is a piece of its own. */
const BY_REFERENCE_BYTES = 1024;
const FIRST_BYTES = 128;
/** Letters of a text that is looked at one by one. */
const SHORT_TEXT = 24;

export class WireWriter {
  readonly #pieces: Uint8Array[] = [];
  /** A part of memory that many share: an answer takes several writers, and memory of one's own is made and collected outside of the heap. */
  #scratch: Uint8Array = Buffer.allocUnsafe(FIRST_BYTES);
  /** [#from, #at) of the scratch is written and not yet a piece. */
  #from = 0;
  #at = 0;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength + this.#at - this.#from;
  }

  uint32(field: number, value: number): void {
    if (value === 0) return;
    this.#reserve(10);
    this.#tag(field, VARINT);
    this.#at = writeVarint(this.#scratch, this.#at, value);
  }

  int32(field: number, value: number): void {
    assert((value | 0) === value, `${value} is an int32`);
    if (value >= 0) return this.uint32(field, value);
    this.#reserve(15);
    this.#tag(field, VARINT);
    this.#at = writeHalves(this.#scratch, this.#at, value, -1);
  }

  /** Of an int64 or a uint64. */
  int64(field: number, value: bigint): void {
    if (value !== 0n) this.int64Always(field, value);
  }

  int64Always(field: number, value: bigint): void {
    this.#reserve(15);
    this.#tag(field, VARINT);
    const lower = Number(BigInt.asIntN(32, value));
    const upper = Number(BigInt.asIntN(32, value >> 32n));
    this.#at = writeHalves(this.#scratch, this.#at, lower, upper);
  }

  bool(field: number, value: boolean): void {
    this.uint32(field, value ? 1 : 0);
  }

  floatAlways(field: number, value: number): void {
    this.#reserve(9);
    this.#tag(field, FIXED32);
    this.#view(4).setFloat32(0, value, true);
    this.#at += 4;
  }

  doubleAlways(field: number, value: number): void {
    this.#reserve(13);
    this.#tag(field, FIXED64);
    this.#view(8).setFloat64(0, value, true);
    this.#at += 8;
  }

  text(field: number, value: string): void {
    if (value !== "") this.textAlways(field, value);
  }

  textAlways(field: number, value: string): void {
    if (value.length > SHORT_TEXT || !this.#shortAscii(field, value))
      this.bytesAlways(field, Buffer.from(value, "utf8"));
  }

  /** False, with nothing written: there is more than ASCII. A call of the encoder costs many times what a name does. */
  #shortAscii(field: number, value: string): boolean {
    for (let at = 0; at < value.length; at += 1) if (value.charCodeAt(at) > 0x7f) return false;
    this.#header(field, value.length);
    this.#reserve(value.length);
    for (let at = 0; at < value.length; at += 1) this.#scratch[this.#at + at] = value.charCodeAt(at);
    this.#at += value.length;
    return true;
  }

  /** Bytes, or the packed run of a repeated field. */
  bytes(field: number, value: Uint8Array): void {
    if (value.byteLength > 0) this.bytesAlways(field, value);
  }

  bytesAlways(field: number, value: Uint8Array): void {
    this.#header(field, value.byteLength);
    this.#payload(value);
  }

  /** A repeated bytes or string field: an entry each, also the empty ones. */
  entries(field: number, offsets: Uint32Array, bytes: Uint8Array): void {
    const tagBytes = varintLength((field << 3) >>> 0);
    let length = bytes.byteLength + (offsets.length - 1) * tagBytes;
    for (let entry = 1; entry < offsets.length; entry += 1) {
      length += varintLength(offsets[entry]! - offsets[entry - 1]!);
    }
    const run = new Uint8Array(length);
    let at = 0;
    for (let entry = 1; entry < offsets.length; entry += 1) {
      const start = offsets[entry - 1]!;
      const end = offsets[entry]!;
      at = writeVarint(run, at, ((field << 3) | BYTES) >>> 0);
      at = writeVarint(run, at, end - start);
      at += copyRange(bytes, start, end, run, at);
    }
    assert(at === length, "a run of entries has the length that was counted");
    this.#payload(run);
  }

  /** A nested message, also an empty one. `child` must not be used afterwards. */
  message(field: number, child: WireWriter): void {
    assert(child !== this, "a message does not hold itself");
    this.#header(field, child.byteLength);
    child.#flush();
    for (const piece of child.#pieces) this.#payload(piece);
  }

  pieces(): readonly Uint8Array[] {
    this.#flush();
    return this.#pieces;
  }

  finish(): Uint8Array {
    this.#flush();
    const whole = new Uint8Array(this.#byteLength);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.byteLength;
    }
    return whole;
  }

  /** The next bytes of the scratch. */
  #view(byteLength: number): DataView {
    return new DataView(this.#scratch.buffer, this.#scratch.byteOffset + this.#at, byteLength);
  }

  #tag(field: number, wireType: number): void {
    this.#at = writeVarint(this.#scratch, this.#at, ((field << 3) | wireType) >>> 0);
  }

  #header(field: number, byteLength: number): void {
    this.#reserve(10);
    this.#tag(field, BYTES);
    this.#at = writeVarint(this.#scratch, this.#at, byteLength);
  }

  #payload(value: Uint8Array): void {
    if (value.byteLength >= BY_REFERENCE_BYTES) {
      this.#flush();
      this.#pieces.push(value);
      this.#byteLength += value.byteLength;
      return;
    }
    this.#reserve(value.byteLength);
    this.#at += copyRange(value, 0, value.byteLength, this.#scratch, this.#at);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#scratch.length) return;
    // What was cut off as a piece stays in the old buffer.
    const written = this.#scratch.subarray(this.#from, this.#at);
    const wider = Buffer.allocUnsafe(Math.max(this.#scratch.length * 2, written.length + count));
    wider.set(written);
    this.#at = written.length;
    this.#from = 0;
    this.#scratch = wider;
  }

  #flush(): void {
    if (this.#at === this.#from) return;
    const piece = this.#scratch.subarray(this.#from, this.#at);
    this.#pieces.push(piece);
    this.#byteLength += piece.byteLength;
    this.#from = this.#at;
  }
}
