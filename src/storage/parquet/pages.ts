/**
 * Where the pages of a column lie in a file, and a page out of its bytes.
 *
 * Always true: every length is checked against what holds it before it is believed; what does not fit throws a `RangeError`.
 */

import { constants, zstdDecompressSync } from "node:zlib";
import type { FileMetaData } from "hyparquet";
import { deserializeTCompactProtocol } from "hyparquet/src/thrift.js";
import { present } from "../../base/assert.ts";
import type { FileField } from "./physical.ts";

/** A column's bytes within one row group. */
export interface Chunk {
  readonly offset: number;
  readonly end: number;
  readonly entryCount: number;
  readonly plainBytes: number;
  readonly isCompressed: boolean;
}

export function chunksOf(metadata: FileMetaData, field: FileField): Chunk[] {
  const at = metadata.schema.findIndex((element) => element.field_id === Number(field.fieldId));
  if (at < 0) throw new RangeError(`the file has no field ${field.fieldId}`);
  // Chunks are of leaves; a list is one leaf below two groups.
  const index = metadata.schema.slice(0, at).filter((element) => element.num_children === undefined).length;
  return metadata.row_groups.map((group) => {
    const chunk = present(group.columns[index]?.meta_data, "metadata of a column chunk");
    const offset = Number(chunk.data_page_offset);
    return {
      offset,
      end: offset + Number(chunk.total_compressed_size),
      entryCount: Number(chunk.num_values),
      plainBytes: Number(chunk.total_uncompressed_size),
      isCompressed: chunk.codec === "ZSTD",
    };
  });
}

export interface PageHead {
  /** Of its values. */
  readonly offset: number;
  readonly end: number;
  readonly entryCount: number;
  readonly plainBytes: number;
}

export interface Page {
  readonly body: Uint8Array;
  readonly entryCount: number;
  readonly end: number;
}

/** `bytes` are those of the file from `start` on, and have at least the head of the page at `offset`. */
export function readPageHead(bytes: Uint8Array, start: number, offset: number, chunk: Chunk): PageHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = { view, offset: offset - start };
  const header = deserializeTCompactProtocol(reader);
  const plainBytes: unknown = header.field_2;
  const storedBytes: unknown = header.field_3;
  const entryCount: unknown = (header.field_5 as { field_1?: unknown } | undefined)?.field_1;
  if (!isLength(plainBytes) || !isLength(storedBytes) || !isLength(entryCount) || entryCount === 0) {
    throw new RangeError("a page header has the wrong form");
  }
  const end = start + reader.offset + storedBytes;
  if (end > chunk.end) throw new RangeError("a page ends within its column chunk");
  return { offset: start + reader.offset, end, entryCount, plainBytes };
}

/** `bytes` are those of the file from `start` on, and have the whole page at `offset`. */
export function readPage(bytes: Uint8Array, start: number, offset: number, chunk: Chunk): Page {
  const head = readPageHead(bytes, start, offset, chunk);
  if (head.end - start > bytes.byteLength) throw new RangeError("a page ends within its file");
  const stored = bytes.subarray(head.offset - start, head.end - start);
  const body = chunk.isCompressed ? decompress(stored, head.plainBytes) : stored;
  if (body.byteLength !== head.plainBytes) throw new RangeError("a page has the length that its header says");
  return { body, entryCount: head.entryCount, end: head.end };
}

function decompress(stored: Uint8Array, plainBytes: number): Uint8Array {
  return zstdDecompressSync(stored, {
    maxOutputLength: Math.max(1, plainBytes),
    params: { [constants.ZSTD_d_windowLogMax]: 27 },
  });
}

function isLength(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
