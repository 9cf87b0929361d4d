/**
 * The arrays of vectors of one field of one segment: the vectors of all rows end to end in the kernel, and where each row's are.
 *
 * Always true: row `i` has the vectors from `ends[i]` to `ends[i + 1]`; a null row has none.
 */

import { assert, present } from "../base/assert.ts";
import type { Handle, Kernel, SearchHits } from "../kernel/kernel.ts";
import { type RowLayout, bytesPerRow, layoutOf } from "../kernel/layout.ts";
import type { ArrayColumn, Column } from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { isListQueries, isSparseQueries } from "../model/queries.ts";
import { DataType, LIST_METRICS } from "../model/types.ts";
import { vectorStride } from "../model/vectors.ts";
import type { FieldVectors, VectorAsk } from "./field-vectors.ts";
import { grownCapacity } from "./growable-column.ts";
import { takeVectors } from "./take-vectors.ts";

/** So many rows are copied in a few milliseconds unless their arrays are huge. */
const STEP_BYTES = 1 << 21;
const USUAL_VECTORS = 16;
const FIRST_ROWS = 256;

export class VectorLists implements FieldVectors {
  /** The vectors. */
  readonly rows: Handle;
  readonly stepRows: number;
  readonly #kernel: Kernel;
  readonly #elementType: DataType;
  readonly #layout: RowLayout;
  #ends: Uint32Array = new Uint32Array(1);
  #rowCount = 0;

  constructor(kernel: Kernel, { elementType, dimension }: Pick<FieldSchema, "elementType" | "dimension">) {
    this.#kernel = kernel;
    this.#elementType = elementType;
    this.#layout = present(layoutOf(elementType, dimension), "layout of a dense vector");
    this.rows = kernel.createRows(this.#layout);
    this.stepRows = Math.max(1, Math.floor(STEP_BYTES / (bytesPerRow(this.#layout) * USUAL_VECTORS)));
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get residentBytes(): number {
    return this.#kernel.residentBytes(this.rows) + this.#ends.byteLength;
  }

  get rawBytes(): number {
    return this.#kernel.rowCount(this.rows) * bytesPerRow(this.#layout) + this.#rowCount * 4;
  }

  /** Of the first `rowCount` rows, one more than rows. What was given stays as it was. */
  ends(rowCount: number): Uint32Array {
    return this.#ends.subarray(0, rowCount + 1);
  }

  append(column: Column, from: number, to: number): void {
    assert(column.kind === "array" && column.elementType === this.#elementType, "arrays of the field's vectors");
    const { offsets, elements } = column;
    const { dimension } = this.#layout;
    assert(elements.kind === "vector" && elements.dimension === dimension, "vectors have the field's dimension");
    const rowCount = this.#rowCount + to - from;
    if (this.#ends.length < rowCount + 1) {
      const grown = new Uint32Array(grownCapacity(this.#ends.length, rowCount + 1, FIRST_ROWS));
      grown.set(this.#ends.subarray(0, this.#rowCount + 1));
      this.#ends = grown;
    }
    const start = this.#ends[this.#rowCount]!;
    assert(start === this.#kernel.rowCount(this.rows), "the vectors of all rows lie end to end");
    const stride = vectorStride(this.#elementType, dimension);
    const own = elements.values.subarray(offsets[from]! * stride, offsets[to]! * stride);
    if (own.length > 0) this.#kernel.appendRows(this.rows, own);
    for (let row = from; row < to; row += 1) {
      this.#ends[this.#rowCount + row - from + 1] = start + offsets[row + 1]! - offsets[from]!;
    }
    this.#rowCount = rowCount;
  }

  search(ask: VectorAsk, signal?: AbortSignal): Promise<SearchHits> {
    const { queries, rowCount, k, allowed, rank, range } = ask;
    assert(isListQueries(queries), "lists are asked for lists");
    assert(range === null, "lists are not searched in a ring");
    const { elements, offsets } = queries;
    assert(elements.kind === "vector", "lists of vectors");
    const metric = present(LIST_METRICS[ask.metric], "a metric of lists");
    return this.#kernel.listSearch(
      {
        rows: this.rows,
        ends: this.ends(rowCount),
        queries: elements.values,
        queryEnds: offsets,
        metric,
        k,
        allowed,
        rank,
      },
      signal,
    );
  }

  /** As if each vector of the arrays were a row. */
  searchElements(ask: VectorAsk, signal?: AbortSignal): Promise<SearchHits> {
    const { queries } = ask;
    assert(!isSparseQueries(queries) && !isListQueries(queries), "elements are asked for dense vectors");
    return this.#kernel.exactSearch({ ...ask, rows: this.rows, queries }, signal);
  }

  async take(
    rows: Uint32Array,
    valid: Uint8Array | null,
    pause: (() => Promise<void>) | null = null,
  ): Promise<ArrayColumn> {
    const offsets = new Uint32Array(rows.length + 1);
    for (let at = 0; at < rows.length; at += 1) {
      const row = rows[at]!;
      offsets[at + 1] = offsets[at]! + this.#ends[row + 1]! - this.#ends[row]!;
    }
    const numbers = new Uint32Array(offsets[rows.length]!);
    for (let at = 0; at < rows.length; at += 1) {
      const shift = this.#ends[rows[at]!]! - offsets[at]!;
      for (let element = offsets[at]!; element < offsets[at + 1]!; element += 1) numbers[element] = element + shift;
    }
    const field = { dataType: this.#elementType, dimension: this.#layout.dimension };
    const elements = await takeVectors(this.#kernel, this.rows, field, null, numbers, pause);
    const taken = valid === null ? null : Uint8Array.from(rows, (row) => valid[row]!);
    const { type: elementType } = elements;
    return { kind: "array", type: DataType.ArrayOfVector, elementType, offsets, elements, valid: taken };
  }

  close(): void {
    this.#kernel.close(this.rows);
  }
}
