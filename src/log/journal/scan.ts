/**
 * Walks the records of one journal file from the front and says where and why it stopped.
 *
 * Always true: a yielded record has its right position and checksum. Bounded memory: one window, as large as the largest record.
 *
 * Not here: what a stop means (a torn tail or damage), which depends on the other files: `recover.ts`.
 */

import type { JournalFiles } from "./files.ts";
import { FILE_HEADER_BYTES, RECORD_HEADER_BYTES, checksumMatches, parseRecordHeader, recordBytes } from "./format.ts";
import type { RecordHeader } from "./format.ts";

const WINDOW_BYTES = 1024 * 1024;

export interface ScannedRecord {
  readonly offset: number;
  readonly header: RecordHeader;
  /** Valid until the next step. */
  readonly body: Uint8Array;
}

export interface ScanEnd {
  /** Where the next record would be. */
  readonly offset: number;
  /** Null when only zeros or the end of the file follow directly. */
  readonly problem: string | null;
}

/** A sliding view of a file. */
export class FileWindow {
  readonly fileBytes: number;
  readonly #files: JournalFiles;
  readonly #file: number;
  #buffer = new Uint8Array(WINDOW_BYTES);
  #start = 0;
  #bytes = 0;

  constructor(files: JournalFiles, file: number) {
    this.#files = files;
    this.#file = file;
    this.fileBytes = files.size(file);
  }

  /** The bytes `[offset, offset + count)`, valid until the next call; fewer at the end of the file. */
  at(offset: number, count: number): Uint8Array {
    if (offset < this.#start || offset + count > this.#start + this.#bytes) {
      if (count > this.#buffer.byteLength) this.#buffer = new Uint8Array(count + WINDOW_BYTES);
      this.#start = offset;
      this.#bytes = this.#files.read(this.#file, this.#buffer, offset);
    }
    const from = offset - this.#start;
    return this.#buffer.subarray(from, Math.min(from + count, this.#bytes));
  }
}

/** The record at `offset` if all of it is there and its checksum matches; otherwise what is wrong, or null for zeros. */
export function recordAt(window: FileWindow, offset: number): ScannedRecord | string | null {
  const head = window.at(offset, RECORD_HEADER_BYTES);
  if (head.byteLength < RECORD_HEADER_BYTES)
    return head.some((byte) => byte !== 0) ? "the file ends in a record" : null;
  const header = parseRecordHeader(new DataView(head.buffer, head.byteOffset, head.byteLength), 0);
  if (header === null) return head.some((byte) => byte !== 0) ? "no record header where one must be" : null;
  const total = recordBytes(header.bodyBytes);
  if (offset + total > window.fileBytes) return "the record is longer than the file";
  const record = window.at(offset, total);
  if (record.byteLength < total) return "the file ends in a record";
  if (!checksumMatches(record, header)) return "the checksum of the record does not match";
  return {
    offset,
    header,
    body: record.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + header.bodyBytes),
  };
}

export function* scanRecords(
  window: FileWindow,
  firstPosition: number,
  from = FILE_HEADER_BYTES,
): Generator<ScannedRecord, ScanEnd> {
  for (let offset = from; ;) {
    if (offset >= window.fileBytes) return { offset, problem: null };
    const record = recordAt(window, offset);
    if (record === null) return { offset, problem: null };
    if (typeof record === "string") return { offset, problem: record };
    if (record.header.position !== firstPosition + offset) {
      return { offset, problem: `the record says position ${record.header.position}` };
    }
    yield record;
    offset += recordBytes(record.header.bodyBytes);
  }
}

/**
 * Every valid record at or after `from`, wherever it starts: to learn whether anything lives behind a place where a scan stopped.
 * Where the position of the file is not known (its header is damaged) any position will do.
 */
export function* validRecordsFrom(
  window: FileWindow,
  from: number,
  firstPosition: number | null,
): Generator<ScannedRecord> {
  for (let offset = from; offset + RECORD_HEADER_BYTES <= window.fileBytes;) {
    const record = recordAt(window, offset);
    if (
      record !== null &&
      typeof record !== "string" &&
      record.header.position >= offset &&
      (firstPosition === null || record.header.position === firstPosition + offset)
    ) {
      yield record;
      offset += recordBytes(record.header.bodyBytes);
    } else {
      offset += 8;
    }
  }
}

/** End of the last byte that is not zero, at least `from`. */
export function endOfBytes(window: FileWindow, from: number): number {
  let end = from;
  for (let offset = from; offset < window.fileBytes; offset += WINDOW_BYTES) {
    const chunk = window.at(offset, Math.min(WINDOW_BYTES, window.fileBytes - offset));
    for (let index = chunk.byteLength - 1; index >= 0; index--) {
      if (chunk[index] !== 0) {
        end = offset + index + 1;
        break;
      }
    }
  }
  return end;
}
