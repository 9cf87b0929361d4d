/**
 * An index that a sealed segment is searched through, open beside the rows that it was built from.
 *
 * The rows to look at are the caller's bitset; the kernel walks or scans as that makes cheaper. The raw rows are scanned instead where
 * that costs little or where nothing less is right: few rows may be returned, or as many are wanted as there are.
 *
 * Always true:
 *  - scores are those of an exact search, bit for bit; only which rows are found may differ;
 *  - a query gets as many hits as an exact search would give it, unless a range cuts them off;
 *  - among the rows that were looked at, ties are in the order of an exact search.
 *
 * Not here: the order of keys (nearest), the file (query), what parameters mean (index).
 */

import type { IndexParams } from "../index/family.ts";
import type { IndexHits, IndexKernel } from "../kernel/index-kernel.ts";
import { type Handle, NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import { countBits } from "../model/bitset.ts";
import { chosenQueries } from "../model/queries.ts";
import type { FieldVectors, VectorAsk } from "./field-vectors.ts";
import type { SegmentIndexFacts } from "./index-facts.ts";
import { Lease } from "./lease.ts";
import type { SearchWork } from "./search-work.ts";

/** So few are scanned faster than a walk begins. */
const SCANNED_ROWS = 256;
const NOTHING_SAID: IndexParams = new Map();

export class SegmentIndex {
  readonly facts: SegmentIndexFacts;
  readonly memoryBytes: number;
  readonly #indexes: IndexKernel;
  readonly #index: Handle;
  readonly #lease: Lease;

  private constructor(facts: SegmentIndexFacts, indexes: IndexKernel, index: Handle) {
    this.#lease = new Lease(facts.segmentId, () => indexes.closeIndex(index));
    this.facts = facts;
    this.#indexes = indexes;
    this.#index = index;
    this.memoryBytes = indexes.describeIndex(index).memoryBytes;
  }

  /** Checks all of the file. Throws a KernelError that says what is wrong with it. */
  static async open(facts: SegmentIndexFacts, indexes: IndexKernel, path: string, rows: Handle): Promise<SegmentIndex> {
    return new SegmentIndex(facts, indexes, await indexes.openIndex(path, rows));
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

  async #search(
    vectors: Pick<FieldVectors, "search">,
    ask: VectorAsk,
    params: IndexParams,
    work: SearchWork | null,
    signal: AbortSignal | undefined,
  ): Promise<SearchHits> {
    const { queries, k, allowed, rank, range } = ask;
    const reachable = allowed === null ? ask.rowCount : countBits(allowed);
    const isFew = reachable <= SCANNED_ROWS || k >= reachable;
    if (isFew || !ArrayBuffer.isView(queries)) return vectors.search(ask, signal);
    const { family, indexType } = this.facts;
    const parameters = family.search(indexType, params, k);
    const hits = await this.#indexes.searchIndex(
      {
        index: this.#index,
        queries,
        k,
        parameters,
        allowed,
        rank,
        range,
        timeLimitMicroseconds: null,
        alone: work !== null,
      },
      signal,
    );
    work?.addIndexed(hits.work, hits.tied.length, parameters);
    if (range === null) await fillShort(vectors, ask, hits, signal);
    return hits;
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
  const { k, queries } = ask;
  const queryCount = hits.tied.length;
  for (let query = 0; query < queryCount; query += 1) {
    if (hits.rows[(query + 1) * k - 1] !== NO_ROW) continue;
    const one = chosenQueries(queries, queryCount, [query]);
    const exact = await vectors.search({ ...ask, queries: one }, signal);
    hits.rows.set(exact.rows, query * k);
    hits.scores.set(exact.scores, query * k);
    hits.tied[query] = exact.tied[0]!;
  }
}
