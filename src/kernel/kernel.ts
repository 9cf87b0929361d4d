/**
 * The kernel: the only place where numbers are crunched. Plans and buffers in, columns out.
 *
 * Two implementations answer alike: `native` (C++ behind N-API, its own thread pool) and `twin` (TypeScript, slow and obvious), which is
 * the oracle of the tests, the fallback without a compiler, and the kernel of the simulator.
 *
 * Always true:
 *  - rows cross the boundary as handles, never as pointers; a handle is a slot and a generation of one process-wide table, so
 *    every thread of the process may use it;
 *  - closing a handle twice is harmless; any other use of a closed handle throws a `KernelError`;
 *  - a search holds its rows open until it ends, whatever is closed meanwhile;
 *  - results are copies that JavaScript owns.
 */

import type { Bitset } from "../model/bitset.ts";
import type { Metric } from "../model/types.ts";
import type { Element, RowLayout, RowValues } from "./layout.ts";
import type { SparseKernel } from "./sparse-kernel.ts";

export type Handle = number;

/** A wrong length, a stale handle, a file that is too short: the caller's mistake, reported before anything is read. */
export class KernelError extends Error {
  override readonly name = "KernelError";
}

export const MAX_K = 16384;
/** Queries times k of one search. */
export const MAX_HITS = 2 ** 27;
/** Rows of one handle: numbers 0 to 0xfffffffe. */
export const MAX_ROWS = 0xffffffff;

/** Bits of one hash of a MinHash signature. */
export type HashBits = 8 | 16 | 32 | 64;

/** Marks an empty place in `SearchHits.rows`. */
export const NO_ROW = 0xffffffff;

export interface ExactSearch {
  readonly rows: Handle;
  /** Only the first `rowCount` rows are looked at, so that a writer may append meanwhile. */
  readonly rowCount: number;
  /** Whole rows, in the array of the rows' element. */
  readonly queries: RowValues;
  readonly metric: Metric;
  /** Hits wanted a query, 1 to 16,384; fewer come back when fewer rows qualify. */
  readonly k: number;
  /** Rows that may be returned; null means all. */
  readonly allowed: Bitset | null;
  /** Breaks ties between equal scores: the smaller rank wins. Null means by row number. One entry a row. */
  readonly rank: Uint32Array | null;
  /**
   * Only hits inside the ring. Distances: `inner <= score < outer`; similarities (`isDistance` is false): `outer < score <= inner`. `inner` null means open
   * on that side. Bounds are rounded to float32 first, as scores are.
   */
  readonly range: { readonly outer: number; readonly inner: number | null } | null;
  /** MHJACCARD: bits of one hash of the signature, a divisor of the dimension; 8 if not given. */
  readonly hashBits?: HashBits;
  /**
   * MHJACCARD: into how many bands the hashes are cut. Rows that have a whole band of the query are hits, each with score 1, and no others are.
   * Absent: the score is the share of equal hashes.
   */
  readonly bands?: number;
  /** Never joined with searches that come at the same time and differ in their queries only. */
  readonly alone?: boolean;
}

/** List `i` are the rows from `ends[i]` to `ends[i + 1]`; so with queries. */
export interface ListSearch {
  readonly rows: Handle;
  /** One more than lists, from 0 on, ascending. */
  readonly ends: Uint32Array;
  /** Whole rows, in the array of the rows' element. */
  readonly queries: RowValues;
  readonly queryEnds: Uint32Array;
  /** Of a row and a query: one of numbers, HAMMING or JACCARD. */
  readonly metric: Metric;
  readonly k: number;
  /** Lists that may be returned; null means all. */
  readonly allowed: Bitset | null;
  /** As in `ExactSearch`; one entry a list. */
  readonly rank: Uint32Array | null;
}

export interface SearchHits {
  /** `queryCount * k` row numbers, best first; `NO_ROW` where there is no hit. */
  readonly rows: Uint32Array;
  /**
   * `queryCount * k` scores as Milvus reports them; NaN where there is no hit. L2 is the squared distance. COSINE lies in [-1, 1] and is
   * 0 where either vector is zero (it has no direction). HAMMING counts bits; JACCARD lies in [0, 1] and is 1 where no bit is shared,
   * two empty vectors included. SUBSTRUCTURE and SUPERSTRUCTURE are 0 for every hit. MHJACCARD lies in (0, 1].
   * A row whose score would be NaN, or 0 under MHJACCARD, is never a hit. A score depends on its query and row only: not on the other
   * queries, the filter, or k.
   */
  readonly scores: Float32Array;
  /** One byte a query: 1 when a row that is not among the hits has the same score as the last hit (only then does `rank` matter). */
  readonly tied: Uint8Array;
}

export interface Kernel {
  readonly name: "native" | "twin";
  /** `avx512`, `avx2`, `portable`, or `typescript`. */
  readonly instructionSet: string;
  /** Why the twin serves although the native kernel was wanted, for people to read; null if nothing went wrong. */
  readonly reason: string | null;
  readonly sparse: SparseKernel;

  /** Rows that grow, in memory of the kernel's own. */
  createRows(layout: RowLayout): Handle;
  /** Copies `values` (a whole number of rows) behind the last row; returns the new row count. One writer at a time; searches may run. */
  appendRows(rows: Handle, values: RowValues): number;
  /**
   * Rows that lie in a file as `layout` says, mapped. Throws when the file is shorter than `offset + rowCount * bytesPerRow(layout)`.
   * The file must not be truncated while it is mapped: reading what is gone ends the process.
   */
  mapRows(path: string, offset: number, rowCount: number, layout: RowLayout): Handle;
  layoutOfRows(rows: Handle): RowLayout;
  rowCount(rows: Handle): number;
  /** The rows with these numbers, in that order, copied: into `into`, which has just their length, or a new array. */
  gatherRows<Values extends RowValues = RowValues>(rows: Handle, numbers: Uint32Array, into?: Values): Values;
  /** Bytes that the rows occupy: memory for growing rows, file bytes for mapped ones. */
  residentBytes(rows: Handle): number;
  close(rows: Handle): void;

  /**
   * Exact nearest rows, off the calling thread (the twin: in slices on it). Rejects with the signal's reason within 20 ms of its
   * abort. Until the promise settles its arrays are read: they must not change, nor their buffers be transferred.
   */
  exactSearch(search: ExactSearch, signal?: AbortSignal): Promise<SearchHits>;

  /**
   * Exact nearest lists: the score of a list is the sum, over the rows of the asked one, of the best score that one of its rows has with
   * it. A list without rows is never a hit. Otherwise as `exactSearch`.
   */
  listSearch(search: ListSearch, signal?: AbortSignal): Promise<SearchHits>;

  /**
   * The rows that exist at `timestamp`: `insertTimestamps[row] <= timestamp < deleteTimestamps[row]`.
   * `deleteTimestamps` null means that nothing is deleted.
   */
  visibleRows(
    insertTimestamps: BigUint64Array,
    deleteTimestamps: BigUint64Array | null,
    rowCount: number,
    timestamp: bigint,
  ): Bitset;

  /** The index of the first NaN or infinity, or -1: int8 and binary have none. Runs off the calling thread for long arrays. */
  findNotFinite(values: RowValues, element: Element): Promise<number>;

  /** Handles that are open: 0 when everything was released. */
  openHandles(): number;
}
