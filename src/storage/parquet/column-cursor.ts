/**
 * A scalar column of a file, read from the front to the back a page at a time.
 *
 * Always true:
 *  - the size and the CRC-32 of the whole file were found right before anything of it is decoded;
 *  - in memory are about `WINDOW_BYTES` of the file and one decoded page; pages of which nothing is taken are not decoded;
 *  - the rows that are taken ascend from call to call.
 *
 * Not here: lists and dense vectors.
 */

import { parquetMetadata } from "hyparquet";
import { assert } from "../../base/assert.ts";
import type { Runtime } from "../../base/host/runtime.ts";
import { type Column, columnRows, concatColumns, takeRows } from "../../model/columns.ts";
import { isDenseVectorType } from "../../model/vectors.ts";
import type { ObjectStore } from "../../objectstore/objectstore.ts";
import { decodeFile, streamChecked } from "../checked-read.ts";
import { ColumnDecoder } from "./decode.ts";
import { type Chunk, chunksOf, type PageHead, readPage, readPageHead } from "./pages.ts";
import { type FileField, isList } from "./physical.ts";
import type { ColumnFile } from "./write.ts";

const WINDOW_BYTES = 1 << 20;
/** "PAR1" and the length of the footer before it. */
const TRAILER_BYTES = 8;

export class ColumnCursor {
  readonly #store: ObjectStore;
  readonly #file: ColumnFile;
  readonly #field: FileField;
  readonly #chunks: readonly Chunk[];
  #chunk = 0;
  /** The next page of the chunk, and how many of its rows come before it. */
  #offset: number;
  #chunkRows = 0;
  /** Bytes of the file from `#windowStart` on. */
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;
  /** The page at hand, from row `#first` on; null before it is needed. */
  #page: Column | null = null;
  #head: PageHead | null = null;
  #first = 0;

  private constructor(store: ObjectStore, file: ColumnFile, field: FileField, chunks: readonly Chunk[]) {
    this.#store = store;
    this.#file = file;
    this.#field = field;
    this.#chunks = chunks;
    this.#offset = chunks[0]?.offset ?? 0;
  }

  static canRead(field: FileField): boolean {
    return !isList(field) && !isDenseVectorType(field.dataType);
  }

  static async open(store: ObjectStore, runtime: Runtime, file: ColumnFile, field: FileField): Promise<ColumnCursor> {
    assert(
      ColumnCursor.canRead(field) && file.fieldIds.includes(field.fieldId),
      "the file has the scalar that is read",
    );
    await streamChecked(store, runtime, file, () => undefined);
    const trailer = await store.get(file.key, { start: file.bytes - TRAILER_BYTES, end: file.bytes });
    const footerBytes = new DataView(trailer.buffer, trailer.byteOffset).getUint32(0, true) + TRAILER_BYTES;
    const footer = await store.get(file.key, { start: Math.max(0, file.bytes - footerBytes), end: file.bytes });
    const chunks = decodeFile(file.key, () => {
      const exact = footer.slice();
      return chunksOf(parquetMetadata(exact.buffer, { geoparquet: false }), field);
    });
    return new ColumnCursor(store, file, field, chunks);
  }

  /** A copy of these rows, ascending and not before those that were taken last. */
  async take(rows: Uint32Array): Promise<Column> {
    const parts: Column[] = [];
    for (let at = 0; at < rows.length;) {
      await this.#reach(rows[at]!);
      const page = (this.#page ??= this.#decode());
      const end = this.#first + columnRows(page);
      let next = at;
      while (next < rows.length && rows[next]! < end) next += 1;
      parts.push(
        takeRows(
          page,
          rows.subarray(at, next).map((row) => row - this.#first),
        ),
      );
      at = next;
    }
    assert(parts.length > 0, "some row is taken");
    return concatColumns(parts);
  }

  /** Goes on to the page that has the row. */
  async #reach(row: number): Promise<void> {
    assert(row >= this.#first, "rows ascend");
    while (this.#head === null || row >= this.#first + this.#head.entryCount) {
      if (this.#head !== null) this.#pass(this.#head);
      while (this.#chunkRows === (this.#chunks[this.#chunk]?.entryCount ?? -1)) {
        this.#chunk += 1;
        this.#chunkRows = 0;
        this.#offset = this.#chunks[this.#chunk]?.offset ?? 0;
      }
      const chunk = this.#chunks[this.#chunk];
      assert(chunk !== undefined, "the file has the row");
      this.#head = await this.#nextHead(chunk);
    }
  }

  #pass({ entryCount, end }: PageHead): void {
    this.#first += entryCount;
    this.#chunkRows += entryCount;
    this.#offset = end;
    this.#head = null;
    this.#page = null;
  }

  /** Its whole page is in the window then. */
  async #nextHead(chunk: Chunk): Promise<PageHead> {
    await this.#load(chunk, WINDOW_BYTES / 4);
    const head = decodeFile(this.#file.key, () => readPageHead(this.#window, this.#windowStart, this.#offset, chunk));
    await this.#load(chunk, head.end - this.#offset);
    return head;
  }

  /** The window has so many bytes from the offset on, or all that the chunk has. */
  async #load(chunk: Chunk, bytes: number): Promise<void> {
    const end = Math.min(chunk.end, this.#offset + bytes);
    if (this.#offset >= this.#windowStart && end <= this.#windowStart + this.#window.byteLength) return;
    const to = Math.min(chunk.end, this.#offset + Math.max(bytes, WINDOW_BYTES));
    this.#window = await this.#store.get(this.#file.key, { start: this.#offset, end: to });
    this.#windowStart = this.#offset;
    assert(this.#window.byteLength === to - this.#offset, "the file is as it was when it was checked");
  }

  #decode(): Column {
    const chunk = this.#chunks[this.#chunk]!;
    return decodeFile(this.#file.key, () => {
      const page = readPage(this.#window, this.#windowStart, this.#offset, chunk);
      const decoder = new ColumnDecoder(this.#field, page.entryCount, page.body.byteLength);
      decoder.page(page.body, page.entryCount);
      return decoder.finish();
    });
  }
}
