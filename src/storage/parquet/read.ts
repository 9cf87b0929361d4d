/**
 * Reads columns back from a file that `writeColumnFile` made.
 *
 * Always true:
 *  - nothing is decoded before the size and the CRC-32 of the whole file were found right;
 *  - a file whose parts do not fit together is a `DataIntegrity` error that names the file, never a crash or a short column;
 *  - pages are decoded straight into typed arrays; the event loop is left alone between pages.
 *
 * Not here: Parquet files of other writers (bulk import has its own reader).
 */

import { type FileMetaData, parquetMetadata } from "hyparquet";
import type { Runtime } from "../../base/host/runtime.ts";
import { assert } from "../../base/assert.ts";
import type { Column, VectorColumn } from "../../model/columns.ts";
import { bytesOfVectors, vectorRowBytes, vectorStride, vectorValues } from "../../model/vectors.ts";
import type { ObjectStore } from "../../objectstore/objectstore.ts";
import { decodeFile, readChecked, streamChecked } from "../checked-read.ts";
import { Pace } from "../pace.ts";
import { ColumnDecoder } from "./decode.ts";
import { ListDecoder } from "./lists.ts";
import { type FileField, isList } from "./physical.ts";
import { chunksOf, readPage } from "./pages.ts";
import type { ColumnFile } from "./write.ts";

/** The columns of `fields`, each of which the file must have. */
export async function readColumnFile(
  store: ObjectStore,
  runtime: Runtime,
  file: ColumnFile,
  fields: readonly FileField[],
): Promise<Map<bigint, Column>> {
  for (const field of fields) assert(file.fieldIds.includes(field.fieldId), "the file has the field that is read");
  const bytes = await readChecked(store, runtime, file);
  const metadata = decodeFile(file.key, () => parquetMetadata(bytes, { geoparquet: false }));
  const pace = new Pace(runtime);
  const columns = new Map<bigint, Column>();
  for (const field of fields) columns.set(field.fieldId, await readColumn(file, bytes, metadata, field, pace));
  return columns;
}

/** Vectors without nulls go from the store to their place; there is no second copy of the file. */
export async function readVectorFile(
  store: ObjectStore,
  runtime: Runtime,
  file: ColumnFile,
  field: FileField,
): Promise<VectorColumn> {
  if (file.vectors.some((extent) => extent.storedRows !== extent.rowCount)) {
    const column = (await readColumnFile(store, runtime, file, [field])).get(field.fieldId);
    assert(column?.kind === "vector", "a vector's file holds vectors");
    return column;
  }
  const { dataType: type, dimension } = field;
  const rowBytes = vectorRowBytes(type, dimension);
  const values = vectorValues(type, file.rowCount * vectorStride(type, dimension));
  const target = bytesOfVectors(values);
  await streamChecked(store, runtime, file, (piece, offset) => {
    for (const extent of file.vectors) {
      const from = Math.max(offset, extent.offset);
      const to = Math.min(offset + piece.byteLength, extent.offset + extent.rowCount * rowBytes);
      if (from >= to) continue;
      target.set(piece.subarray(from - offset, to - offset), extent.firstRow * rowBytes + from - extent.offset);
    }
  });
  return { kind: "vector", type, dimension, values, valid: null };
}

async function readColumn(
  file: ColumnFile,
  bytes: Uint8Array,
  metadata: FileMetaData,
  field: FileField,
  pace: Pace,
): Promise<Column> {
  const chunks = decodeFile(file.key, () => chunksOf(metadata, field));
  const plainBytes = chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
  const entryCount = chunks.reduce((sum, chunk) => sum + chunk.entryCount, 0);
  const decoder = decodeFile(file.key, () =>
    isList(field)
      ? new ListDecoder(field, file.rowCount, entryCount, plainBytes)
      : new ColumnDecoder(field, file.rowCount, plainBytes),
  );
  for (const chunk of chunks) {
    let offset = chunk.offset;
    for (let entries = 0; entries < chunk.entryCount;) {
      const page = decodeFile(file.key, () => readPage(bytes, 0, offset, chunk));
      decodeFile(file.key, () => decoder.page(page.body, page.entryCount));
      entries += page.entryCount;
      offset = page.end;
      await pace.pause();
    }
  }
  return decodeFile(file.key, () => decoder.finish());
}
