/**
 * The TypeScript face of the native kernel's sparse vectors: checks every argument before the call.
 *
 * Not here: jobs and their ends (native.ts), which are those of the whole addon.
 */

import type { Bitset } from "../model/bitset.ts";
import { checkHandle } from "./arguments.ts";
import type { Handle, SearchHits } from "./kernel.ts";
import type { PostingsParameters } from "./index-kernel.ts";
import type { PostingsSearch, StartJob } from "./native-index.ts";
import * as check from "./sparse-arguments.ts";
import type { SparseEntries, SparseKernel, SparseSearch } from "./sparse-kernel.ts";

/** What `native/src/node_sparse.h` exports. */
export interface SparseAddon {
  createSparse(withLists: number): Handle;
  dropSparseLists(sparse: Handle): void;
  appendSparse(sparse: Handle, offsets: Uint32Array, bytes: Uint8Array): number;
  describeSparse(sparse: Handle, description: Float64Array): void;
  sparseLengths(sparse: Handle, numbers: Uint32Array, offsets: Uint32Array): void;
  gatherSparse(sparse: Handle, numbers: Uint32Array, bytes: Uint8Array): void;
  searchSparse(
    ticket: number,
    sparse: Handle,
    rowCount: number,
    offsets: Uint32Array,
    bytes: Uint8Array,
    k: number,
    allowed: Bitset | null,
    rank: Uint32Array | null,
    outer: number | null,
    inner: number | null,
    hitRows: Uint32Array,
    hitScores: Float32Array,
    tied: Uint8Array,
    postings: Handle,
    algorithm: number,
    boundRatio: number,
  ): void;
  closeRows(rows: Handle): void;
}

/** Their numbers are those of the kernel. */
const ALGORITHMS: readonly PostingsParameters["algorithm"][] = ["all", "wand", "maxscore"];

export class NativeSparse implements SparseKernel {
  readonly #addon: SparseAddon;
  readonly #startJob: StartJob;
  readonly #guarded: <T>(call: () => T) => T;
  readonly #description = new Float64Array(3);

  constructor(addon: SparseAddon, startJob: StartJob, guarded: <T>(call: () => T) => T) {
    this.#addon = addon;
    this.#startJob = startJob;
    this.#guarded = guarded;
  }

  create({ lists } = { lists: true }): Handle {
    return this.#guarded(() => this.#addon.createSparse(lists ? 1 : 0));
  }

  dropLists(sparse: Handle): void {
    checkHandle(sparse);
    this.#guarded(() => this.#addon.dropSparseLists(sparse));
  }

  append(sparse: Handle, { offsets, bytes }: SparseEntries): number {
    checkHandle(sparse);
    return this.#guarded(() => this.#addon.appendSparse(sparse, offsets, bytes));
  }

  rowCount(sparse: Handle): number {
    return this.#describe(sparse, 0);
  }

  pairCount(sparse: Handle): number {
    return this.#describe(sparse, 1);
  }

  residentBytes(sparse: Handle): number {
    return this.#describe(sparse, 2);
  }

  gather(sparse: Handle, numbers: Uint32Array): SparseEntries {
    checkHandle(sparse);
    const offsets = new Uint32Array(numbers.length + 1);
    this.#guarded(() => this.#addon.sparseLengths(sparse, numbers, offsets));
    const bytes = new Uint8Array(offsets[numbers.length]!);
    this.#guarded(() => this.#addon.gatherSparse(sparse, numbers, bytes));
    return { offsets, bytes };
  }

  search(search: SparseSearch, signal?: AbortSignal): Promise<SearchHits> {
    return this.#search(search, this.rowCount(search.sparse), { index: 0, algorithm: 0, boundRatio: 1 }, signal);
  }

  /** Through packed lists, all of whose rows are asked. */
  searchPostings(search: PostingsSearch, parameters: PostingsParameters, signal?: AbortSignal): Promise<SearchHits> {
    const { index, rowCount } = search;
    const algorithm = ALGORITHMS.indexOf(parameters.algorithm);
    return this.#search({ ...search, sparse: 0 }, rowCount, { ...parameters, index, algorithm }, signal);
  }

  async #search(
    search: SparseSearch,
    held: number,
    through: { readonly index: Handle; readonly algorithm: number; readonly boundRatio: number },
    signal: AbortSignal | undefined,
  ): Promise<SearchHits> {
    const { sparse, rowCount, queries, k, allowed, rank, range } = search;
    const queryCount = check.checkSparseSearch(search, held);
    const hits = {
      rows: new Uint32Array(queryCount * k),
      scores: new Float32Array(queryCount * k),
      tied: new Uint8Array(queryCount),
    };
    if (queryCount === 0) {
      signal?.throwIfAborted();
      return hits;
    }
    await this.#startJob(signal ?? null, (ticket) =>
      this.#addon.searchSparse(
        ticket,
        sparse,
        rowCount,
        queries.offsets,
        queries.bytes,
        k,
        allowed,
        rank,
        range === null ? null : range.outer,
        range === null ? null : range.inner,
        hits.rows,
        hits.scores,
        hits.tied,
        through.index,
        through.algorithm,
        through.boundRatio,
      ),
    );
    return hits;
  }

  close(sparse: Handle): void {
    checkHandle(sparse);
    this.#guarded(() => this.#addon.closeRows(sparse));
  }

  #describe(sparse: Handle, place: number): number {
    checkHandle(sparse);
    this.#guarded(() => this.#addon.describeSparse(sparse, this.#description));
    return this.#description[place]!;
  }
}
