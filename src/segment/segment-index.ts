/**
 * An index that a sealed segment is searched through, open beside the rows that it was built from.
 *
 * The rows to look at are the caller's bitset; the kernel walks or scans as that makes cheaper. The raw rows are scanned instead where
 * that costs little or where nothing less is right: few rows may be returned, or as many are wanted as there are.
 *
 * Always true:
 *  - scores are those of an exact search, bit for bit; only which rows are found may differ;
 *  - a query gets as many hits as an exact search would give it, unless a range cuts them off, bounds are said to be trusted too far, or the
 *    type means that it may get fewer;
 *  - among the rows that were looked at, ties are in the order of an exact search.
 *
 * Not here: the order of keys (nearest), the file (query), what parameters mean (index).
 */

import { assert } from "../base/assert.ts";
import type { IndexParams } from "../index/family.ts";
import type { IndexHits, IndexKernel, OpenMode, SearchParameters } from "../kernel/index-kernel.ts";
import { type Handle, NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import type { RowValues } from "../kernel/layout.ts";
import { type Bitset, countBits } from "../model/bitset.ts";
import { chosenQueries } from "../model/queries.ts";
import { type FieldVectors, type VectorAsk, indexSearch } from "./field-vectors.ts";
import type { SegmentIndexFacts } from "./index-facts.ts";
import { Lease } from "./lease.ts";
import { RingSearch, deepParameters } from "./ring-search.ts";
import type { IndexedSearch, SearchWork } from "./search-work.ts";

/** So few are scanned faster than a walk begins. */
const SCANNED_ROWS = 256;
const NOTHING_SAID: IndexParams = new Map();

/** Vectors of lists, which are asked for `queryCount` lists. */
interface CandidateAsk {
  readonly queries: RowValues;
  readonly queryCount: number;
  readonly k: number;
  readonly allowed: Bitset | null;
}

export class SegmentIndex {
  readonly facts: SegmentIndexFacts;
  readonly memoryBytes: number;
  /** Of the file, where it is mapped. */
  readonly mappedBytes: number;
  readonly #indexes: IndexKernel;
  readonly #index: Handle;
  readonly #lease: Lease;
  readonly #rings = new RingSearch();

  private constructor(facts: SegmentIndexFacts, indexes: IndexKernel, index: Handle) {
    this.#lease = new Lease(facts.segmentId, () => indexes.closeIndex(index));
    this.facts = facts;
    this.#indexes = indexes;
    this.#index = index;
    const { memoryBytes, mappedBytes } = indexes.describeIndex(index);
    this.memoryBytes = memoryBytes;
    this.mappedBytes = mappedBytes;
  }

  /** `keptBytes`: of raw rows that are held in memory besides. Checks all of the file. Throws a KernelError that says what is wrong with it. */
  static async open(
    facts: SegmentIndexFacts,
    indexes: IndexKernel,
    path: string,
    rows: Handle,
    mode: OpenMode = "read",
    keptBytes = 0,
  ): Promise<SegmentIndex> {
    const index = await indexes.openIndex(path, rows, mode);
    try {
      if (keptBytes > 0) await indexes.keepRows(index, keptBytes);
    } catch (thrown) {
      indexes.closeIndex(index);
      throw thrown;
    }
    return new SegmentIndex(facts, indexes, index);
  }

  /** The field's vectors, searched through this index. `params`: what the search says to it. */
  over(
    vectors: Pick<FieldVectors, "search">,
    params: IndexParams = NOTHING_SAID,
    work: SearchWork | null = null,
  ): Pick<FieldVectors, "search"> {
    const all: IndexParams = params.size === 0 ? this.facts.params : new Map([...this.facts.params, ...params]);
    return { search: (ask, signal) => this.#search(vectors, ask, all, work, signal) };
  }

  /** The numbers of the nearest rows, by whatever the index compares: `k` for each query, fewer where it finds fewer. */
  async candidates(
    ask: CandidateAsk,
    params: IndexParams,
    work: SearchWork | null,
    signal: AbortSignal | undefined,
  ): Promise<Uint32Array> {
    const { queries, queryCount, k, allowed } = ask;
    const all: IndexParams = params.size === 0 ? this.facts.params : new Map([...this.facts.params, ...params]);
    const parameters = this.facts.family.search(this.facts.indexType, all, k);
    const hits = await this.#indexes.searchIndex(
      { index: this.#index, queries, k, parameters, allowed, rank: null, range: null, timeLimitMicroseconds: null },
      signal,
    );
    work?.addCandidates(hits.work, { queryCount, vectorCount: hits.tied.length, k, parameters });
    return hits.rows;
  }

  async #search(
    vectors: Pick<FieldVectors, "search">,
    ask: VectorAsk,
    params: IndexParams,
    work: SearchWork | null,
    signal: AbortSignal | undefined,
  ): Promise<SearchHits> {
    const { k, allowed, range } = ask;
    const { family, indexType } = this.facts;
    const reachable = allowed === null ? ask.rowCount : countBits(allowed);
    const isFew = reachable <= SCANNED_ROWS || k >= reachable;
    if (isFew && !this.#isExact) return vectors.search(ask, signal);
    if (range?.inner == null || this.#isExact || family.mayFindFewer === true) {
      return this.#nearest(vectors, ask, this.#told(family.search(indexType, params, k), reachable), work, signal);
    }
    const deeper = (depth: number): IndexedSearch =>
      this.#told(deepParameters(family.search(indexType, params, depth), k, depth), reachable);
    return await this.#rings.search(ask, reachable, {
      nearest: (deep) => this.#nearest(vectors, deep, deeper(deep.k), work, signal),
      exact: (scan) => vectors.search(scan, signal),
      answeredBefore: (depth) => work?.addKept(depth === null ? null : deeper(depth)),
    });
  }

  /** Packed lists are exact, and choose for themselves when rows are scored one by one. */
  get #isExact(): boolean {
    return this.facts.family.kind === "postings";
  }

  async #nearest(
    vectors: Pick<FieldVectors, "search">,
    ask: VectorAsk,
    indexed: IndexedSearch,
    work: SearchWork | null,
    signal: AbortSignal | undefined,
  ): Promise<SearchHits> {
    assert(
      this.#isExact !== ArrayBuffer.isView(ask.queries),
      "packed lists are asked for sparse vectors, other indexes for dense ones",
    );
    const search = indexSearch(this.#index, ask, indexed.parameters, work !== null);
    const hits = await this.#indexes.searchIndex(search, signal);
    work?.addIndexed(hits.work, hits.tied.length, indexed);
    const isShort = ask.range === null && !this.#isExact && this.facts.family.mayFindFewer !== true;
    if (isShort) await fillShort(vectors, ask, hits, signal);
    return hits;
  }

  #told(parameters: SearchParameters, rowCount: number): IndexedSearch {
    const { family, recall } = this.facts;
    const width = family.width(parameters);
    return { parameters, width, recall: this.#isExact ? [{ width, recall: 1 }] : recall, rowCount };
  }

  /** For who searches it without holding it: refused by the kernel once it is closed. */
  get handle(): Handle {
    return this.#index;
  }

  /** Searches hold the index while they use it; `close` takes effect when the last one lets go. */
  acquire(): void {
    this.#lease.acquire();
  }

  release(): void {
    this.#lease.release();
  }

  close(): void {
    this.#lease.close();
  }
}

/** Asks exactly for the queries that found fewer rows than there are. */
async function fillShort(
  vectors: Pick<FieldVectors, "search">,
  ask: VectorAsk,
  hits: IndexHits,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { k, queries, queryCount } = ask;
  for (let query = 0; query < queryCount; query += 1) {
    if (hits.rows[(query + 1) * k - 1] !== NO_ROW) continue;
    const one = chosenQueries(queries, queryCount, [query]);
    const exact = await vectors.search({ ...ask, queries: one, queryCount: 1 }, signal);
    hits.rows.set(exact.rows, query * k);
    hits.scores.set(exact.scores, query * k);
    hits.tied[query] = exact.tied[0]!;
  }
}
