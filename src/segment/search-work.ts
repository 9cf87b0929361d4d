/**
 * What one search of one segment did, counted for an explanation. Searches that nobody wants explained have none of it.
 */

import { LEAST_INDEXED_ROWS } from "../index/families.ts";
import type { IndexWork, SearchParameters } from "../kernel/index-kernel.ts";
import { countBits } from "../model/bitset.ts";
import type { Bitset } from "../model/bitset.ts";
import { type RecallSample, type SearchStrategy, type SegmentExplanation, recallAt } from "../model/explain.ts";
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

/** The parameters of a search through an index, and what a sample said of such. */
export interface IndexedSearch {
  readonly parameters: SearchParameters;
  /** How wide they are, in the unit of the samples. */
  readonly width: number;
  /** None: nobody has measured. */
  readonly recall: readonly RecallSample[];
  /** Rows that it might have returned. */
  readonly rowCount: number;
}

/** Lists that were asked for through an index: how many, of how many vectors, and how many elements each of those looked for. */
interface AskedElements {
  readonly queryCount: number;
  readonly vectorCount: number;
  readonly k: number;
  readonly parameters: SearchParameters;
}

export class SearchWork {
  /** What each part finds of what an exact search would, by the rows that it is about. */
  #found = 0;
  #weight = 0;
  #isUnknown = false;
  #exactQueries = 0;
  #indexQueries = 0;
  #codeQueries = 0;
  #keptQueries = 0;
  #visitedRows = 0;
  #codeDistances = 0;
  #exactScores = 0;
  #parameters: SearchParameters | null = null;
  /** That each vector of a list looks for; null: no lists were asked for through an index. */
  #elements: number | null = null;

  /** The same vectors; their exact searches are counted. */
  counting(vectors: Pick<FieldVectors, "search">): Pick<FieldVectors, "search"> {
    return {
      search: async (ask, signal) => {
        const hits = await vectors.search(ask, signal);
        const queryCount = hits.tied.length;
        this.#exactQueries += queryCount;
        const rows = ask.allowed === null ? ask.rowCount : countBits(ask.allowed);
        this.#exactScores += queryCount * rows;
        this.#estimate(queryCount * rows, 1);
        return hits;
      },
    };
  }

  addIndexed(work: IndexWork, queryCount: number, indexed: IndexedSearch): void {
    this.#parameters = indexed.parameters;
    const walked = queryCount - work.rawScans - work.codeScans;
    this.#exactQueries += work.rawScans;
    this.#codeQueries += work.codeScans;
    this.#indexQueries += walked;
    this.#visitedRows += work.visitedRows;
    this.#codeDistances += work.codeDistances;
    this.#exactScores += work.exactScores;
    const { rowCount, recall } = indexed;
    this.#estimate(work.rawScans * rowCount, 1);
    // A scan of codes sees every allowed row: it finds what the widest search that was sampled finds, or more.
    this.#estimate(work.codeScans * rowCount, recall.at(-1)?.recall ?? null);
    this.#estimate(walked * rowCount, recallOf(indexed));
  }

  /** Lists were asked for by the nearest elements of their vectors. Nobody has measured how many of the nearest lists that finds. */
  addCandidates(work: IndexWork, asked: AskedElements): void {
    const { queryCount, vectorCount, k, parameters } = asked;
    this.#parameters = parameters;
    this.#elements = k;
    if (work.codeScans === vectorCount) this.#codeQueries += queryCount;
    else this.#indexQueries += queryCount;
    this.#visitedRows += work.visitedRows;
    this.#codeDistances += work.codeDistances;
    this.#exactScores += work.exactScores;
    this.#estimate(1, null);
  }

  /** Rows, or lists, that were compared besides. */
  addExactScores(count: number): void {
    this.#exactScores += count;
  }

  /** A query was answered by what an earlier page had found, by an index so or, null, exactly. */
  addKept(indexed: IndexedSearch | null): void {
    this.#keptQueries += 1;
    this.#parameters ??= indexed?.parameters ?? null;
    this.#estimate(indexed?.rowCount ?? 1, indexed === null ? 1 : recallOf(indexed));
  }

  #estimate(weight: number, recall: number | null): void {
    if (weight === 0) return;
    this.#weight += weight;
    if (recall === null) this.#isUnknown = true;
    else this.#found += weight * recall;
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
      reason: reasonOf(strategy, { state, rowCount, allowedRows, index, isOfLists: this.#elements !== null }),
      parameters: this.#text(),
      visitedRows: this.#visitedRows,
      codeDistances: this.#codeDistances,
      exactScores: this.#exactScores,
      estimatedRecall: this.#isUnknown ? null : this.#weight === 0 ? 1 : this.#found / this.#weight,
    };
  }

  #text(): string {
    if (this.#parameters === null) return "";
    return this.#elements === null
      ? textOf(this.#parameters)
      : `${textOf(this.#parameters)} elements=${this.#elements}`;
  }

  #strategy(): SearchStrategy {
    const counts = [this.#exactQueries, this.#codeQueries, this.#indexQueries, this.#keptQueries];
    const used = counts.filter((count) => count > 0).length;
    if (used === 0) return "none";
    if (used > 1) return "mixed";
    if (this.#keptQueries > 0) return "kept";
    return this.#exactQueries > 0 ? "exact" : this.#codeQueries > 0 ? "codes" : "index";
  }
}

function recallOf({ recall, width }: IndexedSearch): number | null {
  return recall.length === 0 ? null : recallAt(recall, width);
}

function reasonOf(
  strategy: SearchStrategy,
  {
    state,
    rowCount,
    allowedRows,
    index,
    isOfLists,
  }: Pick<SearchedSegment, "state" | "rowCount" | "index"> & {
    readonly allowedRows: number;
    readonly isOfLists: boolean;
  },
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
  if (isOfLists && strategy !== "exact") {
    return `${index.indexType} finds the nearest elements of each vector by its ${index.family.kind}, and their rows are compared as lists`;
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
