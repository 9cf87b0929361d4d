/**
 * The bytes of the journal. All numbers are little-endian; every record starts at a multiple of 8.
 *
 * A journal is a directory of files `<sequence, 16 digits>.journal` without gaps in the sequence. A position is a byte offset in the
 * whole journal: that of byte 0 of a file is in its header, and the next file begins where the records of this one end.
 *
 *   file     | header (64) | opening records: state of every channel | records … | zeros (allocated ahead) |
 *
 * The last file may be all zeros: it was made ahead and has not begun. Its opening is synced before any other record is written to it,
 * so every file that has begun says by itself which channels exist, under which term, and from where on they are live; older files can
 * be deleted at any time.
 *
 * Not here: reading and writing files (`scan.ts`, `writer.ts`).
 */

import { crc32 } from "node:zlib";
import { assert } from "../../base/assert.ts";

export const FORMAT_VERSION = 1;
/** No feature is defined yet; a set bit that a reader does not know means that it must not touch the file. */
export const KNOWN_FEATURES = 0;
export const FILE_HEADER_BYTES = 64;
export const RECORD_HEADER_BYTES = 40;
export const FILE_SUFFIX = ".journal";

const MAGIC = "ELANJRNL";
const TWO_TO_32 = 0x1_0000_0000;

/** Kinds of records; 0 is none, so that zeros are never a record. */
export const DATA = 1;
/** State of a channel, three reasons to write it: a file begins, a writer opens the channel, the channel is truncated. */
export const OPENING = 2;
export const FENCE = 3;
export const TRUNCATION = 4;
/** The journal was closed in order: everything before it had been synced. */
export const CLOSE = 5;

export type RecordKind = 1 | 2 | 3 | 4 | 5;

export const KIND_NAMES: Readonly<Record<RecordKind, string>> = {
  [DATA]: "data",
  [OPENING]: "opening",
  [FENCE]: "fence",
  [TRUNCATION]: "truncation",
  [CLOSE]: "close",
};

export function fileName(sequence: number): string {
  return `${String(sequence).padStart(16, "0")}${FILE_SUFFIX}`;
}

export function sequenceOf(name: string): number | null {
  return /^\d{16}\.journal$/.test(name) ? Number(name.slice(0, 16)) : null;
}

/** Positions and lengths are exact as numbers: a journal would need 9 petabytes to leave that range. */
export function setUint64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % TWO_TO_32, true);
  view.setUint32(offset + 4, Math.floor(value / TWO_TO_32), true);
}

export function getUint64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * TWO_TO_32;
}

export interface FileHeader {
  readonly sequence: number;
  /** Position of byte 0 of the file. */
  readonly firstPosition: number;
  /** Channel records that follow the header and must all be there. */
  readonly openingRecords: number;
}

/**
 * File header, 64 bytes:
 *
 *    0  8  magic "ELANJRNL"
 *    8  4  format version
 *   12  4  feature flags
 *   16  8  sequence of the file, from 1
 *   24  8  position of byte 0
 *   32  4  number of opening records
 *   36 24  zeros
 *   60  4  CRC-32 of bytes 0–59 (here in every version, so that a newer file is told from a damaged one)
 */
export function encodeFileHeader(header: FileHeader): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < MAGIC.length; index++) bytes[index] = MAGIC.charCodeAt(index);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, KNOWN_FEATURES, true);
  setUint64(view, 16, header.sequence);
  setUint64(view, 24, header.firstPosition);
  view.setUint32(32, header.openingRecords, true);
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  return bytes;
}

export type ParsedFileHeader =
  | { readonly state: "good"; readonly header: FileHeader }
  | { readonly state: "unknown"; readonly problem: string }
  | { readonly state: "damaged"; readonly problem: string };

export function parseFileHeader(bytes: Uint8Array): ParsedFileHeader {
  if (bytes.byteLength < FILE_HEADER_BYTES) return { state: "damaged", problem: "the file is shorter than its header" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, FILE_HEADER_BYTES);
  if (view.getUint32(60, true) !== crc32(bytes.subarray(0, 60))) {
    return { state: "damaged", problem: "the checksum of the file header does not match" };
  }
  if (String.fromCharCode(...bytes.subarray(0, 8)) !== MAGIC) {
    return { state: "damaged", problem: "the file does not begin as a journal file" };
  }
  const version = view.getUint32(8, true);
  if (version !== FORMAT_VERSION) {
    return { state: "unknown", problem: `journal format version ${version}; this program knows ${FORMAT_VERSION}` };
  }
  const unknownFeatures = view.getUint32(12, true) & ~KNOWN_FEATURES;
  if (unknownFeatures !== 0) {
    return { state: "unknown", problem: `journal feature flags 0x${(unknownFeatures >>> 0).toString(16)}` };
  }
  return {
    state: "good",
    header: {
      sequence: getUint64(view, 16),
      firstPosition: getUint64(view, 24),
      openingRecords: view.getUint32(32, true),
    },
  };
}

export interface RecordHeader {
  readonly checksum: number;
  readonly bodyBytes: number;
  readonly kind: RecordKind;
  readonly channel: number;
  readonly term: bigint;
  readonly position: number;
  readonly batchStart: number;
}

/** Bytes of a whole record: header, body, zeros up to a multiple of 8. */
export function recordBytes(bodyBytes: number): number {
  return (RECORD_HEADER_BYTES + bodyBytes + 7) & ~7;
}

/**
 * Record:
 *
 *    0  4  CRC-32 of everything from byte 4 to the end of the padding
 *    4  4  bytes of the body
 *    8  1  kind
 *    9  3  zeros
 *   12  4  id of the channel (0: the journal itself)
 *   16  8  term of the writer
 *   24  8  position of this record
 *   32  8  batch start: everything before it had been synced when this record was written
 *   40  n  body
 *       p  zeros up to a multiple of 8
 *
 * The batch start tells a torn batch from damage after a power failure: pages of one batch reach the disk in any order, so a valid
 * record behind a damaged one is harmless if both belong to the batch whose sync never ended, and corruption if the damaged one
 * lies before the batch start of the valid one.
 *
 * A producer fills what it knows with `beginRecord` (zeros in the padding are its duty), the writer thread the rest with `sealRecord`.
 */
export function beginRecord(
  view: DataView,
  offset: number,
  bodyBytes: number,
  kind: RecordKind,
  channel: number,
  term: bigint,
): void {
  view.setUint32(offset, 0, true);
  view.setUint32(offset + 4, bodyBytes, true);
  view.setUint32(offset + 8, kind, true);
  view.setUint32(offset + 12, channel, true);
  view.setBigUint64(offset + 16, term, true);
}

export function sealRecord(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  position: number,
  batchStart: number,
): void {
  assert(position % 8 === 0 && batchStart <= position, "a record stands at a multiple of 8, inside its batch");
  setUint64(view, offset + 24, position);
  setUint64(view, offset + 32, batchStart);
  const end = offset + recordBytes(view.getUint32(offset + 4, true));
  view.setUint32(offset, crc32(bytes.subarray(offset + 4, end)), true);
}

/** The header at `offset`, or null where no record can start. Nothing is verified but that the fields make sense. */
export function parseRecordHeader(view: DataView, offset: number): RecordHeader | null {
  const kindAndZeros = view.getUint32(offset + 8, true);
  if (kindAndZeros < DATA || kindAndZeros > CLOSE) return null;
  const position = getUint64(view, offset + 24);
  const batchStart = getUint64(view, offset + 32);
  if (batchStart > position) return null;
  return {
    checksum: view.getUint32(offset, true),
    bodyBytes: view.getUint32(offset + 4, true),
    kind: kindAndZeros as RecordKind,
    channel: view.getUint32(offset + 12, true),
    term: view.getBigUint64(offset + 16, true),
    position,
    batchStart,
  };
}

/** `record` holds the whole record and nothing else. */
export function checksumMatches(record: Uint8Array, header: RecordHeader): boolean {
  return crc32(record.subarray(4)) === header.checksum;
}

export interface ChannelState {
  readonly id: number;
  readonly name: string;
  readonly term: bigint;
  /** Records before it are no longer needed. */
  readonly truncatedTo: number;
  /** Above the position of the channel's last data record; 0 when it has none. */
  readonly end: number;
}

/**
 * What is known of a channel after one more record of its state. Fences and truncations were laid out while others were in flight, so
 * none of them takes back what an earlier one said; the end is what the data records say.
 */
export function mergeChannelState(known: ChannelState | undefined, next: ChannelState): ChannelState {
  if (known === undefined) return next;
  return {
    id: next.id,
    name: next.name,
    term: known.term > next.term ? known.term : next.term,
    truncatedTo: Math.max(known.truncatedTo, next.truncatedTo),
    end: known.end,
  };
}

/**
 * Body of an opening, fence or truncation record; id and term are in the record header:
 *
 *    0  8  truncated to
 *    8  8  end (in opening records; 0 elsewhere)
 *   16  n  name, UTF-8
 */
export function encodeChannelBody(state: ChannelState): Uint8Array {
  const name = new TextEncoder().encode(state.name);
  const body = new Uint8Array(16 + name.byteLength);
  const view = new DataView(body.buffer);
  setUint64(view, 0, state.truncatedTo);
  setUint64(view, 8, state.end);
  body.set(name, 16);
  return body;
}

export function parseChannelBody(header: RecordHeader, body: Uint8Array): ChannelState | null {
  if (body.byteLength < 16) return null;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return {
    id: header.channel,
    name: new TextDecoder().decode(body.subarray(16)),
    term: header.term,
    truncatedTo: getUint64(view, 0),
    end: getUint64(view, 8),
  };
}
