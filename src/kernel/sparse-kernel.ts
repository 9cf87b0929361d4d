/**
 * The kernel's sparse vectors: rows that grow, an inverted index over them, and exact search by inner product.
 *
 * A score is the float32 sum of the float32 products, in ascending order of the index: the same bits from both kernels, whatever the index
 * makes of the search. Only rows with a score above 0 are hits: a row that shares nothing with the query is none.
 *
 * Always true: what `kernel.ts` says of handles, searches and results; entries are those of `model/sparse.ts`, and refused otherwise.
 */

import type { Bitset } from "../model/bitset.ts";

/** As those of rows. */
export type SparseHandle = number;

/** As `SearchHits`. */
export interface SparseHits {
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
  readonly tied: Uint8Array;
}

/** Entries end to end; the first offset need not be 0. */
export interface SparseEntries {
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
}

export interface SparseSearch {
  readonly sparse: SparseHandle;
  /** Only the first `rowCount` rows are looked at. */
  readonly rowCount: number;
  readonly queries: SparseEntries;
  readonly k: number;
  readonly allowed: Bitset | null;
  /** As in `ExactSearch`. */
  readonly rank: Uint32Array | null;
  /** `outer < score <= inner`. */
  readonly range: { readonly outer: number; readonly inner: number | null } | null;
}

export interface SparseKernel {
  /** Without lists searches score every row that qualifies: for rows that have packed lists (`index-kernel.ts`). With them if it is left out. */
  create(options?: { readonly lists: boolean }): SparseHandle;
  /** Gives the lists up for good. */
  dropLists(sparse: SparseHandle): void;
  /** Copies the rows behind the last one; returns the new row count. One writer at a time; searches may run. */
  append(sparse: SparseHandle, rows: SparseEntries): number;
  rowCount(sparse: SparseHandle): number;
  /** Pairs in all rows. */
  pairCount(sparse: SparseHandle): number;
  residentBytes(sparse: SparseHandle): number;
  /** The rows with these numbers, in that order, copied. */
  gather(sparse: SparseHandle, numbers: Uint32Array): SparseEntries;
  /** Off the calling thread (the twin: in slices on it). */
  search(search: SparseSearch, signal?: AbortSignal): Promise<SparseHits>;
  close(sparse: SparseHandle): void;
}
