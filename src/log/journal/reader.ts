/**
 * Reads the records of one channel from the journal's files, from a position on.
 *
 * Always true: only durable records, verified, in order, none left out; memory is one window and one record, however slow the consumer.
 */

import { open, type FileHandle } from "node:fs/promises";
import { assert } from "../../base/assert.ts";
import { Truncated, type LogRecord, type ReadOptions } from "../log.ts";
import { markBefore, type Catalog, type JournalChannel } from "./catalog.ts";
import { DATA, RECORD_HEADER_BYTES, checksumMatches, parseRecordHeader, recordBytes } from "./format.ts";
import { damaged, type RecoveredFile } from "./recover.ts";

const WINDOW_BYTES = 256 * 1024;

export class ChannelReader {
  readonly #catalog: Catalog;
  readonly #channel: JournalChannel;
  readonly #mustBeOpen: () => void;
  readonly #follow: boolean;
  readonly #signal: AbortSignal | undefined;
  /** A read that does not follow ends here. */
  readonly #limit: number;
  #next: number;

  constructor(catalog: Catalog, channel: JournalChannel, options: ReadOptions, mustBeOpen: () => void) {
    this.#catalog = catalog;
    this.#channel = channel;
    this.#mustBeOpen = mustBeOpen;
    this.#follow = options.follow === true;
    this.#signal = options.signal;
    this.#limit = channel.end;
    this.#next = options.from === undefined ? channel.truncatedTo : Number(options.from);
  }

  async *records(): AsyncGenerator<LogRecord> {
    for (;;) {
      if (this.#signal?.aborted) return;
      this.#check();
      if (!this.#follow && this.#next >= this.#limit) return;
      const file = this.#catalog.fileFor(this.#channel, this.#next);
      if (file !== null) yield* this.#recordsOf(file);
      else if (this.#follow) await this.#channel.changed(this.#signal);
      else return;
    }
  }

  #check(): void {
    this.#mustBeOpen();
    const { name, truncatedTo } = this.#channel;
    if (this.#next < truncatedTo) {
      throw new Truncated(`channel ${name} begins at ${truncatedTo}; position ${this.#next} is gone`);
    }
  }

  /** Records of one file, until the file has no more of this channel for now. */
  async *#recordsOf(file: RecoveredFile): AsyncGenerator<LogRecord> {
    const path = this.#catalog.pathOf(file);
    const handle = await open(path, "r").catch((failure: unknown) => {
      // A file goes only after its records were truncated, which is the better answer.
      this.#check();
      throw damaged(path, 0, `it cannot be read (${String(failure)})`);
    });
    try {
      this.#check();
      const window = new AsyncWindow(handle, path);
      let offset = markBefore(file, this.#next) - file.firstPosition;
      for (;;) {
        const last = file.lastByChannel.get(this.#channel.id) ?? -1;
        if (this.#next > last) {
          // At the end of what is durable the open file is kept for the next records, if they come to it.
          if (!this.#follow || this.#catalog.files.at(-1) !== file) return;
          await this.#channel.changed(this.#signal);
          if (this.#signal?.aborted) return;
          this.#check();
          continue;
        }
        const end = this.#catalog.endOf(file) - file.firstPosition;
        const record = this.#parse(file, window, offset, end);
        if (typeof record === "number") {
          await window.load(offset, record, end);
          if (this.#signal?.aborted) return;
          this.#check();
          continue;
        }
        offset = record.after;
        if (record.body === null) continue;
        if (!this.#follow && record.position >= this.#limit) {
          this.#next = this.#limit;
          return;
        }
        this.#next = record.position + 1;
        yield { position: BigInt(record.position), term: record.term, body: record.body };
        if (this.#signal?.aborted) return;
        this.#check();
      }
    } finally {
      await handle.close();
    }
  }

  /** The record at `offset`, its body null when it is not wanted; or how many bytes must be loaded first. */
  #parse(
    file: RecoveredFile,
    window: AsyncWindow,
    offset: number,
    end: number,
  ): number | { position: number; term: bigint; body: Uint8Array | null; after: number } {
    if (offset + RECORD_HEADER_BYTES > end) throw damaged(window.path, offset, "the record is longer than the log");
    const head = window.at(offset, RECORD_HEADER_BYTES);
    if (head === null) return RECORD_HEADER_BYTES;
    const header = parseRecordHeader(new DataView(head.buffer, head.byteOffset, head.byteLength), 0);
    if (header === null || header.position !== file.firstPosition + offset) {
      throw damaged(window.path, offset, "no record header where one must be");
    }
    const { position, term, bodyBytes } = header;
    const total = recordBytes(bodyBytes);
    const after = offset + total;
    if (after > end) throw damaged(window.path, offset, "the record is longer than the log");
    const isWanted = header.kind === DATA && header.channel === this.#channel.id && position >= this.#next;
    if (!isWanted) return { position, term, body: null, after };
    const record = window.at(offset, total);
    if (record === null) return total;
    if (!checksumMatches(record, header)) {
      throw damaged(window.path, offset, "the checksum of the record does not match");
    }
    const bodyEnd = RECORD_HEADER_BYTES + bodyBytes;
    if (total <= WINDOW_BYTES) return { position, term, body: record.slice(RECORD_HEADER_BYTES, bodyEnd), after };
    window.giveAway();
    return { position, term, body: record.subarray(RECORD_HEADER_BYTES, bodyEnd), after };
  }
}

class AsyncWindow {
  readonly path: string;
  readonly #handle: FileHandle;
  #buffer = new Uint8Array(0);
  #start = 0;
  #bytes = 0;

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.path = path;
  }

  /** The bytes `[offset, offset + count)`, valid until the next load; null when they are not here. */
  at(offset: number, count: number): Uint8Array | null {
    if (offset < this.#start || offset + count > this.#start + this.#bytes) return null;
    const from = offset - this.#start;
    return this.#buffer.subarray(from, from + count);
  }

  /** Loads at least `count` bytes from `offset` on, and nothing at or behind `end`. */
  async load(offset: number, count: number, end: number): Promise<void> {
    assert(offset + count <= end, "only what is durable is read");
    const wanted = Math.min(Math.max(count, WINDOW_BYTES), end - offset);
    if (this.#buffer.byteLength < wanted) this.#buffer = new Uint8Array(Math.max(wanted, WINDOW_BYTES));
    this.#start = offset;
    this.#bytes = 0;
    while (this.#bytes < wanted) {
      const at = offset + this.#bytes;
      const { bytesRead } = await this.#handle.read(this.#buffer, this.#bytes, wanted - this.#bytes, at);
      if (bytesRead === 0) throw damaged(this.path, at, "the file is shorter than the log");
      this.#bytes += bytesRead;
    }
  }

  /** The loaded bytes belong to somebody else now. */
  giveAway(): void {
    this.#buffer = new Uint8Array(0);
    this.#bytes = 0;
  }
}
