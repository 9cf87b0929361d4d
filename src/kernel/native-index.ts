/**
 * The TypeScript face of the native kernel's indexes: checks every argument before the call, makes objects of the answers.
 *
 * Not here: jobs and their ends (native.ts), which are those of the whole addon.
 */

import { assert, present, unreachable } from "../base/assert.ts";
import type { Bitset } from "../model/bitset.ts";
import { Metric, NUMBER_METRICS } from "../model/types.ts";
import * as check from "./arguments.ts";
import * as checkIndex from "./index-arguments.ts";
import { MAX_DEGREE } from "./index-kernel.ts";
import type {
  BandsDescription,
  GraphDescription,
  GraphLayout,
  GrowingGraph,
  IndexBuild,
  IndexBuildJob,
  IndexDescription,
  IndexHits,
  IndexKernel,
  IndexMemory,
  IndexSearch,
  IndexWork,
  ListCodes,
  ListsDescription,
  SlimCodes,
  OpenMode,
  PostingsParameters,
  PostingsDescription,
  SlimDescription,
} from "./index-kernel.ts";
import { joinedThroughIndex, mayBeJoined } from "./joined-searches.ts";
import type { Joiner } from "./joining.ts";
import type { Handle, SearchHits } from "./kernel.ts";
import type { SparseEntries, SparseSearch } from "./sparse-kernel.ts";
import { ELEMENT_NAMES, elementKind } from "./layout.ts";
import type { RowLayout, RowValues } from "./layout.ts";

/** What `native/src/node_index.h` exports. */
export interface IndexAddon {
  buildIndex(
    ticket: number,
    rows: Handle,
    rowCount: number,
    metric: number,
    degree: number,
    beam: number,
    seed: number,
    path: string,
    layout: number,
  ): void;
  buildLists(
    ticket: number,
    rows: Handle,
    rowCount: number,
    metric: number,
    lists: number,
    codes: number,
    subspaces: number,
    bits: number,
    seed: number,
    path: string,
  ): void;
  buildSlim(
    ticket: number,
    rows: Handle,
    rowCount: number,
    metric: number,
    degree: number,
    beam: number,
    subspaces: number,
    bits: number,
    seed: number,
    path: string,
    codes: number,
    stages: number,
  ): void;
  buildBands(
    ticket: number,
    rows: Handle,
    rowCount: number,
    hashBits: number,
    bands: number,
    seed: number,
    path: string,
  ): void;
  buildPostings(ticket: number, sparse: Handle, rowCount: number, path: string): void;
  openIndex(ticket: number, path: string, rows: Handle, mode: number): void;
  searchIndex(
    ticket: number,
    index: Handle,
    queries: RowValues,
    k: number,
    ef: number,
    allowed: Bitset | null,
    rank: Uint32Array | null,
    outer: number | null,
    inner: number | null,
    timeLimitMicroseconds: number,
    hitRows: Uint32Array,
    hitScores: Float32Array,
    tied: Uint8Array,
    work: Float64Array,
    probes: number,
    reorder: number,
    queryBits: number,
    rowCount: number,
  ): void;
  closeIndex(index: Handle): void;
  tellIndex(index: Handle, about: Float64Array): void;
  createGrowing(rows: Handle, metric: number, degree: number, beam: number, seed: number): Handle;
  extendGrowing(ticket: number, growing: Handle, rowCount: number): void;
  closeGrowing(growing: Handle): void;
  describeIndex(index: Handle, description: Float64Array): void;
  describeLists(index: Handle, description: Float64Array): void;
  describeSlim(index: Handle, description: Float64Array): void;
  describeBands(index: Handle, description: Float64Array): void;
  describePostings(index: Handle, description: Float64Array): void;
  progress(ticket: number): number;
  memoryUsed(bytes: Float64Array): void;
}

export type StartJob = (signal: AbortSignal | null, start: (ticket: number) => void) => Promise<number>;
/** Of packed lists; they know which rows are theirs. */
export type PostingsSearch = Omit<SparseSearch, "sparse"> & { readonly index: Handle };
type SearchPostings = (
  search: PostingsSearch,
  parameters: PostingsParameters,
  signal?: AbortSignal,
) => Promise<SearchHits>;
type Guarded = <T>(call: () => T) => T;

/** Their numbers are those of the kernel. */
const METRICS: readonly Metric[] = [...NUMBER_METRICS, "HAMMING", "JACCARD"];
const KINDS = ["graph", "lists", "slim", "postings", "bands"] as const;
type Kind = (typeof KINDS)[number];
type Described = GraphDescription | ListsDescription | SlimDescription | PostingsDescription | BandsDescription;
const CODES = ["none", "byte", "book", "nibble", "sign"] as const satisfies readonly ListCodes["codes"][];
const SLIM_CODES = ["book", "stages", "scalar", "float16", "bfloat16"] as const satisfies readonly SlimCodes["codes"][];
const LAYOUTS: readonly GraphLayout[] = ["lean", "packed"];
const MODES: readonly OpenMode[] = ["read", "map"];
const NO_WORK: IndexWork = {
  visitedRows: 0,
  codeDistances: 0,
  exactScores: 0,
  codeScans: 0,
  rawScans: 0,
  probedLists: 0,
};
const MOST_ENTRIES = 16;
const FIRST_ENTRY = 15;
const FIRST_DEGREE = FIRST_ENTRY + MOST_ENTRIES;
const WORK_COUNTS = 6;

/** 0 where the codes have none. */
function bookOf(codes: ListCodes | SlimCodes): { readonly subspaces: number; readonly bits: number } {
  return { subspaces: "subspaces" in codes ? codes.subspaces : 0, bits: "bits" in codes ? codes.bits : 0 };
}

export class NativeIndexes implements IndexKernel {
  readonly #addon: IndexAddon;
  readonly #startJob: StartJob;
  readonly #guarded: Guarded;
  readonly #rowsOf: (rows: Handle) => { readonly layout: RowLayout; readonly rowCount: number };
  readonly #joined: Joiner<IndexSearch, IndexHits>;
  readonly #searchPostings: SearchPostings;
  readonly #about = new Float64Array(5);
  readonly #description = new Float64Array(FIRST_DEGREE + MAX_DEGREE + 1);

  constructor(
    addon: IndexAddon,
    startJob: StartJob,
    guarded: Guarded,
    rowsOf: (rows: Handle) => { readonly layout: RowLayout; readonly rowCount: number },
    atOnce: () => number,
    searchPostings: SearchPostings,
  ) {
    this.#addon = addon;
    this.#startJob = startJob;
    this.#guarded = guarded;
    this.#rowsOf = rowsOf;
    this.#joined = joinedThroughIndex(
      atOnce,
      ({ index }, length) => elementKind(this.#tell(index).layout.element).make(length),
      (search, queryCount, signal) => this.#searchIndex(search, queryCount, signal),
    );
    this.#searchPostings = searchPostings;
  }

  buildIndex(build: IndexBuild, signal?: AbortSignal): IndexBuildJob {
    check.checkHandle(build.rows);
    if (build.kind === "postings") checkIndex.checkPostingsBuild(build);
    else {
      const held = this.#rowsOf(build.rows);
      checkIndex.checkBuild(build, held.rowCount, held.layout);
    }
    let ticket = 0;
    let ended = 0;
    const { rows, rowCount, seed, path } = build;
    const metric = METRICS.indexOf(build.metric);
    const done = this.#startJob(signal ?? null, (given) => {
      if (build.kind === "graph") {
        const { degree, beam, layout = "lean" } = build;
        this.#addon.buildIndex(given, rows, rowCount, metric, degree, beam, seed, path, LAYOUTS.indexOf(layout));
      } else if (build.kind === "slim") {
        const codes = SLIM_CODES.indexOf(build.codes);
        const stages = build.codes === "stages" ? build.stages : 0;
        const { degree, beam } = build;
        const { subspaces, bits } = bookOf(build);
        this.#addon.buildSlim(given, rows, rowCount, metric, degree, beam, subspaces, bits, seed, path, codes, stages);
      } else if (build.kind === "bands") {
        this.#addon.buildBands(given, rows, rowCount, build.hashBits, build.bands, seed, path);
      } else if (build.kind === "postings") {
        this.#addon.buildPostings(given, rows, rowCount, path);
      } else {
        const codes = CODES.indexOf(build.codes);
        const { subspaces, bits } = bookOf(build);
        this.#addon.buildLists(given, rows, rowCount, metric, build.lists, codes, subspaces, bits, seed, path);
      }
      ticket = given;
    }).then(() => {
      ended = 1;
    });
    return { done, progress: () => (ended === 1 || ticket === 0 ? ended : this.#addon.progress(ticket)) };
  }

  async openIndex(path: string, rows: Handle, mode: OpenMode = "read"): Promise<Handle> {
    checkIndex.checkPath(path);
    check.checkHandle(rows);
    return this.#startJob(null, (ticket) => this.#addon.openIndex(ticket, path, rows, MODES.indexOf(mode)));
  }

  closeIndex(index: Handle): void {
    checkIndex.checkIndexHandle(index);
    this.#joined.begin(index);
    this.#guarded(() => this.#addon.closeIndex(index));
  }

  async searchIndex(search: IndexSearch<RowValues | SparseEntries>, signal?: AbortSignal): Promise<IndexHits> {
    checkIndex.checkIndexHandle(search.index);
    const { kind, layout, rowCount } = this.#tell(search.index);
    const { parameters, queries } = search;
    if (parameters.kind === "postings") {
      checkIndex.checkPostingsSearch(search, kind);
      const hits = await this.#searchPostings(
        { ...search, rowCount, queries: queries as SparseEntries },
        parameters,
        signal,
      );
      return { ...hits, work: NO_WORK };
    }
    const queryCount = checkIndex.checkIndexSearch(search, kind, layout, rowCount);
    const dense = search as IndexSearch;
    if (!mayBeJoined(dense)) return this.#searchIndex(dense, queryCount, signal);
    return this.#joined.search(dense, queryCount, signal);
  }

  async #searchIndex(search: IndexSearch, queryCount: number, signal: AbortSignal | undefined): Promise<IndexHits> {
    const { parameters } = search;
    assert(parameters.kind !== "postings", "packed lists are searched elsewhere");
    // One piece of memory: each that the kernel writes to is made and collected outside of the heap, which a small search would notice.
    const count = queryCount * search.k;
    const first = WORK_COUNTS * Float64Array.BYTES_PER_ELEMENT;
    const memory = new ArrayBuffer(first + 8 * count + queryCount);
    const work = new Float64Array(memory, 0, WORK_COUNTS);
    const rows = new Uint32Array(memory, first, count);
    const scores = new Float32Array(memory, first + 4 * count, count);
    const tied = new Uint8Array(memory, first + 8 * count, queryCount);
    if (queryCount === 0) signal?.throwIfAborted();
    else {
      await this.#startJob(signal ?? null, (ticket) =>
        this.#addon.searchIndex(
          ticket,
          search.index,
          search.queries,
          search.k,
          "ef" in parameters ? parameters.ef : 0,
          search.allowed,
          search.rank,
          search.range === null ? null : search.range.outer,
          search.range === null ? null : search.range.inner,
          search.timeLimitMicroseconds ?? 0,
          rows,
          scores,
          tied,
          work,
          parameters.kind === "lists" ? parameters.probes : 0,
          parameters.kind === "graph" ? 0 : (parameters.reorder ?? 0),
          parameters.kind === "lists" ? (parameters.queryBits ?? 0) : 0,
          search.rowCount ?? 0,
        ),
      );
    }
    const [visitedRows = 0, codeDistances = 0, exactScores = 0, codeScans = 0, rawScans = 0, probedLists = 0] = work;
    return { rows, scores, tied, work: { visitedRows, codeDistances, exactScores, codeScans, rawScans, probedLists } };
  }

  describeIndex(index: Handle): IndexDescription {
    checkIndex.checkIndexHandle(index);
    const { kind, mappedBytes } = this.#tell(index);
    const described = this.#described(index, kind);
    return { ...described, memoryBytes: described.memoryBytes - mappedBytes, mappedBytes };
  }

  #described(index: Handle, kind: Kind): Described {
    switch (kind) {
      case "graph":
        this.#guarded(() => this.#addon.describeIndex(index, this.#description));
        return this.#describedGraph();
      case "lists":
        this.#guarded(() => this.#addon.describeLists(index, this.#description));
        return this.#describedLists();
      case "slim":
        this.#guarded(() => this.#addon.describeSlim(index, this.#description));
        return this.#describedSlim();
      case "bands":
        this.#guarded(() => this.#addon.describeBands(index, this.#description));
        return this.#describedBands();
      case "postings":
        this.#guarded(() => this.#addon.describePostings(index, this.#description));
        return this.#describedPostings();
      default:
        return unreachable(kind);
    }
  }

  #describedPostings(): PostingsDescription {
    const at = (place: number): number => this.#number(place);
    return {
      kind: "postings",
      metric: Metric.IP,
      rowCount: at(0),
      termCount: at(1),
      postingCount: at(2),
      blockCount: at(3),
      listBytes: at(4),
      memoryBytes: at(4),
      fileBytes: at(5),
    };
  }

  #describedSlim(): SlimDescription {
    const at = (place: number): number => this.#number(place);
    return {
      kind: "slim",
      codes: present(SLIM_CODES[at(14)], "the codes of the index"),
      metric: present(METRICS[at(0)], "the metric of the index"),
      layout: { element: present(ELEMENT_NAMES[at(2)], "the element of the rows"), dimension: at(1) },
      degree: at(3),
      beam: at(4),
      subspaces: at(5),
      bits: at(6),
      stages: at(15),
      rowCount: at(7),
      graphRowCount: at(8),
      neighbourCount: at(9),
      codeBytes: at(10),
      listBytes: at(11),
      otherBytes: at(12),
      memoryBytes: at(10) + at(11) + at(12),
      fileBytes: at(13),
    };
  }

  #describedBands(): BandsDescription {
    const at = (place: number): number => this.#number(place);
    return {
      kind: "bands",
      metric: "MHJACCARD",
      layout: { element: "binary", dimension: at(0) },
      hashBits: at(1),
      bands: at(2),
      bandHashes: at(3),
      rowCount: at(4),
      bucketCount: at(5),
      longestBucket: at(6),
      keyBytes: at(7),
      numberBytes: at(8),
      memoryBytes: at(7) + at(8),
      fileBytes: at(9),
    };
  }

  #describedGraph(): GraphDescription {
    const at = (place: number): number => this.#number(place);
    return {
      kind: "graph",
      layout: present(LAYOUTS[at(11)], "the layout of the index"),
      metric: present(METRICS[at(0)], "the metric of the index"),
      dimension: at(1),
      degree: at(2),
      slots: at(12),
      beam: at(3),
      rowCount: at(4),
      graphRowCount: at(5),
      codeBytes: at(6),
      listBytes: at(7),
      clusterCount: at(13),
      clusterBytes: at(14),
      otherBytes: at(8),
      memoryBytes: at(6) + at(7) + at(14) + at(8),
      fileBytes: at(9),
      entryRows: [...this.#description.subarray(FIRST_ENTRY, FIRST_ENTRY + at(10))],
      rowsOfDegree: [...this.#description.subarray(FIRST_DEGREE, FIRST_DEGREE + at(12) + 1)],
    };
  }

  createGrowing(graph: GrowingGraph): Handle {
    check.checkHandle(graph.rows);
    checkIndex.checkGrowing(graph);
    const { rows, metric, degree, beam, seed } = graph;
    return this.#guarded(() => this.#addon.createGrowing(rows, METRICS.indexOf(metric), degree, beam, seed));
  }

  async extendGrowing(growing: Handle, rowCount: number, signal?: AbortSignal): Promise<Handle> {
    checkIndex.checkIndexHandle(growing);
    checkIndex.checkExtension(rowCount);
    return this.#startJob(signal ?? null, (ticket) => this.#addon.extendGrowing(ticket, growing, rowCount));
  }

  closeGrowing(growing: Handle): void {
    checkIndex.checkIndexHandle(growing);
    this.#guarded(() => this.#addon.closeGrowing(growing));
  }

  #describedLists(): ListsDescription {
    const at = (place: number): number => this.#number(place);
    return {
      kind: "lists",
      metric: present(METRICS[at(0)], "the metric of the index"),
      layout: { element: present(ELEMENT_NAMES[at(17)], "the element of the rows"), dimension: at(1) },
      lists: at(2),
      codes: present(CODES[at(3)], "the codes of the index"),
      subspaces: at(4),
      bits: at(5),
      rowCount: at(6),
      looseRowCount: at(7),
      emptyLists: at(8),
      shortestList: at(9),
      longestList: at(10),
      centreBytes: at(11),
      numberBytes: at(12),
      codeBytes: at(13),
      otherBytes: at(14),
      memoryBytes: at(11) + at(12) + at(13) + at(14),
      fileBytes: at(15),
    };
  }

  #tell(index: Handle): {
    readonly kind: Kind;
    readonly layout: RowLayout;
    readonly rowCount: number;
    readonly mappedBytes: number;
  } {
    this.#guarded(() => this.#addon.tellIndex(index, this.#about));
    const [kind, element, dimension, rowCount, mappedBytes] = this.#about as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    return {
      kind: present(KINDS[kind], "the kind of the index"),
      layout: { element: present(ELEMENT_NAMES[element], "the element of its rows"), dimension },
      rowCount,
      mappedBytes,
    };
  }

  #number(place: number): number {
    return present(this.#description[place], "a number of the description");
  }

  memoryUsed(): IndexMemory {
    const bytes = new Float64Array(4);
    this.#guarded(() => this.#addon.memoryUsed(bytes));
    const [indexBytes = 0, buildBytes = 0, searchBytes = 0, mappedBytes = 0] = bytes;
    return { indexBytes, buildBytes, searchBytes, mappedBytes };
  }
}
