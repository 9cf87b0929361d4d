/**
 * Indexes of the kernel, built from rows to a file, opened beside those rows: graphs over codes of one byte a dimension, inverted lists, and
 * packed lists of sparse rows, which alone are exact.
 *
 * Only the native kernel has them. The twin has no graph: without a compiler, and in the simulator, sealed segments are searched exactly,
 * which needs no index. `indexesOf` (load.ts) gives null there, and callers must take that for an answer.
 *
 * Always true:
 *  - an open index holds codes and lists in memory, or maps them from its file; raw rows stay where their handle has them (a mapped file, once on disk). What is
 *    scored there, and that is every hit of a graph, has the same bits as a score of `exactSearch`;
 *  - the same rows, options and seed give the same file on every machine, whatever the number of threads;
 *  - a file that is damaged, or was built from other rows, is refused when it is opened;
 *  - an open index holds its rows open, and a search its index, whatever is closed meanwhile.
 */

import type { Bitset } from "../model/bitset.ts";
import type { Metric } from "../model/types.ts";
import { KernelError } from "./kernel.ts";
import type { Handle, HashBits, SearchHits } from "./kernel.ts";
import type { RowLayout, RowValues } from "./layout.ts";
import type { SparseEntries } from "./sparse-kernel.ts";

export const MIN_DEGREE = 2;
export const MAX_DEGREE = 512;
export const MAX_BEAM = 16384;
export const MAX_WIDTH = 16384;
export const MAX_INDEX_ROWS = 0x7fffffff;

export const MAX_LISTS = 65536;
export const MAX_BOOK_BITS = 12;
export const MAX_STAGES = 16;
export const MAX_REORDER = 1_048_576;
export const MAX_QUERY_BITS = 8;

/** The time limit of an index search has passed. */
export class KernelLateError extends KernelError {}

/** What the build of every kind is told. */
export interface IndexRequest {
  readonly rows: Handle;
  /** Only the first `rowCount` rows are indexed. */
  readonly rowCount: number;
  readonly metric: Metric;
  /** A whole number below 2^53. */
  readonly seed: number;
  /** Written as `path`.part, flushed, renamed. A build that fails or is aborted leaves neither. */
  readonly path: string;
}

/**
 * lean: codes of one byte a dimension, and neighbour lists. packed: beside each list one bit a dimension and neighbour as well, so that
 * a visit reads one piece of memory: about four times the memory of lean, and searches at twice its speed and more.
 */
export type GraphLayout = "lean" | "packed";

/** Neighbour lists over codes of one byte a dimension. */
export interface GraphBuild extends IndexRequest {
  readonly kind: "graph";
  /** "lean" if it is left out. */
  readonly layout?: GraphLayout;
  /** Neighbours of a row, 2 to 256: twice what HNSW calls M. */
  readonly degree: number;
  /** Candidates looked at for each row, 1 to 16,384: what HNSW calls efConstruction. At least `degree` is taken. */
  readonly beam: number;
}

/**
 * What stands for a row in its list: nothing (raw values score), a byte a dimension, a product quantiser of what is left beside the
 * centre, the same of 4 bits in blocks that are scanned by shuffles, or the signs of what is left after a rotation.
 */
export type ListCodes =
  | { readonly codes: "none" | "byte" | "sign" }
  /** 1 to `dimension` subspaces, each with a book of 2^bits words: 1 to 12 bits. */
  | { readonly codes: "book"; readonly subspaces: number; readonly bits: number }
  | { readonly codes: "nibble"; readonly subspaces: number };

/** Rows in lists by the nearest of some centres. Binary rows have no codes, and HAMMING or JACCARD. */
export type ListsBuild = IndexRequest &
  ListCodes & {
    readonly kind: "lists";
    /** 1 to 65,536; never more than rows are made. */
    readonly lists: number;
  };

/**
 * What stands for a row of a slim graph: a product quantiser; several of them, each of what the one before has left; some bits a dimension;
 * or the row itself in halves.
 */
export type SlimCodes =
  /** 1 to `dimension` subspaces, each with a book of 2^bits words: 1 to 12 bits. */
  | { readonly codes: "book"; readonly subspaces: number; readonly bits: number }
  /** 1 to 16 stages. */
  | { readonly codes: "stages"; readonly subspaces: number; readonly bits: number; readonly stages: number }
  | { readonly codes: "scalar"; readonly bits: 4 | 6 | 8 }
  | { readonly codes: "float16" | "bfloat16" };

/** Neighbour lists over codes; raw rows are only read for the candidates. Not of binary rows. */
export type SlimBuild = IndexRequest &
  SlimCodes & {
    readonly kind: "slim";
    /** As of a graph. */
    readonly degree: number;
    readonly beam: number;
  };

/** Bands of MinHash signatures: rows of bits, by the share of equal hashes. */
export interface BandsBuild extends IndexRequest {
  readonly kind: "bands";
  /** Divides the dimension. */
  readonly hashBits: HashBits;
  /** 1 to as many as a signature has hashes. */
  readonly bands: number;
}

/** Packed lists. `rows` are sparse ones, the metric IP; nothing hangs on the seed. */
export interface PostingsBuild extends IndexRequest {
  readonly kind: "postings";
}

export type IndexBuild = GraphBuild | ListsBuild | SlimBuild | PostingsBuild | BandsBuild;

/** Whether the file is read into memory, in huge pages, or mapped, so that the system keeps as much of it there as it has room for. */
export type OpenMode = "read" | "map";

export interface IndexBuildJob {
  /** Rejects with the signal's reason if it was aborted first. */
  readonly done: Promise<void>;
  /** From 0 to 1. */
  progress(): number;
}

export interface GraphParameters {
  readonly kind: "graph";
  /** Width of the search, 1 to 16,384; at least k is taken. Wider is slower and finds more. */
  readonly ef: number;
}

export interface ListsParameters {
  readonly kind: "lists";
  /**
   * How many lists are scanned, from 1 on. More are scanned until k rows were scored, and under a filter until as many allowed rows were
   * scored as rows would be without it.
   */
  readonly probes: number;
  /** With codes: how many candidates are scored again by raw values, at least k; null: none, scores are those of the codes. */
  readonly reorder: number | null;
  /** With signs: bits that a dimension of the query is rounded to, 1 to 8; null: as many as serve. */
  readonly queryBits: number | null;
}

export interface SlimParameters {
  readonly kind: "slim";
  /** Width of the search, 1 to 16,384; at least k and `reorder` are taken. */
  readonly ef: number;
  /** How many candidates are read from the raw rows, at least k; null: as many as the width. */
  readonly reorder: number | null;
}

export interface BandsParameters {
  readonly kind: "bands";
  /**
   * How many of the rows that share a band are scored, those that share most first; at least k. `"none"`: every row that shares one is a hit with
   * score 1, as with `bands` in an exact search; null: all.
   */
  readonly reorder: number | "none" | null;
}

export interface PostingsParameters {
  readonly kind: "postings";
  /** Which lists are read: all; those of windows of rows that can hold a hit; the promising first, the rest where that is cheaper. */
  readonly algorithm: "all" | "wand" | "maxscore";
  /** What a block can add at most is taken for so much of it. From 1 on every hit is found; below, searches are quicker and may miss some. */
  readonly boundRatio: number;
}

export type SearchParameters =
  | GraphParameters
  | ListsParameters
  | SlimParameters
  | PostingsParameters
  | BandsParameters;

/** `Queries`: what the rows are asked with, entries where they are sparse. */
export interface IndexSearch<Queries = RowValues> {
  readonly index: Handle;
  /** As many values as the rows have, for each query, in an array of their kind. */
  readonly queries: Queries;
  /**
   * Of a graph: rows that are searched, not fewer than it has. Those behind its own are scored one by one; `allowed` and `rank` are as long.
   * Absent: its own.
   */
  readonly rowCount?: number;
  /** Hits wanted a query, 1 to 16,384. */
  readonly k: number;
  /** Those of the index's own kind. */
  readonly parameters: SearchParameters;
  /** Rows that may be returned; null means all. Recall does not hang on how many they are, nor on where they lie. */
  readonly allowed: Bitset | null;
  /** What `allowed` bars was deleted: the search is as sure as one without it. Absent: a filter bars it, and searches under filters are surer. */
  readonly isUnfiltered?: boolean;
  /** As for an exact search, among the rows that were looked at. */
  readonly rank: Uint32Array | null;
  readonly range: { readonly outer: number; readonly inner: number | null } | null;
  /** From the start of the search; null: none. Rejects with a KernelLateError. */
  readonly timeLimitMicroseconds: number | null;
  /** As for an exact search. */
  readonly alone?: boolean;
}

/** What a search did, summed over its queries: for EXPLAIN. */
export interface IndexWork {
  readonly visitedRows: number;
  readonly codeDistances: number;
  /** Rows scored by their raw values. */
  readonly exactScores: number;
  /** Queries for which the codes of all allowed rows were scanned, because the filter or the width made that cheaper or necessary. */
  readonly codeScans: number;
  /** Queries for which all raw rows that are allowed were scored: ranges with an inner bound, and lists of which few rows are allowed. */
  readonly rawScans: number;
  readonly probedLists: number;
}

export interface IndexHits extends SearchHits {
  /** Where searches were joined, an equal part of what they did together. */
  readonly work: IndexWork;
}

export interface GraphDescription {
  readonly kind: "graph";
  readonly layout: GraphLayout;
  readonly metric: Metric;
  readonly dimension: number;
  readonly degree: number;
  /** Neighbours that a row has room for: `degree`, or in a packed graph the next multiple of 32, all of which are used. */
  readonly slots: number;
  readonly beam: number;
  readonly rowCount: number;
  /** Fewer than `rowCount`: rows of equal codes share one, and zero vectors have none under COSINE. */
  readonly graphRowCount: number;
  readonly codeBytes: number;
  readonly listBytes: number;
  /** Clusters of the rows, for searches under filters; a growing graph has none. */
  readonly clusterCount: number;
  readonly clusterBytes: number;
  readonly otherBytes: number;
  /** All of these. */
  readonly memoryBytes: number;
  readonly fileBytes: number;
  readonly entryRows: readonly number[];
  /** How many rows of the graph have 0, 1, … `slots` neighbours. */
  readonly rowsOfDegree: readonly number[];
}

export interface ListsDescription {
  readonly kind: "lists";
  readonly codes: ListCodes["codes"];
  readonly metric: Metric;
  readonly layout: RowLayout;
  readonly lists: number;
  /** 0 without books. */
  readonly subspaces: number;
  readonly bits: number;
  readonly rowCount: number;
  /** Rows in no list: zero vectors under COSINE. */
  readonly looseRowCount: number;
  readonly emptyLists: number;
  readonly shortestList: number;
  readonly longestList: number;
  readonly centreBytes: number;
  readonly numberBytes: number;
  readonly codeBytes: number;
  readonly otherBytes: number;
  /** All of these. */
  readonly memoryBytes: number;
  readonly fileBytes: number;
}

export interface SlimDescription {
  readonly kind: "slim";
  readonly codes: SlimCodes["codes"];
  readonly metric: Metric;
  readonly layout: RowLayout;
  readonly degree: number;
  readonly beam: number;
  /** 0 where the codes have none. */
  readonly subspaces: number;
  readonly bits: number;
  readonly stages: number;
  readonly rowCount: number;
  readonly graphRowCount: number;
  readonly neighbourCount: number;
  readonly codeBytes: number;
  readonly listBytes: number;
  readonly otherBytes: number;
  /** Raw rows that are in memory besides, and their bytes. */
  readonly keptRowCount: number;
  readonly keptBytes: number;
  /** All of these. */
  readonly memoryBytes: number;
  readonly fileBytes: number;
}

export interface BandsDescription {
  readonly kind: "bands";
  readonly metric: Metric;
  readonly layout: RowLayout;
  readonly hashBits: number;
  readonly bands: number;
  /** Hashes of one band. */
  readonly bandHashes: number;
  readonly rowCount: number;
  /** Of all bands together: rows that share one. */
  readonly bucketCount: number;
  readonly longestBucket: number;
  readonly keyBytes: number;
  readonly numberBytes: number;
  /** All of these. */
  readonly memoryBytes: number;
  readonly fileBytes: number;
}

export interface PostingsDescription {
  readonly kind: "postings";
  readonly metric: Metric;
  readonly rowCount: number;
  readonly termCount: number;
  readonly postingCount: number;
  readonly blockCount: number;
  readonly listBytes: number;
  /** All of these. */
  readonly memoryBytes: number;
  readonly fileBytes: number;
}

type Described = GraphDescription | ListsDescription | SlimDescription | PostingsDescription | BandsDescription;

/** `memoryBytes` is what is in memory of its own, without `mappedBytes`, which lie in the mapped file. */
export type IndexDescription = Described & { readonly mappedBytes: number };

/** What the process holds now, in bytes, besides rows. */
export interface IndexMemory {
  readonly indexBytes: number;
  readonly buildBytes: number;
  readonly searchBytes: number;
  /** Files that are mapped: no memory of the process's own. */
  readonly mappedBytes: number;
}

/** A graph over rows that still come, in memory only: rows of numbers, neighbours and candidates as for a build. */
export interface GrowingGraph {
  readonly rows: Handle;
  readonly metric: Metric;
  readonly degree: number;
  readonly beam: number;
  readonly seed: number;
}

export interface IndexKernel {
  /** Runs on the kernel's threads, below searches. Throws a KernelError if the plan does not fit. */
  buildIndex(build: IndexBuild, signal?: AbortSignal): IndexBuildJob;
  /**
   * Learns the kind from the file. Reads it, off the calling thread, and checks all of it. `rows` must be those that it was built from, or
   * more. The mode is "read" if it is left out.
   */
  openIndex(path: string, rows: Handle, mode?: OpenMode): Promise<Handle>;
  /**
   * Of a slim graph over mapped rows: keeps as many rows in memory as `bytes` hold, those that most rows have for a neighbour, and four bytes for
   * every row; those that were kept before go. Of rows that are in memory nothing is kept.
   */
  keepRows(index: Handle, bytes: number): Promise<void>;
  /** Closing twice is harmless. */
  closeIndex(index: Handle): void;
  /** Nearest rows. Until the promise settles its arrays are read: they must not change, nor their buffers be transferred. */
  searchIndex(search: IndexSearch<RowValues | SparseEntries>, signal?: AbortSignal): Promise<IndexHits>;
  /**
   * Small searches of one query each through graphs, made on the calling thread before this returns, their walks in turn: one computes while
   * others wait for memory. Null: one of them is none, or enough was done in this turn of the event loop. `allowedRows`: how many are allowed
   * of each, where somebody has counted them.
   */
  searchIndexesNow(searches: readonly IndexSearch[], allowedRows: readonly (number | null)[]): IndexHits[] | null;
  describeIndex(index: Handle): IndexDescription;
  /** Takes no memory before rows are indexed. */
  createGrowing(graph: GrowingGraph): Handle;
  /**
   * Indexes the first `rowCount` rows, or as many as there is room for (16 Mi), on the kernel's threads, below searches. Resolves with an index
   * over the rows that are in the graph now (`describeIndex` tells how many): never fewer than before, whatever was appended or is
   * indexed later. It is searched and closed like one that was opened. One extension of a graph at a time; one that was aborted has done
   * no harm.
   */
  extendGrowing(growing: Handle, rowCount: number, signal?: AbortSignal): Promise<Handle>;
  /** Closing twice is harmless. Indexes that it has given stay open. */
  closeGrowing(growing: Handle): void;
  memoryUsed(): IndexMemory;
}
