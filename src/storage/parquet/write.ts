/**
 * Writes columns as one Parquet file: the file of a column group.
 *
 * Always true:
 *  - scalar columns are zstd pages of about `PAGE_BYTES`; row groups have at most `GROUP_ROWS` rows and about `GROUP_BYTES`;
 *  - a column of dense vectors stands alone in its file and is stored uncompressed, one page a row group, the rows one after the other from
 *    an offset that is a multiple of `VECTOR_ALIGNMENT_BYTES`: the kernel can map them. One row group, unless that would pass 1 GiB;
 *  - memory is bounded by the columns given, a page, and two parts of an upload; the event loop is left alone between slices;
 *  - when it fails, nothing of the file is visible.
 *
 * Not here: which columns share a file (groups), where files lie (keys), what names them (manifest).
 */

import { constants, crc32, zstdCompressSync } from "node:zlib";
import { assert } from "../../base/assert.ts";
import type { Runtime } from "../../base/host/runtime.ts";
import { type BytesColumn, type Column, columnBytes, columnRows } from "../../model/columns.ts";
import type { DataType } from "../../model/types.ts";
import { isDenseVectorType } from "../../model/vectors.ts";
import type { ObjectStore } from "../../objectstore/objectstore.ts";
import type { FileFacts } from "../checked-read.ts";
import { ObjectSink } from "../object-sink.ts";
import { Pace } from "../pace.ts";
import { BoundsFinder } from "./bounds.ts";
import { type RowRange, countPresent, encodeLevels, encodePage, encodeValues } from "./encode.ts";
import { CODEC, type ChunkFacts, MAGIC, type RowGroupFacts, footer, pageHeader } from "./footer.ts";
import { encodeListPage, listPageEnd } from "./lists.ts";
import { type FileField, physicalOf } from "./physical.ts";

const PAGE_BYTES = 512 * 1024;
const PAGE_ROWS = 32_768;
const GROUP_BYTES = 64 * 1024 * 1024;
const GROUP_ROWS = 131_072;
const VECTOR_GROUP_BYTES = 1024 * 1024 * 1024;
const VECTOR_STEP_BYTES = 1024 * 1024;
export const VECTOR_ALIGNMENT_BYTES = 64;
/** Level 3 writes about 300 MB/s here; a page is then two milliseconds. */
const ZSTD_OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** Vectors that lie end to end in a file. */
export interface VectorExtent {
  /** Byte of the first row; a multiple of 64. */
  readonly offset: number;
  /** The first row of the column that this extent answers for, null or not, and how many it does. */
  readonly firstRow: number;
  readonly rowCount: number;
  /** Vectors stored: `rowCount` less the null ones. */
  readonly storedRows: number;
}

export interface ColumnFile extends FileFacts {
  readonly rowCount: number;
  /** Bytes that the columns take in memory. */
  readonly memoryBytes: number;
  readonly fieldIds: readonly bigint[];
  /** Where the vectors lie, if this is the file of a vector. */
  readonly vectors: readonly VectorExtent[];
}

export interface ColumnFileOptions {
  /** Only tests change these. */
  readonly multipartThresholdBytes?: number;
  readonly vectorGroupBytes?: number;
  readonly groupRows?: number;
  readonly pageRows?: number;
}

/** A column that is made while it is written, piece by piece, from the front to the back. */
export interface ColumnPieces {
  readonly type: DataType;
  readonly rowCount: number;
  /** About how many bytes it takes in memory. */
  readonly estimatedBytes: number;
  /** Of dense vectors, which rows have one; null: all, or no vectors. (Of others each piece tells.) */
  readonly valid: Uint8Array | null;
  /** Rows `[from, to)` of the column, as rows of some column. */
  piece(from: number, to: number): Promise<{ readonly column: Column; readonly rows: RowRange }>;
  /** After the last piece: what all of it takes in memory. */
  memoryBytes(): number;
}

export interface WrittenColumns {
  readonly file: ColumnFile;
  /** In the order of the fields. */
  readonly nullCounts: readonly number[];
}

/** A column that is there as a whole. */
export function wholeColumn(column: Column): ColumnPieces {
  return {
    type: column.type,
    rowCount: columnRows(column),
    estimatedBytes: columnBytes(column),
    valid: column.valid,
    piece: async (from, to) => ({ column, rows: { from, to } }),
    memoryBytes: () => columnBytes(column),
  };
}

export async function writeColumnFile(
  store: ObjectStore,
  runtime: Runtime,
  key: string,
  fields: readonly FileField[],
  columns: readonly Column[],
  options: ColumnFileOptions = {},
): Promise<ColumnFile> {
  return (await writeColumnPieces(store, runtime, key, fields, columns.map(wholeColumn), options)).file;
}

export async function writeColumnPieces(
  store: ObjectStore,
  runtime: Runtime,
  key: string,
  fields: readonly FileField[],
  columns: readonly ColumnPieces[],
  options: ColumnFileOptions = {},
): Promise<WrittenColumns> {
  assert(fields.length === columns.length && fields.length > 0, "every field of a file has a column");
  const { rowCount } = columns[0]!;
  assert(
    columns.every((column) => column.rowCount === rowCount),
    "columns of one file have the same rows",
  );
  const pace = new Pace(runtime);
  const sink = new ObjectSink(store, pace, key, options.multipartThresholdBytes);
  try {
    await sink.append(MAGIC);
    const groups: RowGroupFacts[] = [];
    const vectors: VectorExtent[] = [];
    const vector = columns.find(({ type }) => isDenseVectorType(type));
    if (vector !== undefined) {
      assert(columns.length === 1, "a vector has a file of its own");
      await writeVectors(sink, fields[0]!, vector, groups, vectors, options.vectorGroupBytes ?? VECTOR_GROUP_BYTES);
    } else {
      await writeScalars(sink, pace, fields, columns, groups, options);
    }
    await sink.append(footer(fields, groups));
    const written = await sink.finish();
    const memoryBytes = columns.reduce((sum, column) => sum + column.memoryBytes(), 0);
    const fieldIds = fields.map((field) => field.fieldId);
    const nullCounts = fields.map((_, at) => groups.reduce((sum, { chunks }) => sum + chunks[at]!.nullCount, 0));
    return { file: { key, ...written, rowCount, memoryBytes, fieldIds, vectors }, nullCounts };
  } catch (thrown) {
    await sink.abort();
    throw thrown;
  }
}

async function writeScalars(
  sink: ObjectSink,
  pace: Pace,
  fields: readonly FileField[],
  columns: readonly ColumnPieces[],
  groups: RowGroupFacts[],
  options: ColumnFileOptions,
): Promise<void> {
  const { rowCount } = columns[0]!;
  const bytes = columns.reduce((sum, column) => sum + column.estimatedBytes, 0);
  const fitting = Math.max(1, Math.floor((GROUP_BYTES * rowCount) / Math.max(1, bytes)));
  const groupRows = Math.min(options.groupRows ?? GROUP_ROWS, fitting);
  for (let from = 0; from < rowCount; from += groupRows) {
    const to = Math.min(rowCount, from + groupRows);
    const chunks: ChunkFacts[] = [];
    for (let at = 0; at < fields.length; at += 1) {
      const { column, rows } = await columns[at]!.piece(from, to);
      chunks.push(await writeChunk(sink, pace, fields[at]!, column, rows, options.pageRows ?? PAGE_ROWS));
    }
    groups.push({ rowCount: to - from, chunks });
  }
}

async function writeChunk(
  sink: ObjectSink,
  pace: Pace,
  field: FileField,
  column: Column,
  rows: RowRange,
  pageRows: number,
): Promise<ChunkFacts> {
  const firstPageOffset = sink.offset;
  const finder = new BoundsFinder(field, column);
  let plainBytes = 0;
  let entries = 0;
  for (let from = rows.from; from < rows.to;) {
    const page = { from, to: pageEnd(field, column, { from, to: Math.min(rows.to, from + pageRows) }) };
    const { body: plain, entryCount } =
      column.kind === "array"
        ? encodeListPage(field, column, page)
        : { body: encodePage(field, column, page), entryCount: page.to - page.from };
    finder.look(page);
    await pace.pause();
    const stored = zstdCompressSync(plain, ZSTD_OPTIONS);
    entries += entryCount;
    const header = pageHeader({
      entryCount,
      plainBytes: plain.byteLength,
      storedBytes: stored.byteLength,
      crc32: crc32(stored),
    });
    plainBytes += header.byteLength + plain.byteLength;
    await sink.append(header);
    await sink.append(stored);
    await pace.pause();
    from = page.to;
  }
  return {
    field,
    codec: CODEC.zstd,
    entryCount: entries,
    nullCount: rows.to - rows.from - countPresent(column.valid, rows),
    firstPageOffset,
    storedBytes: sink.offset - firstPageOffset,
    plainBytes,
    bounds: finder.bounds(),
  };
}

/** As many rows as make a page; at least one, however long it is. */
function pageEnd(field: FileField, column: Column, rows: RowRange): number {
  if (column.kind === "array") return listPageEnd(column, rows, PAGE_BYTES);
  if (column.kind !== "bytes") {
    const fitting = Math.floor(PAGE_BYTES / Math.max(1, physicalOf(field).width));
    return Math.min(rows.to, rows.from + fitting);
  }
  return bytesPageEnd(column, rows);
}

function bytesPageEnd({ offsets }: BytesColumn, rows: RowRange): number {
  const limit = offsets[rows.from]! + PAGE_BYTES;
  let low = rows.from + 1;
  let high = rows.to;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (offsets[middle]! <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 *   … | zeros up to the header | page header | [levels] | row 0 | row 1 | …
 *                                                      ^ extent offset, a multiple of 64
 */
async function writeVectors(
  sink: ObjectSink,
  field: FileField,
  column: ColumnPieces,
  groups: RowGroupFacts[],
  extents: VectorExtent[],
  groupBytes: number,
): Promise<void> {
  const rowBytes = physicalOf(field).width;
  const { rowCount } = column;
  const groupRows = Math.max(1, Math.floor(groupBytes / rowBytes));
  for (let from = 0; from < rowCount; from += groupRows) {
    const rows = { from, to: Math.min(rowCount, from + groupRows) };
    const storedRows = countPresent(column.valid, rows);
    const levels = encodeLevels(field, column, rows) ?? new Uint8Array(0);
    const plainBytes = levels.byteLength + storedRows * rowBytes;
    const header = pageHeader({ entryCount: rows.to - rows.from, plainBytes, storedBytes: plainBytes, crc32: null });
    const lead = header.byteLength + levels.byteLength;
    await sink.append(new Uint8Array(paddingBefore(sink.offset + lead)));
    const firstPageOffset = sink.offset;
    await sink.append(header);
    await sink.append(levels);
    const offset = sink.offset;
    assert(offset % VECTOR_ALIGNMENT_BYTES === 0, "vectors start at an aligned byte");

    const stepRows = Math.max(1, Math.floor(VECTOR_STEP_BYTES / rowBytes));
    for (let start = rows.from; start < rows.to; start += stepRows) {
      const piece = await column.piece(start, Math.min(rows.to, start + stepRows));
      assert(isOfField(piece.column, field), "a vector column has the dimension of its field");
      await sink.append(encodeValues(piece.column, piece.rows));
    }
    assert(sink.offset === offset + storedRows * rowBytes, "the page has the length that its header says");
    extents.push({ offset, firstRow: from, rowCount: rows.to - rows.from, storedRows });
    const chunk = {
      field,
      codec: CODEC.uncompressed,
      entryCount: rows.to - rows.from,
      nullCount: rows.to - rows.from - storedRows,
      firstPageOffset,
      storedBytes: header.byteLength + plainBytes,
      plainBytes: header.byteLength + plainBytes,
      bounds: null,
    };
    groups.push({ rowCount: rows.to - rows.from, chunks: [chunk] });
  }
}

function isOfField(column: Column, { dataType, dimension }: FileField): boolean {
  return column.kind === "vector" && column.type === dataType && column.dimension === dimension;
}

function paddingBefore(offset: number): number {
  return (VECTOR_ALIGNMENT_BYTES - (offset % VECTOR_ALIGNMENT_BYTES)) % VECTOR_ALIGNMENT_BYTES;
}
