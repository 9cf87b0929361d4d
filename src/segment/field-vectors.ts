/**
 * The vectors of one field of one segment, in the kernel: dense and sparse ones behind one face.
 *
 * Always true: they are as many as were appended, null rows included (zeros, or nothing), and never change; who made them closes them.
 */

import { assert, present } from "../base/assert.ts";
import type { IndexSearch, SearchParameters } from "../kernel/index-kernel.ts";
import type { Handle, HashBits, Kernel, SearchHits } from "../kernel/kernel.ts";
import { type RowLayout, type RowValues, bytesPerRow, layoutOf } from "../kernel/layout.ts";
import type { Bitset } from "../model/bitset.ts";
import { type BytesColumn, type Column, concatColumns } from "../model/columns.ts";
import type { SparseEntries, SparseKernel } from "../kernel/sparse-kernel.ts";
import { type QueryVectors, isListQueries, isSparseQueries } from "../model/queries.ts";
import type { FieldSchema } from "../model/schema.ts";
import { DataType, Metric } from "../model/types.ts";
import { SPARSE_PAIR_BYTES } from "../model/sparse.ts";
import { vectorStride } from "../model/vectors.ts";
import { takeVectors } from "./take-vectors.ts";

/** One exact search; the terms are those of `ExactSearch`. */
export interface VectorAsk {
  readonly queries: QueryVectors;
  readonly queryCount: number;
  readonly rowCount: number;
  readonly metric: Metric;
  readonly k: number;
  readonly allowed: Bitset | null;
  readonly rank: Uint32Array | null;
  readonly range: { readonly outer: number; readonly inner: number | null } | null;
  readonly hashBits?: HashBits;
  readonly bands?: number;
  /** As of the search. */
  readonly isUnfiltered?: boolean;
}

/** The same, asked of an index over the vectors; `alone` where its work is told. */
export function indexSearch(
  index: Handle,
  { queries, k, allowed, rank, range, isUnfiltered = false }: VectorAsk,
  parameters: SearchParameters,
  alone: boolean,
): IndexSearch<RowValues | SparseEntries> {
  assert(!isListQueries(queries), "an index has vectors, and no lists of them");
  return {
    index,
    queries,
    k,
    parameters,
    allowed,
    rank,
    range,
    timeLimitMicroseconds: null,
    isUnfiltered,
    alone,
  };
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
    const { queries } = ask;
    assert(!isSparseQueries(queries) && !isListQueries(queries), "dense vectors are asked for dense ones");
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

/** Rows of a sparse column that are appended, and indexed, in a few milliseconds. */
const SPARSE_STEP_ROWS = 256;

export class SparseVectors implements FieldVectors {
  readonly stepRows = SPARSE_STEP_ROWS;
  readonly #kernel: SparseKernel;
  readonly rows: Handle;

  constructor(kernel: SparseKernel, { lists } = { lists: true }) {
    this.#kernel = kernel;
    this.rows = kernel.create({ lists });
  }

  /** There are packed lists now, through which searches go. */
  dropLists(): void {
    this.#kernel.dropLists(this.rows);
  }

  get rowCount(): number {
    return this.#kernel.rowCount(this.rows);
  }

  get residentBytes(): number {
    return this.#kernel.residentBytes(this.rows);
  }

  get rawBytes(): number {
    return this.#kernel.pairCount(this.rows) * SPARSE_PAIR_BYTES;
  }

  append(column: Column, from: number, to: number): void {
    assert(column.kind === "bytes" && column.type === DataType.SparseFloatVector, "the column holds sparse vectors");
    this.#kernel.append(this.rows, { offsets: column.offsets.subarray(from, to + 1), bytes: column.bytes });
  }

  search(ask: VectorAsk, signal?: AbortSignal): Promise<SearchHits> {
    assert(isSparseQueries(ask.queries), "sparse vectors are asked for sparse ones");
    assert(ask.metric === Metric.IP, "sparse vectors are compared by inner product");
    const { rowCount, queries, k, allowed, rank, range } = ask;
    return this.#kernel.search({ sparse: this.rows, rowCount, queries, k, allowed, rank, range }, signal);
  }

  async take(
    rows: Uint32Array,
    valid: Uint8Array | null,
    pause: (() => Promise<void>) | null = null,
  ): Promise<BytesColumn> {
    const step = pause === null ? Math.max(1, rows.length) : SPARSE_STEP_ROWS;
    const parts: BytesColumn[] = [];
    for (let at = 0; at === 0 || at < rows.length; at += step) {
      if (at > 0) await pause?.();
      const { offsets, bytes } = this.#kernel.gather(this.rows, rows.subarray(at, at + step));
      parts.push({ kind: "bytes", type: DataType.SparseFloatVector, offsets, bytes, valid: null });
    }
    const taken = valid === null ? null : Uint8Array.from(rows, (row) => valid[row]!);
    return { ...(concatColumns(parts) as BytesColumn), valid: taken };
  }

  close(): void {
    this.#kernel.close(this.rows);
  }
}
