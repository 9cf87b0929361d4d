/**
 * Which searches of the native kernel are alike, and how several are made one (joining).
 *
 * Always true: arrays that are shared (rows that may be returned, ranks) are the same array and not only equal ones, so that whoever still
 * waits for an answer keeps them as they are.
 */

import type { IndexHits, IndexSearch, IndexWork, SearchParameters } from "./index-kernel.ts";
import { Joiner } from "./joining.ts";
import { type ExactSearch, MAX_HITS, type SearchHits } from "./kernel.ts";
import type { RowValues } from "./layout.ts";

type Run<Search, Hits> = (search: Search, queryCount: number, signal: AbortSignal | undefined) => Promise<Hits>;
type Make = (length: number) => RowValues;
type Asked = Pick<ExactSearch, "k" | "allowed" | "rank" | "range" | "queries">;

/** Wider ones are few, and their answers large. */
const MOST_K = MAX_HITS >> 16;

export function joinedExact(
  atOnce: () => number,
  make: (search: ExactSearch, length: number) => RowValues,
  run: Run<ExactSearch, SearchHits>,
): Joiner<ExactSearch, SearchHits> {
  return new Joiner({
    atOnce,
    handleOf: ({ rows }) => rows,
    areAlike: (left, right) =>
      left.rowCount === right.rowCount &&
      left.metric === right.metric &&
      left.hashBits === right.hashBits &&
      left.bands === right.bands &&
      askAlike(left, right),
    join: (searches) => ({
      ...searches[0]!,
      queries: together(searches, (length) => make(searches[0]!, length)),
    }),
    part: (hits, { k }, first, queryCount) => partOf(hits, k, first, queryCount),
    run,
  });
}

export function joinedThroughIndex(
  atOnce: () => number,
  make: (search: IndexSearch, length: number) => RowValues,
  run: Run<IndexSearch, IndexHits>,
): Joiner<IndexSearch, IndexHits> {
  return new Joiner({
    atOnce,
    handleOf: ({ index }) => index,
    areAlike: (left, right) =>
      left.rowCount === right.rowCount &&
      left.timeLimitMicroseconds === right.timeLimitMicroseconds &&
      left.isUnfiltered === right.isUnfiltered &&
      areSame(left.parameters, right.parameters) &&
      askAlike(left, right),
    join: (searches) => ({
      ...searches[0]!,
      queries: together(searches, (length) => make(searches[0]!, length)),
    }),
    part: (hits, { k }, first, queryCount, all) => ({
      ...partOf(hits, k, first, queryCount),
      work: shareOf(hits.work, queryCount / all),
    }),
    run,
  });
}

/** Whether a search may wait for others: not one whose work is to be told, nor one with a limit of its own. */
export function mayBeJoined(search: ExactSearch | IndexSearch): boolean {
  const isLimited = "timeLimitMicroseconds" in search && search.timeLimitMicroseconds !== null;
  return search.alone !== true && !isLimited && search.k <= MOST_K;
}

function askAlike(left: Asked, right: Asked): boolean {
  return (
    left.k === right.k &&
    left.allowed === right.allowed &&
    left.rank === right.rank &&
    left.range?.outer === right.range?.outer &&
    left.range?.inner === right.range?.inner
  );
}

function areSame(left: SearchParameters, right: SearchParameters): boolean {
  const names = Object.keys(left) as (keyof SearchParameters)[];
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}

function together(searches: readonly Asked[], make: Make): RowValues {
  const queries = make(searches.reduce((length, search) => length + search.queries.length, 0));
  let at = 0;
  for (const search of searches) {
    queries.set(search.queries, at);
    at += search.queries.length;
  }
  return queries;
}

function partOf(hits: SearchHits, k: number, first: number, queryCount: number): SearchHits {
  const [start, end] = [first * k, (first + queryCount) * k];
  return {
    rows: hits.rows.slice(start, end),
    scores: hits.scores.slice(start, end),
    tied: hits.tied.slice(first, first + queryCount),
  };
}

function shareOf(work: IndexWork, share: number): IndexWork {
  return {
    visitedRows: work.visitedRows * share,
    codeDistances: work.codeDistances * share,
    exactScores: work.exactScores * share,
    codeScans: work.codeScans * share,
    rawScans: work.rawScans * share,
    probedLists: work.probedLists * share,
  };
}
