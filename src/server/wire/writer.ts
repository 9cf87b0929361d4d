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

export class WireWriter {
  readonly #pieces: Uint8Array[] = [];
  #scratch = new Uint8Array(128);
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
    new DataView(this.#scratch.buffer).setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  doubleAlways(field: number, value: number): void {
    this.#reserve(13);
    this.#tag(field, FIXED64);
    new DataView(this.#scratch.buffer).setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  text(field: number, value: string): void {
    if (value !== "") this.textAlways(field, value);
  }

  textAlways(field: number, value: string): void {
    this.bytesAlways(field, Buffer.from(value, "utf8"));
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
    const wider = new Uint8Array(Math.max(this.#scratch.length * 2, written.length + count));
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
