/**
 * The graph over one vector field of a growing segment. Rows behind it are scored one by one: by the search of the graph itself while they
 * are few, else by a scan beside it, and both are merged.
 *
 * It is made because searches come, and follows the rows because they go on coming: a search that finds many rows behind the graph starts
 * an extension, on the kernel's threads below searches, and does not wait for it. Inserts know nothing of it. Below `LEAST_ROWS` a scan
 * is as quick.
 *
 * Always true:
 *  - one extension at a time, of at most `MOST_AT_ONCE` rows, so that what it publishes is never long in coming;
 *  - scores are those of an exact search; only which of the rows in the graph are found may differ; as many hits come back as from an
 *    exact search, unless a range cuts them off;
 *  - a search sees the rows it was told to count, also when the graph knows newer ones;
 *  - what it finds is measured by a sample, as it grows; until then an explanation tells no recall;
 *  - when the kernel refuses (no memory), searches are exact from then on, and `failure` says why.
 *
 * Not here: the order of keys (nearest), what parameters mean (index).
 */

import { assert } from "../base/assert.ts";
import type { IndexFamily, IndexParams } from "../index/family.ts";
import type { GraphParameters, IndexKernel } from "../kernel/index-kernel.ts";
import { sampleRecall } from "../index/sample-recall.ts";
import { type Handle, type Kernel, NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import { type Bitset, bitsetBytes, countBits, fullBitset } from "../model/bitset.ts";
import type { RecallSample } from "../model/explain.ts";
import { chosenQueries } from "../model/queries.ts";
import type { Metric } from "../model/types.ts";
import { type DenseVectors, type FieldVectors, type VectorAsk, indexSearch } from "./field-vectors.ts";
import type { LentGraph } from "./lent.ts";
import { mergeHits } from "./merge-hits.ts";
import { RingSearch, deepParameters } from "./ring-search.ts";
import type { IndexedSearch, SearchWork } from "./search-work.ts";

/** Fewer rows are scanned as quickly as they are walked through (`docs/performance.md`). */
export const LEAST_ROWS = 4096;
/** So many rows behind the graph make an extension worth its while. */
const LEAST_BEHIND = 512;
/** And fewer, down to these, when so many searches have scored them since the last one: where rows come no more. */
const FEW_BEHIND = 16;
const PATIENT_SEARCHES = 256;
const MOST_AT_ONCE = 2048;
/** So few are scanned faster than a walk begins. */
const SCANNED_ROWS = 256;
/** More rows behind the graph are worth a job of their own, which all threads share. */
const MOST_BEHIND = 4096;
/** Recall over memory and time of insertion. */
const DEGREE = 32;
const BEAM = 100;

/** Recall changes slowly: it is measured again when there are so many times the rows. */
const SAMPLED_AGAIN = 2;
const SAMPLED_WIDTHS = [32, 64, 128, 256];

interface Published {
  readonly index: Handle;
  readonly rowCount: number;
  readonly memoryBytes: number;
  readonly rings: RingSearch;
}

export class GrowingGraph {
  readonly metric: Metric;
  readonly #kernel: Kernel;
  readonly #indexes: IndexKernel;
  readonly #rows: Handle;
  readonly #closing = new AbortController();
  #graph: Handle | null = null;
  #published: Published | null = null;
  #extending: Promise<void> | null = null;
  /** The most rows that a search has counted. */
  #wanted = 0;
  /** Searches since the last extension. */
  #searches = 0;
  #isFull = false;
  #recall: readonly RecallSample[] = [];
  /** Rows in the graph when its recall was measured. */
  #sampledRows = 0;
  #failure: string | null = null;

  constructor(kernel: Kernel, indexes: IndexKernel, vectors: DenseVectors, metric: Metric) {
    this.#kernel = kernel;
    this.#indexes = indexes;
    this.#rows = vectors.rows;
    this.metric = metric;
  }

  get rowCount(): number {
    return this.#published?.rowCount ?? 0;
  }

  get memoryBytes(): number {
    return this.#published?.memoryBytes ?? 0;
  }

  /** Why there is no graph although rows enough were searched; null if nothing went wrong. */
  get failure(): string | null {
    return this.#failure;
  }

  /** For tests: what is under way has ended. */
  async settled(): Promise<void> {
    while (this.#extending !== null) await this.#extending;
  }

  /** The field's vectors, searched through this graph. `params`: what the search says to the index that is declared. */
  over(
    vectors: Pick<FieldVectors, "search">,
    family: IndexFamily,
    indexType: string,
    params: IndexParams,
    work: SearchWork | null,
  ): Pick<FieldVectors, "search"> {
    return {
      search: (ask, signal) => {
        const said = family.search(indexType, params, ask.k);
        const ef = said.kind === "graph" ? said.ef : Math.max(64, 2 * ask.k);
        return this.#search(vectors, ask, { kind: "graph", ef }, work, signal);
      },
    };
  }

  async #search(
    vectors: Pick<FieldVectors, "search">,
    ask: VectorAsk,
    parameters: GraphParameters,
    work: SearchWork | null,
    signal: AbortSignal | undefined,
  ): Promise<SearchHits> {
    assert(ask.metric === this.metric, "a graph has one metric");
    this.#keepUp(ask.rowCount, 1);
    const published = this.#published;
    if (published === null || !ArrayBuffer.isView(ask.queries)) return vectors.search(ask, signal);
    const reachable = ask.allowed === null ? ask.rowCount : countBits(ask.allowed);
    if (reachable <= SCANNED_ROWS || ask.k >= reachable) return vectors.search(ask, signal);
    const isFarBehind = ask.rowCount - published.rowCount > MOST_BEHIND;
    const searched = { ...ask, rowCount: isFarBehind ? published.rowCount : ask.rowCount };
    const told = (given: GraphParameters): IndexedSearch => {
      const rowCount = work === null ? searched.rowCount : allowedCount(searched);
      return { parameters: given, width: given.ef, recall: this.#recall, rowCount };
    };
    const deeper = (depth: number): IndexedSearch => told(deepParameters(parameters, ask.k, depth) as GraphParameters);
    const walking =
      ask.range?.inner == null
        ? this.#nearest(published, vectors, searched, told(parameters), work, signal)
        : published.rings.search(searched, allowedCount(searched), {
            nearest: (deep) => this.#nearest(published, vectors, deep, deeper(deep.k), work, signal),
            exact: (scan) => vectors.search(scan, signal),
            answeredBefore: (depth) => work?.addKept(depth === null ? null : deeper(depth)),
          });
    const scanning = isFarBehind ? vectors.search(tailOf(ask, published.rowCount), signal) : null;
    const [hits, tail] = await Promise.all([walking, scanning]);
    return tail === null ? hits : mergeHits(hits, tail, this.metric, ask.k, ask.rank);
  }

  /** Of the rows in the graph and a few behind. The search has the index once it has begun, whatever is published and closed meanwhile. */
  async #nearest(
    { index, rowCount: indexedRows }: Published,
    vectors: Pick<FieldVectors, "search">,
    ask: VectorAsk,
    indexed: IndexedSearch,
    work: SearchWork | null,
    signal: AbortSignal | undefined,
  ): Promise<SearchHits> {
    assert(ArrayBuffer.isView(ask.queries), "a graph has dense vectors");
    const rowCount = Math.max(indexedRows, ask.rowCount);
    const asked = { ...ask, allowed: allowedUpTo(ask, rowCount), rank: rankUpTo(ask.rank, rowCount) };
    const search = { ...indexSearch(index, asked, indexed.parameters, work !== null), rowCount };
    const hits = await this.#indexes.searchIndex(search, signal);
    work?.addIndexed(hits.work, hits.tied.length, indexed);
    if (ask.range === null) await fillShort(vectors, ask, hits, signal);
    return hits;
  }

  /** What is lent of it for so many rows, and follows them as for many searches, which nobody will count; null: it is too far behind. */
  lend(rowCount: number): Omit<LentGraph, "params"> | null {
    this.#keepUp(rowCount, PATIENT_SEARCHES);
    const published = this.#published;
    if (published === null || rowCount - published.rowCount > MOST_BEHIND) return null;
    return { index: published.index, rowCount: Math.max(rowCount, published.rowCount) };
  }

  #keepUp(rowCount: number, searches: number): void {
    this.#wanted = Math.max(this.#wanted, rowCount);
    this.#searches += searches;
    if (this.#extending !== null || this.#isFull || this.#failure !== null || this.#closing.signal.aborted) return;
    const have = this.rowCount;
    if (this.#wanted < LEAST_ROWS) return;
    if (this.#wanted - have < (this.#searches < PATIENT_SEARCHES ? LEAST_BEHIND : FEW_BEHIND)) return;
    this.#searches = 0;
    this.#extending = this.#extend(Math.min(this.#wanted, have + MOST_AT_ONCE)).then(
      () => {
        this.#extending = null;
        this.#keepUp(0, 0);
      },
      (error: unknown) => {
        this.#extending = null;
        if (!this.#closing.signal.aborted) this.#failure = error instanceof Error ? error.message : String(error);
      },
    );
  }

  async #extend(rowCount: number): Promise<void> {
    const seed = 0;
    this.#graph ??= this.#indexes.createGrowing({
      rows: this.#rows,
      metric: this.metric,
      degree: DEGREE,
      beam: BEAM,
      seed,
    });
    const index = await this.#indexes.extendGrowing(this.#graph, rowCount, this.#closing.signal);
    if (this.#closing.signal.aborted) return this.#indexes.closeIndex(index);
    const about = this.#indexes.describeIndex(index);
    assert(about.kind === "graph", "what grows is a graph");
    const before = this.#published;
    const memoryBytes = about.codeBytes + about.listBytes + about.otherBytes;
    this.#published = { index, rowCount: about.rowCount, memoryBytes, rings: new RingSearch() };
    this.#isFull = about.rowCount < rowCount;
    if (before !== null) this.#indexes.closeIndex(before.index);
    if (about.rowCount >= SAMPLED_AGAIN * this.#sampledRows) await this.#sample(this.#published);
  }

  /** One extension at a time, so that nobody closes the index meanwhile but `close`, which a search outlives. */
  async #sample({ index, rowCount }: Published): Promise<void> {
    const widths = SAMPLED_WIDTHS.map((ef) => ({ width: ef, parameters: { kind: "graph", ef } as const }));
    const [kernel, indexes, rows, metric] = [this.#kernel, this.#indexes, this.#rows, this.metric];
    const sampled = { kernel, indexes, rows, rowCount, metric, index, widths };
    try {
      this.#recall = await sampleRecall(sampled, this.#closing.signal);
      this.#sampledRows = rowCount;
    } catch (error) {
      // The graph serves as well; nobody knows how well.
      if (this.#closing.signal.aborted) throw error;
    }
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new Error("the segment is closed"));
    if (this.#published !== null) this.#indexes.closeIndex(this.#published.index);
    this.#published = null;
    if (this.#graph !== null) this.#indexes.closeGrowing(this.#graph);
  }
}

/** The allowed rows as bits for so many rows: none behind those that the search counts. */
export function allowedUpTo(
  { allowed, rowCount }: Pick<VectorAsk, "allowed" | "rowCount">,
  searchedRows: number,
): Bitset | null {
  if (searchedRows <= rowCount) return allowed;
  const bits = new Uint8Array(bitsetBytes(searchedRows));
  bits.set((allowed ?? fullBitset(rowCount)).subarray(0, bitsetBytes(rowCount)));
  return bits;
}

function rankUpTo(rank: Uint32Array | null, searchedRows: number): Uint32Array | null {
  if (rank === null || rank.length >= searchedRows) return rank;
  const longer = new Uint32Array(searchedRows);
  longer.set(rank);
  return longer;
}

/** The same search of the rows from `first` on. */
function tailOf(ask: VectorAsk, first: number): VectorAsk {
  const allowed = ask.allowed === null ? fullBitset(ask.rowCount) : ask.allowed.slice(0, bitsetBytes(ask.rowCount));
  allowed.fill(0, 0, first >> 3);
  allowed[first >> 3]! &= 0xff << (first & 7);
  return { ...ask, allowed };
}

/** Asks exactly for the queries that found fewer rows in the graph than there are. */
async function fillShort(
  vectors: Pick<FieldVectors, "search">,
  ask: VectorAsk,
  hits: SearchHits,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { k, queries, queryCount } = ask;
  const inGraph = allowedCount(ask);
  for (let query = 0; query < queryCount; query += 1) {
    const last = query * k + Math.min(k, inGraph) - 1;
    if (inGraph === 0 || hits.rows[last] !== NO_ROW) continue;
    const exact = await vectors.search(
      { ...ask, queries: chosenQueries(queries, queryCount, [query]), queryCount: 1 },
      signal,
    );
    hits.rows.set(exact.rows, query * k);
    hits.scores.set(exact.scores, query * k);
    hits.tied[query] = exact.tied[0]!;
  }
}

function allowedCount({ allowed, rowCount }: VectorAsk): number {
  return allowed === null ? rowCount : countBits(allowedBelow(allowed, rowCount));
}

function allowedBelow(allowed: Bitset, rowCount: number): Bitset {
  const bits = allowed.slice(0, bitsetBytes(rowCount));
  for (let byte = (rowCount >> 3) + 1; byte < bits.length; byte += 1) bits[byte] = 0;
  if (rowCount >> 3 < bits.length) bits[rowCount >> 3]! &= (1 << (rowCount & 7)) - 1;
  return bits;
}
