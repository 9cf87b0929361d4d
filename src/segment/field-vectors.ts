/**
 * The vectors of one field of one segment, in the kernel: dense and sparse ones behind one face.
 *
 * Always true: they are as many as were appended, null rows included (zeros, or nothing), and never change; who made them closes them.
 */

import { assert, present } from "../base/assert.ts";
import type { Handle, HashBits, Kernel, SearchHits } from "../kernel/kernel.ts";
import { type RowLayout, bytesPerRow, layoutOf } from "../kernel/layout.ts";
import type { Bitset } from "../model/bitset.ts";
import type { Column } from "../model/columns.ts";
import { type QueryVectors, isSparseQueries } from "../model/queries.ts";
import type { FieldSchema } from "../model/schema.ts";
import type { DataType, Metric } from "../model/types.ts";
import { type VectorValues, vectorStride } from "../model/vectors.ts";
import { takeVectors } from "./take-vectors.ts";

/** One exact search; the terms are those of `ExactSearch`. */
export interface VectorAsk {
  readonly queries: QueryVectors;
  readonly rowCount: number;
  readonly metric: Metric;
  readonly k: number;
  readonly allowed: Bitset | null;
  readonly rank: Uint32Array | null;
  readonly range: { readonly outer: number; readonly inner: number | null } | null;
  readonly hashBits?: HashBits;
}

export interface FieldVectors {
  readonly rowCount: number;
  /** Bytes that the vectors occupy: memory, or those of a mapped file. */
  readonly residentBytes: number;
  /** Bytes of the vectors themselves. */
  readonly rawBytes: number;
  /** Rows of a column that `append` copies in a few milliseconds. */
  readonly stepRows: number;
  /** Rows `[from, to)` of the column behind the last row. */
  append(column: Column, from: number, to: number): void;
  search(ask: VectorAsk, signal?: AbortSignal): Promise<SearchHits>;
  /** `valid` as in `takeVectors`. */
  take(rows: Uint32Array, valid: Uint8Array | null, pause?: (() => Promise<void>) | null): Promise<Column>;
  close(): void;
}

/** 2 MiB: copying so much into memory that was never touched takes a few milliseconds. */
const PIECE_BYTES = 1 << 21;

export function fieldLayout(field: Pick<FieldSchema, "dataType" | "dimension">): RowLayout {
  return present(layoutOf(field.dataType, field.dimension), "layout of a dense vector");
}

/** None yet. */
export function createFieldVectors(kernel: Kernel, field: FieldSchema): FieldVectors {
  return new DenseVectors(kernel, field.dataType, kernel.createRows(fieldLayout(field)));
}

export class DenseVectors implements FieldVectors {
  readonly rows: Handle;
  readonly stepRows: number;
  readonly #kernel: Kernel;
  readonly #type: DataType;
  readonly #layout: RowLayout;

  /** Takes the handle over. */
  constructor(kernel: Kernel, type: DataType, rows: Handle) {
    this.#kernel = kernel;
    this.#type = type;
    this.rows = rows;
    this.#layout = kernel.layoutOfRows(rows);
    this.stepRows = Math.max(1, Math.floor(PIECE_BYTES / bytesPerRow(this.#layout)));
  }

  get rowCount(): number {
    return this.#kernel.rowCount(this.rows);
  }

  get residentBytes(): number {
    return this.#kernel.residentBytes(this.rows);
  }

  get rawBytes(): number {
    return this.rowCount * bytesPerRow(this.#layout);
  }

  append(column: Column, from: number, to: number): void {
    const { dimension } = this.#layout;
    assert(
      column.kind === "vector" && column.type === this.#type && column.dimension === dimension,
      "vectors have the field's type and dimension",
    );
    const stride = vectorStride(this.#type, dimension);
    this.#kernel.appendRows(this.rows, column.values.subarray(from * stride, to * stride));
  }

  search(ask: VectorAsk, signal?: AbortSignal): Promise<SearchHits> {
    assert(!isSparseQueries(ask.queries), "dense vectors are asked for dense ones");
    const queries: VectorValues = ask.queries;
    return this.#kernel.exactSearch({ ...ask, rows: this.rows, queries }, signal);
  }

  take(rows: Uint32Array, valid: Uint8Array | null, pause: (() => Promise<void>) | null = null): Promise<Column> {
    const field = { dataType: this.#type, dimension: this.#layout.dimension };
    return takeVectors(this.#kernel, this.rows, field, valid, rows, pause);
  }

  close(): void {
    this.#kernel.close(this.rows);
  }
}
