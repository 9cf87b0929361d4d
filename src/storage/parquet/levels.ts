/**
 * Runs of small numbers in the hybrid form of Parquet, which lists use for their levels.
 *
 *   u32 length | runs       run: varint(groups << 1 | 1) | groups of 8 values, `bits` each, least significant bit first
 *                           or   varint(count << 1) | one value in a byte
 *
 * We write one run of groups; we read both kinds.
 */

import { assert } from "../../base/assert.ts";

export function packLevels(levels: Uint8Array, bits: 1 | 2): Uint8Array {
  const groups = Math.ceil(levels.length / 8);
  const header = varint(groups * 2 + 1);
  const bytes = new Uint8Array(4 + header.byteLength + groups * bits);
  new DataView(bytes.buffer).setUint32(0, header.byteLength + groups * bits, true);
  bytes.set(header, 4);
  const body = bytes.subarray(4 + header.byteLength);
  for (let at = 0; at < levels.length; at += 1) {
    const bit = at * bits;
    body[bit >> 3]! |= levels[at]! << (bit & 7);
  }
  return bytes;
}

/** `count` levels from the start of `bytes`, and how many bytes they took. @throws RangeError */
export function unpackLevels(
  bytes: Uint8Array,
  bits: 1 | 2,
  count: number,
): { readonly levels: Uint8Array; readonly byteLength: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + view.getUint32(0, true);
  check(end <= bytes.byteLength, "levels end within their page");
  const levels = new Uint8Array(count);
  const mask = (1 << bits) - 1;
  let at = 4;
  for (let filled = 0; filled < count;) {
    let header = 0;
    for (let scale = 1; ; scale *= 128) {
      check(at < end && scale <= 2 ** 35, "a run of levels has a header");
      const byte = bytes[at++]!;
      header += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    const isPacked = header % 2 === 1;
    const runBytes = isPacked ? Math.floor(header / 2) * bits : 1;
    const length = Math.min(count - filled, Math.floor(header / 2) * (isPacked ? 8 : 1));
    check(length > 0 && at + Math.ceil(isPacked ? (length * bits) / 8 : 1) <= end, "a run of levels has values");
    for (let step = 0; step < length; step += 1) {
      const bit = step * bits;
      levels[filled + step] = isPacked ? (bytes[at + (bit >> 3)]! >> (bit & 7)) & mask : bytes[at]! & mask;
    }
    at += runBytes;
    filled += length;
  }
  return { levels, byteLength: end };
}

export function varint(value: number): Uint8Array {
  assert(Number.isSafeInteger(value) && value >= 0, "a varint is a whole number");
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function check(condition: boolean, rule: string): void {
  if (!condition) throw new RangeError(`${rule}, and this one does not`);
}
