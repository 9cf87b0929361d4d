/**
 * The fields of a growing segment: scalars in arrays that grow, vectors in the kernel.
 *
 * Always true: vectors of a field that is dropped stay until the segment is closed, as somebody may be searching them.
 *
 * Not here: when rows come and who sees them (`growing.ts`).
 */

import type { Kernel } from "../kernel/kernel.ts";
import { type FieldSchema, ROW_ID_FIELD } from "../model/schema.ts";
import { DataType, isVectorType } from "../model/types.ts";
import { absentColumn } from "./absent-column.ts";
import { createFieldVectors } from "./create-field-vectors.ts";
import type { FieldVectors } from "./field-vectors.ts";
import { type GrowableColumn, growableColumn, GrowableFixed, GrowableValidity } from "./growable-column.ts";

export interface GrowingVectors {
  readonly type: DataType;
  readonly vectors: FieldVectors;
  readonly valid: GrowableValidity;
}

export class GrowingFields {
  /** Row ids among them. */
  readonly scalars = new Map<bigint, GrowableColumn>();
  readonly vectors = new Map<bigint, GrowingVectors>();
  readonly #dropped: FieldVectors[] = [];
  readonly #kernel: Kernel;

  constructor(kernel: Kernel, fields: readonly FieldSchema[]) {
    this.#kernel = kernel;
    this.scalars.set(ROW_ID_FIELD, new GrowableFixed(DataType.Int64));
    for (const field of fields) this.#add(field);
  }

  /** Bytes of the rows themselves. */
  get rawBytes(): number {
    let bytes = 0;
    for (const column of this.scalars.values()) bytes += column.rawBytes;
    for (const { vectors, valid } of this.vectors.values()) bytes += vectors.rawBytes + valid.rawBytes;
    return bytes;
  }

  get scalarMemoryBytes(): number {
    let bytes = 0;
    for (const column of this.scalars.values()) bytes += column.memoryBytes;
    return bytes;
  }

  /** Not after `close`. */
  get vectorMemoryBytes(): number {
    let bytes = 0;
    for (const { vectors, valid } of this.vectors.values()) bytes += vectors.residentBytes + valid.memoryBytes;
    for (const vectors of this.#dropped) bytes += vectors.residentBytes;
    return bytes;
  }

  /** Of each scalar without a width of its own: what a row takes. */
  averageBytes(rowCount: number): Map<bigint, number> {
    const averages = new Map<bigint, number>();
    for (const [fieldId, column] of this.scalars) {
      if (!(column instanceof GrowableFixed)) averages.set(fieldId, column.rawBytes / Math.max(1, rowCount) - 4);
    }
    return averages;
  }

  /** A field that the rows here were written without: they have its default, or null. */
  adopt(field: FieldSchema, rowCount: number): void {
    this.#add(field);
    const absent = absentColumn(field, rowCount);
    const vector = this.vectors.get(field.fieldId);
    if (vector === undefined) this.scalars.get(field.fieldId)!.append(absent);
    else if (rowCount > 0) {
      vector.vectors.append(absent, 0, rowCount);
      vector.valid.append(absent.valid, rowCount);
    }
  }

  drop(fieldId: bigint): void {
    this.scalars.delete(fieldId);
    const vector = this.vectors.get(fieldId);
    if (vector === undefined) return;
    this.vectors.delete(fieldId);
    this.#dropped.push(vector.vectors);
  }

  close(): void {
    for (const { vectors } of this.vectors.values()) vectors.close();
    for (const vectors of this.#dropped) vectors.close();
  }

  #add(field: FieldSchema): void {
    if (isVectorType(field.dataType)) {
      const vectors = createFieldVectors(this.#kernel, field);
      this.vectors.set(field.fieldId, { type: field.dataType, vectors, valid: new GrowableValidity() });
      return;
    }
    this.scalars.set(field.fieldId, growableColumn(field));
  }
}
