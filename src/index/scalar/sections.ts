/**
 * A file of named arrays, each with a checksum of its own.
 *
 *     "ELSCALAR" | u32 version 1 | u32 bytes of head | u32 CRC-32 of head | u32 0 | head (JSON) | zeros to a multiple of 8
 *     each section, padded with zeros to a multiple of 8
 *
 * The head says what the file is (`facts`) and of each section its name, kind of element, place, length and CRC-32. Little endian.
 *
 * Always true of what `decodeSections` returns: every byte of it was checked, and nothing behind it is unaccounted for.
 */

import { crc32 } from "node:zlib";
import { milvusError } from "../../base/errors.ts";
import { decodeJson, encodeJson } from "../../base/json.ts";

const MAGIC = "ELSCALAR";
const VERSION = 1;
const HEADER_BYTES = 24;

const ELEMENTS = { u8: Uint8Array, u32: Uint32Array, i64: BigInt64Array, f64: Float64Array } as const;
type ElementName = keyof typeof ELEMENTS;
export type SectionArray = Uint8Array | Uint32Array | BigInt64Array | Float64Array;

interface SectionHead {
  readonly name: string;
  readonly element: ElementName;
  readonly offset: number;
  readonly bytes: number;
  readonly crc32: number;
}

export interface Sections<Facts> {
  readonly facts: Facts;
  readonly arrays: ReadonlyMap<string, SectionArray>;
}

/** The file as parts to be written one after the other. */
export function encodeSections<Facts>(facts: Facts, arrays: ReadonlyMap<string, SectionArray>): Uint8Array[] {
  const body: Uint8Array[] = [];
  const sections: SectionHead[] = [];
  let offset = 0;
  for (const [name, array] of arrays) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    sections.push({ name, element: elementOf(array), offset, bytes: bytes.byteLength, crc32: crc32(bytes) });
    body.push(bytes, padding(bytes.byteLength));
    offset = align(offset + bytes.byteLength);
  }
  const head = encodeJson({ facts, sections });
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, "latin1");
  header.writeUInt32LE(VERSION, 8);
  header.writeUInt32LE(head.byteLength, 12);
  header.writeUInt32LE(crc32(head), 16);
  return [header, head, padding(head.byteLength), ...body].filter((part) => part.byteLength > 0);
}

/** Views `bytes`, which must begin at a multiple of 8. @throws 2100 with the section that is damaged. */
export function decodeSections<Facts>(bytes: Uint8Array<ArrayBuffer>): Sections<Facts> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < HEADER_BYTES || view.toString("latin1", 0, 8) !== MAGIC)
    throw damaged("it does not begin like one");
  const version = view.readUInt32LE(8);
  if (version !== VERSION) throw damaged(`it is of format ${version}, and this version reads ${VERSION}`);
  const headBytes = view.readUInt32LE(12);
  const bodyStart = HEADER_BYTES + align(headBytes);
  if (bodyStart > view.length) throw damaged("its head is cut off");
  const head = bytes.subarray(HEADER_BYTES, HEADER_BYTES + headBytes);
  if (crc32(head) !== view.readUInt32LE(16)) throw damaged("the checksum of its head is wrong");
  const { facts, sections } = decodeJson<{ facts: Facts; sections: readonly SectionHead[] }>(head);
  const arrays = new Map<string, SectionArray>();
  let end = 0;
  for (const section of sections) {
    const start = bodyStart + section.offset;
    if (section.offset !== end || start + section.bytes > view.length)
      throw damaged(`section ${section.name} is cut off`);
    end = align(section.offset + section.bytes);
    const part = bytes.subarray(start, start + section.bytes);
    if (crc32(part) !== section.crc32) throw damaged(`the checksum of section ${section.name} is wrong`);
    const make = ELEMENTS[section.element];
    arrays.set(section.name, new make(part.buffer, part.byteOffset, section.bytes / make.BYTES_PER_ELEMENT));
  }
  if (bodyStart + end !== view.length) throw damaged(`it has ${view.length} bytes and not ${bodyStart + end}`);
  return { facts, arrays };
}

export function damaged(reason: string): Error {
  return milvusError("DataIntegrity", `scalar index file: ${reason}`);
}

function elementOf(array: SectionArray): ElementName {
  if (array instanceof Uint8Array) return "u8";
  if (array instanceof Uint32Array) return "u32";
  return array instanceof BigInt64Array ? "i64" : "f64";
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function padding(bytes: number): Uint8Array {
  return new Uint8Array(align(bytes) - bytes);
}
