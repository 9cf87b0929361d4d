/**
 * The vectors of one field of a sealed segment: mapped from the file where they can be, else in the kernel.
 *
 * Always true: whoever searches or takes holds `lease`; the vectors are freed when it is closed and the last holder has let go, which
 * may be before the segment is: a field may be dropped while the segment serves.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Handle, Kernel } from "../kernel/kernel.ts";
import { columnRows, type VectorColumn } from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { isDenseVectorType } from "../model/vectors.ts";
import type { SegmentFiles } from "../storage/segment-reader.ts";
import { absentColumn } from "./absent-column.ts";
import { createFieldVectors } from "./create-field-vectors.ts";
import { DenseVectors, type FieldVectors, SparseVectors, fieldLayout } from "./field-vectors.ts";
import { Lease } from "./lease.ts";
import { VectorLists } from "./vector-lists.ts";

/** Dense vectors of one field, in the kernel. */
export interface OpenedRows {
  readonly rows: Handle;
  readonly valid: Uint8Array | null;
  readonly isMapped: boolean;
}

export interface SealedVectors {
  readonly vectors: FieldVectors;
  readonly valid: Uint8Array | null;
  readonly isMapped: boolean;
  readonly lease: Lease;
}

export interface VectorForm {
  /** The segment has rows of the field; otherwise they are its default, or null. */
  readonly isWritten: boolean;
  /** Dense vectors may be mapped. */
  readonly mayMap: boolean;
  /** Sparse ones have no packed lists. */
  readonly lists: boolean;
}

export async function sealedVectors(
  files: SegmentFiles,
  field: FieldSchema,
  { isWritten, mayMap, lists }: VectorForm,
  kernel: Kernel,
  runtime: Runtime,
): Promise<SealedVectors> {
  const held = (vectors: FieldVectors, valid: Uint8Array | null, isMapped: boolean): SealedVectors => ({
    vectors,
    valid,
    isMapped,
    lease: new Lease(files.manifest.segmentId, () => vectors.close()),
  });
  const isDense = isDenseVectorType(field.dataType);
  if (isDense && (mayMap || !isWritten)) {
    const { rows, valid, isMapped } = await openVectors(files, field, isWritten, kernel);
    return held(new DenseVectors(kernel, field.dataType, rows), valid, isMapped);
  }
  const { rowCount } = files.manifest;
  const read = isDense ? files.readVector : files.readScalar;
  const column = isWritten ? await read(field.fieldId) : absentColumn(field, rowCount);
  const vectors = createFieldVectors(kernel, field, { lists });
  try {
    for (let from = 0; from < rowCount; from += vectors.stepRows) {
      if (from > 0) await runtime.yield();
      vectors.append(column, from, Math.min(rowCount, from + vectors.stepRows));
    }
  } catch (thrown) {
    vectors.close();
    throw thrown;
  }
  return held(vectors, column.valid, false);
}

/** The rows that an index of the field is built from, and opened beside; of arrays, their elements. Whoever opens them closes them. */
export async function openIndexedRows(
  files: SegmentFiles,
  field: FieldSchema,
  kernel: Kernel,
  runtime: Runtime,
): Promise<{ readonly rows: Handle; readonly rowCount: number }> {
  const { rowCount } = files.manifest;
  if (isDenseVectorType(field.dataType))
    return { rows: (await openVectors(files, field, true, kernel)).rows, rowCount };
  const form = { isWritten: true, mayMap: false, lists: false };
  const { vectors } = await sealedVectors(files, field, form, kernel, runtime);
  if (vectors instanceof VectorLists) return { rows: vectors.rows, rowCount: kernel.rowCount(vectors.rows) };
  assert(vectors instanceof SparseVectors, "vectors that are neither dense nor in arrays are sparse");
  return { rows: vectors.rows, rowCount };
}

/** Of a dense field. Whoever opens them closes `rows`. */
export async function openVectors(
  files: SegmentFiles,
  field: FieldSchema,
  isWritten: boolean,
  kernel: Kernel,
): Promise<OpenedRows> {
  const { rowCount } = files.manifest;
  const layout = fieldLayout(field);
  if (isWritten) {
    const { path, offset } = await files.vectorLocation(field.fieldId);
    if (path !== null && offset !== null) {
      return { rows: kernel.mapRows(path, offset, rowCount, layout), valid: null, isMapped: true };
    }
  }
  const column = isWritten ? await files.readVector(field.fieldId) : (absentColumn(field, rowCount) as VectorColumn);
  assert(columnRows(column) === rowCount, "a vector column has a place for every row");
  const rows = kernel.createRows(layout);
  kernel.appendRows(rows, column.values);
  return { rows, valid: column.valid, isMapped: false };
}

export function closeAll(vectors: ReadonlyMap<bigint, SealedVectors>): void {
  for (const { lease } of vectors.values()) lease.close();
}
