/**
 * Nearest lists through an index over the vectors of all lists.
 *
 * Each vector of the asked list finds its nearest elements; the rows that have any of them are candidates, and these are compared as lists,
 * exactly. So it costs a walk a vector and a comparison with some hundred rows, where an exact search compares all of them.
 *
 * Always true:
 *  - scores are those of an exact search, bit for bit, and ties go as there among the candidates; only which rows are candidates may differ;
 *  - a query gets as many hits as an exact search would give it: one whose candidates are fewer than the wanted hits is searched exactly, as
 *    all are where candidates might be all rows;
 *  - rows that may not be returned lend no elements.
 *
 * Not here: walks and their parameters (segment-index), comparing lists (kernel).
 */

import { assert } from "../base/assert.ts";
import { inTurns, type Pause } from "../base/turns.ts";
import type { IndexParams } from "../index/family.ts";
import { MAX_K, NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import { type Bitset, countBits, emptyBitset, setBit } from "../model/bitset.ts";
import type { ArrayColumn } from "../model/columns.ts";
import { chosenQueries, isListQueries } from "../model/queries.ts";
import { allowedElements, rowOfElement } from "./element-search.ts";
import type { FieldVectors, VectorAsk } from "./field-vectors.ts";
import type { SearchWork } from "./search-work.ts";
import type { SegmentIndex } from "./segment-index.ts";
import type { VectorSearch } from "./segment.ts";
import { VectorLists } from "./vector-lists.ts";

/** Each vector asks for so many elements where few hits are wanted, and for so many a hit where many are. */
const LEAST_ELEMENTS = 64;
const ELEMENTS_A_HIT = 4;
/** What a search says of it, by Milvus's name: so many times as many. */
const RATIO = "retrieval_ann_ratio";
/** Fewer rows are compared faster than a walk begins. */
const SCANNED_ROWS = 256;
/** Found by one call of the index, and queries that are compared with their candidates at once. */
const ELEMENTS_A_CALL = 2 ** 20;
const QUERIES_A_CALL = 64;

/** How many elements each vector of an asked list looks for. */
export function elementsAsked(params: IndexParams, k: number): number {
  const ratio = Number(params.get(RATIO) ?? 1);
  const wanted = Math.max(LEAST_ELEMENTS, ELEMENTS_A_HIT * k) * (ratio > 0 ? ratio : 1);
  return Math.min(Math.max(Math.ceil(wanted), 1), MAX_K);
}

export interface ListSource {
  /** Over the vectors of all lists. */
  readonly index: SegmentIndex;
  readonly lists: VectorLists;
  /** Of the lists; asked where the index does not pay. */
  readonly exact: Pick<FieldVectors, "search">;
  /** What the search says to the index. */
  readonly params: IndexParams;
  readonly work: SearchWork | null;
  readonly pause: Pause | null;
}

/** Lists among those of the source. */
export function listsThrough(source: ListSource): Pick<FieldVectors, "search"> {
  return { search: (ask, signal) => new ListIndexSearch(source, ask, signal).run() };
}

/** Lists are found by the elements that are nearest to their vectors, everything else by the index itself. */
export function through(
  index: SegmentIndex,
  vectors: FieldVectors,
  exact: Pick<FieldVectors, "search">,
  { queries, indexParams }: VectorSearch,
  work: SearchWork | null,
  pause: Pause | null = null,
): Pick<FieldVectors, "search"> {
  if (!isListQueries(queries)) return index.over(exact, indexParams, work);
  assert(vectors instanceof VectorLists, "lists are searched among lists");
  return listsThrough({ index, lists: vectors, exact, params: indexParams ?? new Map(), work, pause });
}

class ListIndexSearch {
  readonly #source: ListSource;
  readonly #ask: VectorAsk;
  readonly #queries: ArrayColumn;
  readonly #signal: AbortSignal | undefined;
  readonly #ends: Uint32Array;
  readonly #elements: number;
  readonly #hits: SearchHits;

  constructor(source: ListSource, ask: VectorAsk, signal: AbortSignal | undefined) {
    const { queries, queryCount, k, rowCount } = ask;
    assert(isListQueries(queries) && ask.range === null, "lists are asked for lists, and in no ring");
    assert(rowCount === source.lists.rowCount, "a sealed segment is searched whole");
    this.#source = source;
    this.#ask = ask;
    this.#queries = queries;
    this.#signal = signal;
    this.#ends = source.lists.ends(rowCount);
    this.#elements = elementsAsked(source.params, k);
    this.#hits = {
      rows: new Uint32Array(queryCount * k).fill(NO_ROW),
      scores: new Float32Array(queryCount * k).fill(Number.NaN),
      tied: new Uint8Array(queryCount),
    };
  }

  async run(): Promise<SearchHits> {
    const { queryCount, rowCount, allowed, k } = this.#ask;
    const reachable = allowed === null ? rowCount : countBits(allowed);
    const isFew = reachable <= SCANNED_ROWS || k >= reachable;
    const paying: number[] = [];
    const others: number[] = [];
    for (let query = 0; query < queryCount; query += 1) {
      const vectors = this.#vectorsOf(query);
      const pays = !isFew && vectors > 0 && vectors * this.#elements < reachable;
      (pays ? paying : others).push(query);
    }
    if (paying.length > 0) {
      const elements =
        allowed === null ? null : await inTurns(allowedElements(this.#ends, allowed, null), this.#source.pause);
      for (const some of this.#calls(paying)) others.push(...(await this.#searchSome(some, elements)));
    }
    if (others.length > 0) await this.#searchExactly(others);
    return this.#hits;
  }

  #vectorsOf(query: number): number {
    return this.#queries.offsets[query + 1]! - this.#queries.offsets[query]!;
  }

  /** Queries that go together; a query goes alone rather than in parts. */
  #calls(queries: readonly number[]): number[][] {
    const calls: number[][] = [];
    let elements = Infinity;
    for (const query of queries) {
      const own = this.#vectorsOf(query) * this.#elements;
      if (elements + own > ELEMENTS_A_CALL || calls.at(-1)!.length === QUERIES_A_CALL) {
        calls.push([]);
        elements = 0;
      }
      calls.at(-1)!.push(query);
      elements += own;
    }
    return calls;
  }

  /** Returns those that have too few candidates. */
  async #searchSome(numbers: readonly number[], allowed: Bitset | null): Promise<number[]> {
    const asked = chosenQueries(this.#queries, this.#ask.queryCount, numbers) as ArrayColumn;
    assert(asked.elements.kind === "vector", "lists of vectors");
    const { index, params, work } = this.#source;
    const found = await index.candidates(
      { queries: asked.elements.values, queryCount: numbers.length, k: this.#elements, allowed },
      params,
      work,
      this.#signal,
    );
    const short: number[] = [];
    const searches = numbers.map(async (query, at) => {
      const rows = this.#rowsOf(
        found.subarray(asked.offsets[at]! * this.#elements, asked.offsets[at + 1]! * this.#elements),
      );
      if (countBits(rows) < this.#ask.k) short.push(query);
      else await this.#compare(query, rows);
    });
    await Promise.all(searches);
    return short;
  }

  /** The rows that have these elements. */
  #rowsOf(elements: Uint32Array): Bitset {
    const rows = emptyBitset(this.#ask.rowCount);
    for (const element of elements) if (element !== NO_ROW) setBit(rows, rowOfElement(this.#ends, element));
    return rows;
  }

  async #compare(query: number, candidates: Bitset): Promise<void> {
    const queries = chosenQueries(this.#queries, this.#ask.queryCount, [query]);
    const hits = await this.#source.lists.search(
      { ...this.#ask, queries, queryCount: 1, allowed: candidates },
      this.#signal,
    );
    this.#take(query, hits, 0);
    this.#source.work?.addExactScores(countBits(candidates));
  }

  async #searchExactly(numbers: readonly number[]): Promise<void> {
    const { queryCount } = this.#ask;
    const queries = chosenQueries(this.#queries, queryCount, numbers);
    const hits = await this.#source.exact.search({ ...this.#ask, queries, queryCount: numbers.length }, this.#signal);
    for (const [at, query] of numbers.entries()) this.#take(query, hits, at);
  }

  #take(query: number, hits: SearchHits, at: number): void {
    const { k } = this.#ask;
    this.#hits.rows.set(hits.rows.subarray(at * k, (at + 1) * k), query * k);
    this.#hits.scores.set(hits.scores.subarray(at * k, (at + 1) * k), query * k);
    this.#hits.tied[query] = hits.tied[at]!;
  }
}
