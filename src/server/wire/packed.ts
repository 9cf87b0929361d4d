/**
 * Repeated numbers and strings, from the spans of a message to typed arrays and back to packed bytes.
 *
 * Always true:
 *  - the number of values is counted before anything is allocated, so an array is never larger than eight times its bytes;
 *  - 64-bit integers pass as two 32-bit halves, never as one BigInt a value;
 *  - floats and doubles are a view of the message where one aligned span holds them all, else a copy; of a message that nobody reads
 *    again a long run of floats is a view in any case, moved over its own tag and length to where it is aligned;
 *  - every entry of a string column is valid UTF-8 by itself.
 */

import { isUtf8 } from "node:buffer";
import { endianness } from "node:os";
import { assert } from "../../base/assert.ts";
import type { Spans } from "./spans.ts";
import { WireError } from "./wire-error.ts";

assert(endianness() === "LE", "the machine is little-endian, as the wire is");

export function readBools(bytes: Uint8Array, spans: Spans): Uint8Array {
  const values = new Uint8Array(countVarints(bytes, spans));
  if (values.length === spans.byteLength()) {
    gather(bytes, spans, values);
    for (let at = 0; at < values.length; at += 1) if (values[at]! > 1) values[at] = 1;
    return values;
  }
  const halves = readVarints(bytes, spans, values.length);
  for (let at = 0; at < values.length; at += 1) values[at] = (halves[at * 2]! | halves[at * 2 + 1]!) === 0 ? 0 : 1;
  return values;
}

/** The lower 32 bits of each value, as protobuf reads an int32. */
export function readInt32s(bytes: Uint8Array, spans: Spans): Int32Array {
  const count = countVarints(bytes, spans);
  const values = new Int32Array(count);
  if (count === spans.byteLength()) {
    let at = 0;
    for (let span = 0; span < spans.count; span += 1) {
      const end = spans.end(span);
      for (let from = spans.start(span); from < end; from += 1, at += 1) values[at] = bytes[from]!;
    }
    return values;
  }
  const halves = readVarints(bytes, spans, count);
  for (let at = 0; at < count; at += 1) values[at] = halves[at * 2]!;
  return values;
}

export function readInt64s(bytes: Uint8Array, spans: Spans): BigInt64Array {
  const count = countVarints(bytes, spans);
  return new BigInt64Array(readVarints(bytes, spans, count).buffer, 0, count);
}

/** `mayOverwrite`: nobody reads the message again. */
export function readFloats(bytes: Uint8Array, spans: Spans, mayOverwrite = false): Float32Array {
  if (mayOverwrite) alignRun(bytes, spans, 4);
  const [buffer, offset, length] = fixedWidth(bytes, spans, 4);
  return new Float32Array(buffer, offset, length);
}

/** The bytes themselves, where an array of entries of `width` bytes may start; `width` divides them. */
export function readRun(bytes: Uint8Array, spans: Spans, width: number, mayOverwrite: boolean): Uint8Array {
  if (mayOverwrite) alignRun(bytes, spans, width);
  const [buffer, offset, length] = fixedWidth(bytes, spans, width);
  return new Uint8Array(buffer, offset, length * width);
}

/**
 * From so many bytes on, the length of a run takes two bytes and its tag one: there is room in front of it to move it by three.
 * Moving 64 MiB takes 3 ms; a copy goes into fresh memory and takes ten times as long.
 */
const MOVABLE_BYTES = 128;

function alignRun(bytes: Uint8Array, spans: Spans, width: number): void {
  if (spans.count !== 1) return;
  const start = spans.start(0);
  const end = spans.end(0);
  const shift = (bytes.byteOffset + start) % width;
  if (shift === 0 || end - start < MOVABLE_BYTES) return;
  assert(start >= 3, "a run of bytes stands behind its tag and length");
  bytes.copyWithin(start - shift, start, end);
  spans.clear();
  spans.add(start - shift, end - shift);
}

export function readDoubles(bytes: Uint8Array, spans: Spans): Float64Array {
  const [buffer, offset, length] = fixedWidth(bytes, spans, 8);
  return new Float64Array(buffer, offset, length);
}

export interface ByteEntries {
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Each span is one entry; copied, end to end. */
export function readEntries(bytes: Uint8Array, spans: Spans): ByteEntries {
  const offsets = new Uint32Array(spans.count + 1);
  const joined = new Uint8Array(spans.byteLength());
  let at = 0;
  for (let span = 0; span < spans.count; span += 1) {
    const start = spans.start(span);
    at += copyRange(bytes, start, spans.end(span), joined, at);
    offsets[span + 1] = at;
  }
  return { offsets, bytes: joined };
}

export function readStrings(bytes: Uint8Array, spans: Spans): ByteEntries {
  const entries = readEntries(bytes, spans);
  if (!entriesAreUtf8(entries)) {
    throw new WireError("a string with invalid UTF-8", spans.count === 0 ? 0 : spans.start(0));
  }
  return entries;
}

/** All bytes together are valid and no entry begins inside a character: then each is valid. */
export function entriesAreUtf8({ offsets, bytes }: ByteEntries): boolean {
  if (!isUtf8(bytes)) return false;
  for (let entry = 1; entry < offsets.length - 1; entry += 1) {
    const start = offsets[entry]!;
    if (start < bytes.length && (bytes[start]! & 0xc0) === 0x80) return false;
  }
  return true;
}

/** Copies bytes [start, end) to `target` at `at`; returns how many. Short runs are quicker by hand than through a view. */
export function copyRange(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  const length = end - start;
  if (length > 48) target.set(source.subarray(start, end), at);
  else for (let index = 0; index < length; index += 1) target[at + index] = source[start + index]!;
  return length;
}

/** A varint ends with the byte below 128; each span must end with one. */
function countVarints(bytes: Uint8Array, spans: Spans): number {
  let count = 0;
  for (let span = 0; span < spans.count; span += 1) {
    const end = spans.end(span);
    const start = spans.start(span);
    for (let at = start; at < end; at += 1) count += bytes[at]! < 0x80 ? 1 : 0;
    if (end > start && bytes[end - 1]! >= 0x80) throw new WireError("a packed run that ends inside a varint", end);
  }
  return count;
}

/** `count` values of 64 bits as lower and upper halves, by turns. */
function readVarints(bytes: Uint8Array, spans: Spans, count: number): Int32Array {
  const halves = new Int32Array(count * 2);
  let out = 0;
  for (let span = 0; span < spans.count; span += 1) {
    const end = spans.end(span);
    let at = spans.start(span);
    while (at < end) {
      let byte = bytes[at++]!;
      let lower = byte & 0x7f;
      let upper = 0;
      let shift = 7;
      while (byte >= 0x80) {
        byte = bytes[at++]!;
        if (shift < 28) lower |= (byte & 0x7f) << shift;
        else if (shift === 28) {
          lower |= byte << 28;
          upper = (byte & 0x7f) >> 4;
        } else if (shift < 63) upper |= (byte & 0x7f) << (shift - 32);
        else if (shift === 63 && byte <= 1) upper |= byte << 31;
        else throw new WireError("a varint beyond 64 bits", at);
        shift += 7;
      }
      halves[out] = lower;
      halves[out + 1] = upper;
      out += 2;
    }
  }
  assert(out === halves.length, "as many varints were read as counted");
  return halves;
}

function fixedWidth(bytes: Uint8Array, spans: Spans, width: number): [ArrayBuffer, number, number] {
  for (let span = 0; span < spans.count; span += 1) {
    const length = spans.end(span) - spans.start(span);
    if (length % width !== 0) throw new WireError(`a packed run of ${length} bytes`, spans.start(span));
  }
  const length = spans.byteLength();
  if (spans.count === 1 && bytes.buffer instanceof ArrayBuffer) {
    const offset = bytes.byteOffset + spans.start(0);
    if (offset % width === 0) return [bytes.buffer, offset, length / width];
  }
  const joined = new Uint8Array(length);
  gather(bytes, spans, joined);
  return [joined.buffer, 0, length / width];
}

function gather(bytes: Uint8Array, spans: Spans, target: Uint8Array): void {
  let at = 0;
  for (let span = 0; span < spans.count; span += 1) {
    at += copyRange(bytes, spans.start(span), spans.end(span), target, at);
  }
}

/** Packed varints of an int32 column; negative values take ten bytes. */
export function packInt32s(values: ArrayLike<number>): Uint8Array {
  let length = 0;
  for (let at = 0; at < values.length; at += 1) length += values[at]! < 0 ? 10 : varintLength(values[at]!);
  const packed = new Uint8Array(length);
  let out = 0;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at]!;
    out = value < 0 ? writeHalves(packed, out, value, -1) : writeVarint(packed, out, value);
  }
  assert(out === length, "a packed run has the length that was counted");
  return packed;
}

/** Packed varints of an int64 or uint64 column. */
export function packInt64s(values: BigInt64Array | BigUint64Array): Uint8Array {
  const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  let length = 0;
  for (let at = 0; at < halves.length; at += 2) {
    const upper = halves[at + 1]! >>> 0;
    if (upper === 0) length += varintLength(halves[at]! >>> 0);
    else if (upper < 8) length += 5;
    else length += 5 + Math.ceil((29 - Math.clz32(upper)) / 7);
  }
  const packed = new Uint8Array(length);
  let out = 0;
  for (let at = 0; at < halves.length; at += 2) out = writeHalves(packed, out, halves[at]!, halves[at + 1]!);
  assert(out === length, "a packed run has the length that was counted");
  return packed;
}

/** The bytes of `values` themselves: no copy. */
export function packFixed(values: Float32Array | Float64Array | Uint8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Bytes of `value`, below 2^32, as a varint. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** `value` below 2^32; returns the offset behind it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let out = at;
  while (rest >= 0x80) {
    target[out++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[out++] = rest;
  return out;
}

/** A 64-bit varint from its halves; returns the offset behind it. */
export function writeHalves(target: Uint8Array, at: number, lower: number, upper: number): number {
  let low = lower >>> 0;
  let high = upper >>> 0;
  let out = at;
  while (high !== 0) {
    target[out++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  return writeVarint(target, out, low);
}
