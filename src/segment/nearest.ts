/**
 * Nearest rows of one segment, in Milvus's order: by score, then by key, each key once.
 *
 * The kernel is asked without ranks first, because ranks cost a sort; only where a row outside the hits ties with the last one the
 * query is asked again with them. A key with several visible versions may take several places among the hits; then the search is
 * widened until enough keys are found, and when the kernel cannot go wider, found keys are taken out and the rest is searched.
 *
 * Always true: the hits of a query are exactly the first `k` of all allowed rows ordered by (score, key, newest first) after every
 * key but its first occurrence was dropped. Through an index the same holds of the rows that it finds, and there are as many hits: scores
 * are exact, the order is by score and key, no key comes twice; but a nearer row may be missing, and of a key with several visible
 * versions another may stand for the nearest.
 */

import { assert } from "../base/assert.ts";
import { type Bitset, clearBit, countBits, fullBitset } from "../model/bitset.ts";
import { MAX_K, NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import { type QueryVectors, chosenQueries, queryRange } from "../model/queries.ts";
import type { FieldVectors } from "./field-vectors.ts";
import type { CompareAge } from "./key-order.ts";
import type { KeyReader } from "./key-reader.ts";
import type { SegmentHits, VectorSearch } from "./segment.ts";

/** Queries times k of one call: wide searches of many queries go in several, so that hits take tens of megabytes and not more. */
const HITS_A_CALL = 2 ** 22;
const WIDENING = 4;

/** What a segment lends to its searches. */
export interface NearestSource {
  /** The vectors that are searched. */
  readonly vectors: Pick<FieldVectors, "search">;
  /** Whether rows are numbered in key order and no key has two. */
  readonly rowOrderIsKeyOrder: boolean;
  readonly hasRepeatedKeys: boolean;
  keyReader(): KeyReader;
  /** Rows by key, then the newest first. */
  rank(): Promise<Uint32Array>;
  readonly compareAge: CompareAge;
  /** Every row that has the key of `row`. */
  versionsOf(row: number): Iterable<number>;
}

interface Found {
  readonly rows: number[];
  readonly scores: number[];
}

interface Ask {
  readonly queries: QueryVectors;
  readonly queryCount: number;
  readonly k: number;
  readonly allowed: Bitset | null;
}

export async function nearestRows(
  source: NearestSource,
  search: VectorSearch,
  rowCount: number,
  allowed: Bitset | null,
  signal?: AbortSignal,
): Promise<SegmentHits> {
  const { queryCount } = search;
  assert(search.k >= 1 && search.k <= MAX_K, "k is within the kernel's limits");
  const reachable = allowed === null ? rowCount : countBits(allowed);
  const wanted = Math.min(search.k, reachable);
  const asker = new Asker(source, search, rowCount, signal);
  const isPlain = source.rowOrderIsKeyOrder && !source.hasRepeatedKeys;
  if (isPlain && wanted > 0 && queryCount * wanted <= HITS_A_CALL) {
    const { queries } = search;
    return packedHits(await asker.hits({ queries, queryCount, k: wanted, allowed }, null), queryCount, wanted);
  }
  const found: Found[] = Array.from({ length: queryCount }, () => ({ rows: [], scores: [] }));
  let open = wanted === 0 ? [] : found.map((_, query) => query);
  for (let k = wanted; open.length > 0;) {
    const hits = await asker.ask({ ...asker.queriesOf(open), k, allowed });
    open = open.filter((query, at) => {
      const taken = hits[at]!;
      const distinct = source.hasRepeatedKeys ? eachKeyOnce(source, taken) : taken;
      found[query] = distinct;
      return distinct.rows.length < wanted && taken.rows.length === k && k < reachable;
    });
    if (k === MAX_K) break;
    k = Math.min(k * WIDENING, reachable, MAX_K);
  }
  for (const query of open) await fillWithoutFound(source, asker, query, found[query]!, wanted, rowCount, allowed);
  return asSegmentHits(found, wanted);
}

/** For a query whose widest search met too few keys: takes the found keys out and goes on behind them. */
async function fillWithoutFound(
  source: NearestSource,
  asker: Asker,
  query: number,
  found: Found,
  wanted: number,
  rowCount: number,
  allowed: Bitset | null,
): Promise<void> {
  const rest = allowed === null ? fullBitset(rowCount) : allowed.slice();
  for (let known = 0; ;) {
    for (; known < found.rows.length; known += 1) {
      for (const row of source.versionsOf(found.rows[known]!)) if (row < rowCount) clearBit(rest, row);
    }
    const k = Math.min(countBits(rest), MAX_K);
    if (k === 0 || known >= wanted) return;
    const taken = (await asker.ask({ ...asker.queriesOf([query]), k, allowed: rest }))[0]!;
    const distinct = eachKeyOnce(source, taken);
    found.rows.push(...distinct.rows);
    found.scores.push(...distinct.scores);
    if (taken.rows.length < k) return;
  }
}

class Asker {
  readonly #source: NearestSource;
  readonly #search: VectorSearch;
  readonly #rowCount: number;
  readonly #signal: AbortSignal | undefined;

  constructor(source: NearestSource, search: VectorSearch, rowCount: number, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#search = search;
    this.#rowCount = rowCount;
    this.#signal = signal;
  }

  queriesOf(numbers: readonly number[]): Pick<Ask, "queries" | "queryCount"> {
    const { queries, queryCount } = this.#search;
    if (numbers.length === queryCount) return { queries, queryCount };
    return { queries: chosenQueries(queries, queryCount, numbers), queryCount: numbers.length };
  }

  /** The hits of every query in (score, key, newest first) order, right also at the border. */
  async ask(ask: Ask): Promise<Found[]> {
    const step = Math.max(1, Math.floor(HITS_A_CALL / ask.k));
    if (ask.queryCount <= step) return await this.#askOnce(ask);
    const found: Found[] = [];
    for (let from = 0; from < ask.queryCount; from += step) {
      const to = Math.min(ask.queryCount, from + step);
      const queries = queryRange(ask.queries, ask.queryCount, from, to);
      found.push(...(await this.#askOnce({ ...ask, queries, queryCount: to - from })));
    }
    return found;
  }

  async #askOnce(ask: Ask): Promise<Found[]> {
    const first = await this.#exact(ask, null);
    const found = first.found;
    if (this.#source.rowOrderIsKeyOrder) return found;
    const tied: number[] = [];
    for (let query = 0; query < found.length; query += 1) {
      if (first.tied[query] === 1) tied.push(query);
      else orderTies(this.#source, found[query]!);
    }
    if (tied.length === 0) return found;
    const queries = chosenQueries(ask.queries, ask.queryCount, tied);
    const rank = await this.#source.rank();
    const again = await this.#exact({ ...ask, queries, queryCount: tied.length }, rank.subarray(0, this.#rowCount));
    for (let at = 0; at < tied.length; at += 1) found[tied[at]!] = again.found[at]!;
    return found;
  }

  /** As the kernel gives them. */
  hits({ queries, queryCount, k, allowed }: Ask, rank: Uint32Array | null): Promise<SearchHits> {
    const { metric, range, hashBits, bands, isUnfiltered } = this.#search;
    return this.#source.vectors.search(
      {
        rowCount: this.#rowCount,
        queries,
        queryCount,
        metric,
        k,
        allowed,
        rank,
        range,
        ...(hashBits === undefined ? {} : { hashBits }),
        ...(bands === undefined ? {} : { bands }),
        ...(isUnfiltered === undefined ? {} : { isUnfiltered }),
      },
      this.#signal,
    );
  }

  async #exact(ask: Ask, rank: Uint32Array | null): Promise<{ found: Found[]; tied: Uint8Array }> {
    const { queryCount, k } = ask;
    const hits = await this.hits(ask, rank);
    const found = Array.from({ length: queryCount }, (_, query) => {
      let end = query * k;
      while (end < (query + 1) * k && hits.rows[end] !== NO_ROW) end += 1;
      return {
        rows: Array.from(hits.rows.subarray(query * k, end)),
        scores: Array.from(hits.scores.subarray(query * k, end)),
      };
    });
    return { found, tied: hits.tied };
  }
}

/** Puts rows of equal score in key order; scores stay where they are. */
function orderTies(source: NearestSource, found: Found): void {
  const keys = source.keyReader();
  const { rows, scores } = found;
  let start = 0;
  for (let end = 1; end <= rows.length; end += 1) {
    if (end < rows.length && scores[end] === scores[start]) continue;
    if (end - start > 1) {
      const run = rows.slice(start, end);
      run.sort((left, right) => keys.compare(left, keys, right) || source.compareAge(left, right));
      for (let at = start; at < end; at += 1) rows[at] = run[at - start]!;
    }
    start = end;
  }
}

/** The first occurrence of every key. */
function eachKeyOnce(source: NearestSource, found: Found): Found {
  const keys = source.keyReader();
  const rows: number[] = [];
  const scores: number[] = [];
  const slots = new Uint32Array(2 ** Math.ceil(Math.log2(found.rows.length * 2 + 1)));
  const mask = slots.length - 1;
  for (let at = 0; at < found.rows.length; at += 1) {
    const row = found.rows[at]!;
    let slot = keys.hash(row) & mask;
    while (slots[slot] !== 0 && !keys.equals(slots[slot]! - 1, keys, row)) slot = (slot + 1) & mask;
    if (slots[slot] !== 0) continue;
    slots[slot] = row + 1;
    rows.push(row);
    scores.push(found.scores[at]!);
  }
  return { rows, scores };
}

/** Without the places that are empty. */
function packedHits(hits: SearchHits, queryCount: number, k: number): SegmentHits {
  const offsets = new Uint32Array(queryCount + 1);
  let count = 0;
  for (let query = 0; query < queryCount; query += 1) {
    for (let at = query * k; at < (query + 1) * k && hits.rows[at] !== NO_ROW; at += 1) count += 1;
    offsets[query + 1] = count;
  }
  if (count === hits.rows.length) return { offsets, rows: hits.rows, scores: hits.scores };
  const [rows, scores] = [new Uint32Array(count), new Float32Array(count)];
  for (let query = 0; query < queryCount; query += 1) {
    const [first, to] = [query * k, offsets[query]!];
    const end = first + offsets[query + 1]! - to;
    rows.set(hits.rows.subarray(first, end), to);
    scores.set(hits.scores.subarray(first, end), to);
  }
  return { offsets, rows, scores };
}

function asSegmentHits(found: readonly Found[], wanted: number): SegmentHits {
  const offsets = new Uint32Array(found.length + 1);
  for (let query = 0; query < found.length; query += 1) {
    offsets[query + 1] = offsets[query]! + Math.min(found[query]!.rows.length, wanted);
  }
  const rows = new Uint32Array(offsets[found.length]!);
  const scores = new Float32Array(rows.length);
  for (let query = 0; query < found.length; query += 1) {
    const count = offsets[query + 1]! - offsets[query]!;
    rows.set(found[query]!.rows.slice(0, count), offsets[query]!);
    scores.set(found[query]!.scores.slice(0, count), offsets[query]!);
  }
  return { offsets, rows, scores };
}
