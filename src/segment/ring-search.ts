/**
 * Searches with an inner bound, through an index: the next pages of an iterator, and rings.
 *
 * An index finds what is nearest and knows of no ring. So the nearest rows are asked for, many at a time, and those inside the bound are left
 * out; as a page follows a page, what was found and not told yet is kept, and the next page costs nothing until it is used up. Then four times
 * as many are asked for. Where that would be a good part of all rows, or more than a search can want, the rows of the ring are scanned, again
 * many at a time.
 *
 * Always true:
 *  - scores are exact, and a row is in the ring by its score alone: whatever is kept or asked again, no row comes on two pages whose
 *    bounds are the scores of the hits before;
 *  - what is kept is used for the same query over the same rows only, compared byte by byte: a row deleted since makes it another search;
 *  - as many hits come back as an exact search would give, unless an outer bound cuts them off;
 *  - at most `MOST_KEPT` lists are kept.
 */

import { assert } from "../base/assert.ts";
import type { SearchParameters } from "../kernel/index-kernel.ts";
import { MAX_REORDER, MAX_WIDTH } from "../kernel/index-kernel.ts";
import { MAX_K, NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import type { Bitset } from "../model/bitset.ts";
import { chosenQueries } from "../model/queries.ts";
import { isDistance } from "../model/types.ts";
import type { VectorAsk } from "./field-vectors.ts";

const MOST_KEPT = 4;
const DEEPER = 4;
const LEAST_DEPTH = 256;
/** Of so many rows and more a scan costs less than looking for them. */
const MOST_SHARE = 0.25;
const LEAST_SCANNED = 1024;
/** Hits at the end of a list are found less surely than those at its head, and a page is told to its end (`docs/performance.md`). */
const WIDTH_A_HIT = 4;

/** How a segment is searched. */
export interface RingSource {
  /** The nearest rows as far as the index finds them; no inner bound, and no ranks. */
  nearest(ask: VectorAsk): Promise<SearchHits>;
  exact(ask: VectorAsk): Promise<SearchHits>;
  /** A query was answered by what was kept: of the nearest `depth` rows as the index finds them, or null, exactly. */
  answeredBefore(depth: number | null): void;
}

interface Kept {
  readonly query: Uint8Array;
  readonly allowed: Bitset | null;
  readonly rowCount: number;
  readonly outer: number | null;
  /** Where the list begins; null: at the nearest row. */
  readonly from: number | null;
  readonly depth: number;
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
  /** A row behind the last has its score. */
  readonly isTied: boolean;
}

interface Selected {
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
  readonly isTied: boolean;
}

export class RingSearch {
  /** The one used last is last. */
  #kept: Kept[] = [];

  /** `reachable`: rows that may be returned. */
  async search(ask: VectorAsk, reachable: number, source: RingSource): Promise<SearchHits> {
    assert(ArrayBuffer.isView(ask.queries) && ask.range?.inner != null, "a ring of dense vectors has an inner bound");
    const { k, queryCount } = ask;
    const all = {
      rows: new Uint32Array(queryCount * k).fill(NO_ROW),
      scores: new Float32Array(queryCount * k).fill(Number.NaN),
      tied: new Uint8Array(queryCount),
    };
    for (let query = 0; query < queryCount; query += 1) {
      const queries = chosenQueries(ask.queries, queryCount, [query]);
      const { rows, scores, isTied } = await this.#one({ ...ask, queries, queryCount: 1 }, reachable, source);
      all.rows.set(rows, query * k);
      all.scores.set(scores, query * k);
      all.tied[query] = isTied ? 1 : 0;
    }
    return all;
  }

  async #one(ask: VectorAsk, reachable: number, source: RingSource): Promise<Selected> {
    const known = this.#kept.find((kept) => isFor(kept, ask));
    const before = known === undefined ? null : select(known, ask);
    if (before !== null) {
      source.answeredBefore(known!.from === null ? known!.depth : null);
      return before;
    }
    const most = Math.min(MAX_K, Math.floor(reachable * MOST_SHARE));
    const outer = outerOf(ask);
    const range = outer === null ? null : { outer, inner: null };
    // Behind what was scanned the index knows nothing, either.
    const isScanned = known !== undefined && known.from !== null && !isBefore(ask, ask.range!.inner!, known.from);
    const first = Math.max(LEAST_DEPTH, DEEPER * ask.k, known?.from === null ? deeper(known.depth, most) : 0);
    let depth = isScanned ? most + 1 : first;
    for (; depth <= most; depth = deeper(depth, most)) {
      const hits = await source.nearest({ ...ask, k: depth, rank: null, range });
      const found = select(this.#keep(ask, null, depth, hits), ask);
      if (found !== null) return found;
    }
    const wide = Math.min(MAX_K, reachable, Math.max(LEAST_SCANNED, 2 * DEEPER * ask.k));
    const hits = await source.exact({ ...ask, k: wide, rank: null });
    const found = select(this.#keep(ask, ask.range!.inner, wide, hits), ask);
    if (found !== null) return found;
    // Rows that are alike go on behind what was scanned: their ranks decide.
    const exact = await source.exact(ask);
    const count = countOf(exact.rows);
    return {
      rows: exact.rows.subarray(0, count),
      scores: exact.scores.subarray(0, count),
      isTied: exact.tied[0] === 1,
    };
  }

  #keep(ask: VectorAsk, from: number | null, depth: number, hits: SearchHits): Kept {
    const count = countOf(hits.rows);
    const kept: Kept = {
      query: bytesOf(ask).slice(),
      allowed: ask.allowed === null ? null : ask.allowed.slice(),
      rowCount: ask.rowCount,
      outer: outerOf(ask),
      from,
      depth,
      rows: hits.rows.slice(0, count),
      scores: hits.scores.slice(0, count),
      isTied: hits.tied[0] === 1,
    };
    const others = this.#kept.filter((other) => !isFor(other, ask));
    this.#kept = [...others.slice(1 - MOST_KEPT), kept];
    return kept;
  }
}

/** The parameters of a search that goes as deep as `depth` where those of `k` hits were meant. */
export function deepParameters(given: SearchParameters, k: number, depth: number): SearchParameters {
  const width = WIDTH_A_HIT * depth;
  switch (given.kind) {
    case "graph":
      return { ...given, ef: Math.min(MAX_WIDTH, Math.max(given.ef, width)) };
    case "slim":
      return {
        ...given,
        ef: Math.min(MAX_WIDTH, Math.max(given.ef, width)),
        reorder: given.reorder === null ? null : Math.min(MAX_WIDTH, Math.max(given.reorder, width)),
      };
    case "lists":
      return {
        ...given,
        probes: given.probes * Math.ceil(depth / k),
        reorder: given.reorder === null ? null : Math.min(MAX_REORDER, Math.max(given.reorder, width)),
      };
    case "postings":
    case "bands":
      return given;
  }
}

/** The last step may be shorter, but not much. */
function deeper(depth: number, most: number): number {
  return depth * DEEPER > most && depth * 2 <= most ? most : depth * DEEPER;
}

function isBefore({ metric }: VectorAsk, score: number, bound: number): boolean {
  return isDistance(metric) ? score < bound : score > bound;
}

/** Null: the list does not say. */
function select(kept: Kept, ask: VectorAsk): Selected | null {
  const { rows, scores, depth } = kept;
  // As the kernel has bounds.
  const inner = Math.fround(ask.range!.inner!);
  const sign = isDistance(ask.metric) ? 1 : -1;
  if (kept.from !== null && isBefore(ask, inner, kept.from)) return null;
  let start = 0;
  while (start < scores.length && isBefore(ask, scores[start]!, inner)) start += 1;
  const left = rows.length - start;
  const isWhole = rows.length < depth;
  if (left < ask.k && !isWhole) return null;
  const end = start + Math.min(ask.k, left);
  if (end === start) return { rows: rows.subarray(0, 0), scores: scores.subarray(0, 0), isTied: false };
  let tieEnd = end;
  while (tieEnd < scores.length && scores[tieEnd] === scores[end - 1]) tieEnd += 1;
  const goesOn = tieEnd === rows.length && !isWhole && kept.isTied;
  const isTied = tieEnd > end || goesOn;
  if (ask.rank === null) return { rows: rows.subarray(start, end), scores: scores.subarray(start, end), isTied };
  if (goesOn) return null;
  const { rank } = ask;
  const ordered = Array.from({ length: tieEnd - start }, (_, at) => start + at).toSorted(
    (left, right) => sign * (scores[left]! - scores[right]!) || rank[rows[left]!]! - rank[rows[right]!]!,
  );
  return {
    rows: Uint32Array.from(ordered.slice(0, end - start), (at) => rows[at]!),
    scores: scores.subarray(start, end),
    isTied,
  };
}

function isFor(kept: Kept, ask: VectorAsk): boolean {
  return (
    kept.rowCount === ask.rowCount &&
    kept.outer === outerOf(ask) &&
    Buffer.compare(kept.query, bytesOf(ask)) === 0 &&
    (kept.allowed === null || ask.allowed === null
      ? kept.allowed === ask.allowed
      : Buffer.compare(kept.allowed, ask.allowed) === 0)
  );
}

/** Null: none that cuts anything off. */
function outerOf({ range }: VectorAsk): number | null {
  return range === null || !Number.isFinite(range.outer) ? null : range.outer;
}

function bytesOf({ queries }: VectorAsk): Uint8Array {
  assert(ArrayBuffer.isView(queries), "dense queries are numbers");
  return new Uint8Array(queries.buffer, queries.byteOffset, queries.byteLength);
}

function countOf(rows: Uint32Array): number {
  const end = rows.indexOf(NO_ROW);
  return end < 0 ? rows.length : end;
}
