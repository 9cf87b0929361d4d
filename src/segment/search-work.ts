/**
 * What one search of one segment did, counted for an explanation. Searches that nobody wants explained have none of it.
 */

import { LEAST_INDEXED_ROWS } from "../index/families.ts";
import type { IndexWork, SearchParameters } from "../kernel/index-kernel.ts";
import { countBits } from "../model/bitset.ts";
import type { Bitset } from "../model/bitset.ts";
import { type SearchStrategy, type SegmentExplanation, recallAt } from "../model/explain.ts";
import type { FieldVectors } from "./field-vectors.ts";
import type { SegmentIndexFacts } from "./index-facts.ts";

/** The segment that was searched, and how. */
export interface SearchedSegment {
  readonly segmentId: bigint;
  readonly state: "growing" | "sealed";
  readonly rowCount: number;
  /** Null: all. */
  readonly allowed: Bitset | null;
  readonly index: SegmentIndexFacts | null;
}

export class SearchWork {
  #exactQueries = 0;
  #indexQueries = 0;
  #codeQueries = 0;
  #keptQueries = 0;
  #visitedRows = 0;
  #codeDistances = 0;
  #exactScores = 0;
  #parameters: SearchParameters | null = null;

  /** The same vectors; their exact searches are counted. */
  counting(vectors: Pick<FieldVectors, "search">): Pick<FieldVectors, "search"> {
    return {
      search: async (ask, signal) => {
        const hits = await vectors.search(ask, signal);
        const queryCount = hits.tied.length;
        this.#exactQueries += queryCount;
        this.#exactScores += queryCount * (ask.allowed === null ? ask.rowCount : countBits(ask.allowed));
        return hits;
      },
    };
  }

  addIndexed(work: IndexWork, queryCount: number, parameters: SearchParameters): void {
    this.#parameters = parameters;
    this.#exactQueries += work.rawScans;
    this.#codeQueries += work.codeScans;
    this.#indexQueries += queryCount - work.rawScans - work.codeScans;
    this.#visitedRows += work.visitedRows;
    this.#codeDistances += work.codeDistances;
    this.#exactScores += work.exactScores;
  }

  /** A query was answered by what an earlier page had found, by an index with these parameters or, null, exactly. */
  addKept(parameters: SearchParameters | null): void {
    this.#keptQueries += 1;
    this.#parameters ??= parameters;
  }

  explain({ segmentId, state, rowCount, allowed, index }: SearchedSegment): SegmentExplanation {
    const allowedRows = allowed === null ? rowCount : countBits(allowed);
    const strategy = this.#strategy();
    return {
      segmentId,
      state,
      rowCount,
      allowedRows,
      filter: null,
      strategy,
      reason: reasonOf(strategy, { state, rowCount, allowedRows, index }),
      parameters: this.#parameters === null ? "" : textOf(this.#parameters),
      visitedRows: this.#visitedRows,
      codeDistances: this.#codeDistances,
      exactScores: this.#exactScores,
      estimatedRecall: this.#recall(index),
    };
  }

  #strategy(): SearchStrategy {
    const counts = [this.#exactQueries, this.#codeQueries, this.#indexQueries, this.#keptQueries];
    const used = counts.filter((count) => count > 0).length;
    if (used === 0) return "none";
    if (used > 1) return "mixed";
    if (this.#keptQueries > 0) return "kept";
    return this.#exactQueries > 0 ? "exact" : this.#codeQueries > 0 ? "codes" : "index";
  }

  /** A scan of codes sees every allowed row: it finds what the widest search that was sampled finds, or more. */
  #recall(index: SegmentIndexFacts | null): number {
    const walkedQueries = this.#indexQueries + this.#keptQueries;
    const queries = this.#exactQueries + this.#codeQueries + walkedQueries;
    if (index === null || this.#parameters === null || queries === 0 || index.family.sampled(0).length === 0) return 1;
    const walked = recallAt(index.recall, index.family.width(this.#parameters));
    const scanned = index.recall.at(-1)?.recall ?? 0;
    return (this.#exactQueries + this.#codeQueries * scanned + walkedQueries * walked) / queries;
  }
}

function reasonOf(
  strategy: SearchStrategy,
  {
    state,
    rowCount,
    allowedRows,
    index,
  }: Pick<SearchedSegment, "state" | "rowCount" | "index"> & { readonly allowedRows: number },
): string {
  if (strategy === "none") return "no row may be returned";
  if (strategy === "kept") return "an earlier page of the same search has found these rows already";
  if (index === null) {
    if (state === "growing") {
      return strategy === "exact"
        ? "few rows that are not flushed, or an index type that means an exact search"
        : "a graph over rows that are not flushed; those behind it are scanned";
    }
    if (rowCount < LEAST_INDEXED_ROWS) return `a segment of fewer than ${LEAST_INDEXED_ROWS} rows has no index`;
    return "no index is open: the type means an exact search, or none is built yet";
  }
  switch (strategy) {
    case "exact":
      return `${allowedRows} of ${rowCount} rows may be returned: looking at them costs less than the index, or only that is right`;
    case "codes":
      return "the filter or the width makes a look at every code cheaper, or needed";
    case "index":
      return `${index.indexType} is searched by its ${index.family.kind}`;
    case "mixed":
      return "queries were answered in different ways, or asked again without the index because it found too few";
  }
}

function textOf(parameters: SearchParameters): string {
  return Object.entries(parameters)
    .filter(([key, value]) => key !== "kind" && value !== null)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(" ");
}
