/** The checks of what index calls are given, before anything native is called. C++ checks lengths and handles once more. */

import { bitsetBytes } from "../model/bitset.ts";
import { checkMetric, checkQueries } from "./arguments.ts";
import {
  MAX_BEAM,
  MAX_BOOK_BITS,
  MAX_DEGREE,
  MAX_INDEX_ROWS,
  MAX_LISTS,
  MAX_QUERY_BITS,
  MAX_REORDER,
  MAX_STAGES,
  MAX_WIDTH,
  MIN_DEGREE,
} from "./index-kernel.ts";
import type {
  BandsBuild,
  GraphBuild,
  GrowingGraph,
  IndexBuild,
  IndexDescription,
  IndexSearch,
  ListsBuild,
  PostingsBuild,
  SearchParameters,
  SlimBuild,
} from "./index-kernel.ts";
import { KernelError, MAX_HITS, MAX_K } from "./kernel.ts";
import type { RowLayout, RowValues } from "./layout.ts";
import type { SparseEntries } from "./sparse-kernel.ts";

const NIBBLE_BITS = 4;

function require(condition: boolean, text: () => string): void {
  if (!condition) throw new KernelError(text());
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function isBound(value: number): boolean {
  return typeof value === "number" && !Number.isNaN(value);
}

export function checkIndexHandle(index: number): void {
  require(isWhole(index, 0, Number.MAX_SAFE_INTEGER), () => `${index} never was an index handle`);
}

export function checkPath(path: string): void {
  require(typeof path === "string" && path !== "" && !path.includes("\0"), () =>
    "the path of an index file is empty or holds a zero byte");
}

/** `held` is how many rows there are, of which layout. */
export function checkBuild(
  build: Exclude<IndexBuild, PostingsBuild>,
  held: number,
  { element, dimension }: RowLayout,
): void {
  const { rowCount, metric, seed, path } = build;
  require(isWhole(rowCount, 0, held), () => `${rowCount} rows are wanted, there are ${held}`);
  require(rowCount <= MAX_INDEX_ROWS, () => `${rowCount} rows are more than an index holds: ${MAX_INDEX_ROWS}`);
  checkMetric(metric, element);
  if (build.kind === "lists") checkLists(build, { element, dimension });
  else if (build.kind === "bands") checkBands(build, { element, dimension });
  else checkGraph(build, { element, dimension });
  require(isWhole(seed, 0, Number.MAX_SAFE_INTEGER), () => `seed ${seed} is no whole number below 2^53`);
  checkPath(path);
}

/** Rows and their count are looked at where they are. */
export function checkPostingsBuild({ rowCount, metric, path }: PostingsBuild): void {
  require(isWhole(rowCount, 0, Number.MAX_SAFE_INTEGER), () => `${rowCount} rows are wanted`);
  require(metric === "IP", () => `sparse rows are not compared by ${metric}`);
  checkPath(path);
}

/** Besides what every search of sparse rows is checked for. */
export function checkPostingsSearch(
  search: IndexSearch<RowValues | SparseEntries>,
  kind: IndexDescription["kind"],
): void {
  const { parameters, queries, timeLimitMicroseconds } = search;
  checkParameters(parameters, kind, search.k);
  require("offsets" in queries, () => "sparse rows are asked with sparse queries");
  require(timeLimitMicroseconds === null, () => "searches of sparse rows have no time limit");
}

function checkGraph(build: GraphBuild | SlimBuild, { element, dimension }: RowLayout): void {
  const { kind, degree, beam } = build;
  require(kind === "graph" || kind === "slim", () => `an index of kind ${String(kind)} is not known`);
  require(element !== "binary", () => `graphs are not built from rows of ${element}`);
  require(isWhole(degree, MIN_DEGREE, MAX_DEGREE), () => `degree ${degree} is not in ${MIN_DEGREE}..${MAX_DEGREE}`);
  require(isWhole(beam, 1, MAX_BEAM), () => `beam ${beam} is not in 1..${MAX_BEAM}`);
  if (build.kind === "slim") return checkSlim(build, dimension);
  const { layout = "lean" } = build;
  require(layout === "lean" || layout === "packed", () => `layout ${String(layout)} is not known`);
}

function checkSlim(build: SlimBuild, dimension: number): void {
  switch (build.codes) {
    case "stages":
      require(isWhole(build.stages, 1, MAX_STAGES), () => `${build.stages} stages are not in 1..${MAX_STAGES}`);
      return checkBook(build.subspaces, build.bits, dimension);
    case "book":
      return checkBook(build.subspaces, build.bits, dimension);
    case "scalar":
      return require([4, 6, 8].includes(build.bits), () => `${build.bits} bits are none of 4, 6 and 8`);
    default: {
      const { codes } = build;
      require(codes === "float16" || codes === "bfloat16", () => `codes ${String(codes)} are not known`);
    }
  }
}

function checkBook(subspaces: number, bits: number, dimension: number): void {
  require(isWhole(subspaces, 1, dimension), () => `${subspaces} subspaces are not in 1..${dimension}`);
  require(isWhole(bits, 1, MAX_BOOK_BITS), () => `${bits} bits are not in 1..${MAX_BOOK_BITS}`);
}

function checkBands({ metric, hashBits, bands }: BandsBuild, { element, dimension }: RowLayout): void {
  require(element === "binary" && metric === "MHJACCARD", () => `there are no bands of ${element} under ${metric}`);
  require([8, 16, 32, 64].includes(hashBits), () => `a hash of ${hashBits} bits is none of 8, 16, 32 and 64`);
  require(dimension % hashBits === 0, () => `dimension ${dimension} is no multiple of a hash of ${hashBits} bits`);
  const hashes = dimension / hashBits;
  require(isWhole(bands, 1, hashes), () => `${bands} bands are not in 1..${hashes}`);
}

function checkLists(build: ListsBuild, { element, dimension }: RowLayout): void {
  require(isWhole(build.lists, 1, MAX_LISTS), () => `${build.lists} lists are not in 1..${MAX_LISTS}`);
  require(["HAMMING", "JACCARD"].includes(build.metric) || element !== "binary", () =>
    `there are no lists under ${build.metric}`);
  require(build.codes === "none" || element !== "binary", () => "lists of binary rows have no codes");
  if (build.codes === "book" || build.codes === "nibble") {
    checkBook(build.subspaces, build.codes === "book" ? build.bits : NIBBLE_BITS, dimension);
    return;
  }
  const { codes } = build;
  require(codes === "none" || codes === "byte" || codes === "sign", () => `codes ${String(codes)} are not known`);
}

function checkParameters(parameters: SearchParameters, kind: IndexDescription["kind"], k: number): void {
  require(parameters.kind === kind, () => `parameters of kind ${parameters.kind} do not fit an index of kind ${kind}`);
  if (parameters.kind === "bands") {
    const { reorder } = parameters;
    require(reorder === null || reorder === "none" || isWhole(reorder, k, MAX_REORDER), () =>
      `${reorder} candidates to score are not in ${k}..${MAX_REORDER}`);
    return;
  }
  if (parameters.kind === "postings") {
    const { algorithm, boundRatio } = parameters;
    require(["all", "wand", "maxscore"].includes(algorithm), () => `algorithm ${String(algorithm)} is not known`);
    require(Number.isFinite(boundRatio) && boundRatio > 0, () => `the ratio of bounds ${boundRatio} is not above 0`);
    return;
  }
  if (parameters.kind !== "lists") {
    const { ef } = parameters;
    require(isWhole(ef, 1, MAX_WIDTH), () => `ef ${ef} is not in 1..${MAX_WIDTH}`);
    if (parameters.kind === "slim") {
      const { reorder } = parameters;
      require(reorder === null || isWhole(reorder, k, MAX_WIDTH), () =>
        `${reorder} candidates to read again are not in ${k}..${MAX_WIDTH}`);
    }
    return;
  }
  const { probes, reorder, queryBits } = parameters;
  require(isWhole(probes, 1, MAX_LISTS), () => `${probes} probes are not in 1..${MAX_LISTS}`);
  require(reorder === null || isWhole(reorder, k, MAX_REORDER), () =>
    `${reorder} candidates to score again are not in ${k}..${MAX_REORDER}`);
  require(queryBits === null || isWhole(queryBits, 1, MAX_QUERY_BITS), () =>
    `${queryBits} bits of a query are not in 1..${MAX_QUERY_BITS}`);
}

export function checkKept(bytes: number): void {
  require(isWhole(bytes, 0, Number.MAX_SAFE_INTEGER), () => `${bytes} bytes of kept rows are no whole number`);
}

export function checkGrowing({ metric, degree, beam, seed }: GrowingGraph): void {
  checkMetric(metric, "float32");
  require(isWhole(degree, MIN_DEGREE, MAX_DEGREE), () => `degree ${degree} is not in ${MIN_DEGREE}..${MAX_DEGREE}`);
  require(isWhole(beam, 1, MAX_BEAM), () => `beam ${beam} is not in 1..${MAX_BEAM}`);
  require(isWhole(seed, 0, Number.MAX_SAFE_INTEGER), () => `seed ${seed} is no whole number below 2^53`);
}

export function checkExtension(rowCount: number): void {
  require(isWhole(rowCount, 1, MAX_INDEX_ROWS), () => `${rowCount} rows are not in 1..${MAX_INDEX_ROWS}`);
}

/** Returns the number of queries. */
export function checkIndexSearch(
  search: IndexSearch<RowValues | SparseEntries>,
  kind: IndexDescription["kind"],
  layout: RowLayout,
  indexedRows: number,
): number {
  const { queries, k, parameters, allowed, rank, range, timeLimitMicroseconds } = search;
  const { rowCount = indexedRows } = search;
  require(isWhole(rowCount, indexedRows, kind === "graph" ? MAX_INDEX_ROWS : indexedRows), () =>
    `${rowCount} rows cannot be searched through an index of kind ${kind} over ${indexedRows}`);
  require(isWhole(k, 1, MAX_K), () => `k ${k} is not in 1..${MAX_K}`);
  checkParameters(parameters, kind, k);
  require(ArrayBuffer.isView(queries), () => "dense rows are asked with dense queries");
  const queryCount = checkQueries(queries as RowValues, layout);
  require(queryCount * k <= MAX_HITS, () => `${queryCount} queries times k ${k} are more than ${MAX_HITS} hits`);
  if (allowed !== null) {
    require(allowed instanceof Uint8Array, () => "allowed rows must be a Uint8Array");
    require(allowed.length >= bitsetBytes(rowCount), () =>
      `${allowed.length} bytes of allowed rows are too few for ${rowCount} rows`);
  }
  if (rank !== null) {
    require(rank instanceof Uint32Array, () => "ranks must be a Uint32Array");
    require(rank.length >= rowCount, () => `${rank.length} ranks are too few for ${rowCount} rows`);
  }
  if (range !== null) {
    require(isBound(range.outer) && (range.inner === null || isBound(range.inner)), () =>
      "the bounds of the range are no numbers");
  }
  require(timeLimitMicroseconds === null || isWhole(timeLimitMicroseconds, 1, Number.MAX_SAFE_INTEGER), () =>
    `time limit ${timeLimitMicroseconds} is no whole number of microseconds above 0`);
  return queryCount;
}
