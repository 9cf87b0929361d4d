/**
 * The TypeScript face of the native kernel's indexes: checks every argument before the call, makes objects of the answers.
 *
 * Not here: jobs and their ends (native.ts), which are those of the whole addon.
 */

import { present } from "../base/assert.ts";
import type { Bitset } from "../model/bitset.ts";
import { Metric } from "../model/types.ts";
import * as check from "./arguments.ts";
import * as checkIndex from "./index-arguments.ts";
import { MAX_DEGREE } from "./index-kernel.ts";
import type {
  GraphDescription,
  IndexBuild,
  IndexBuildJob,
  IndexDescription,
  IndexHits,
  IndexKernel,
  IndexMemory,
  IndexSearch,
  ListCodes,
  ListsDescription,
} from "./index-kernel.ts";
import type { Handle } from "./kernel.ts";

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
  openIndex(ticket: number, path: string, rows: Handle): void;
  searchIndex(
    ticket: number,
    index: Handle,
    queries: Float32Array,
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
  ): void;
  closeIndex(index: Handle): void;
  indexKind(index: Handle): number;
  describeIndex(index: Handle, description: Float64Array): void;
  describeLists(index: Handle, description: Float64Array): void;
  progress(ticket: number): number;
  memoryUsed(bytes: Float64Array): void;
}

export type StartJob = (signal: AbortSignal | null, start: (ticket: number) => void) => Promise<number>;
type Guarded = <T>(call: () => T) => T;

const METRICS = ["L2", "IP", "COSINE"] as const satisfies readonly Metric[];
const KINDS = ["graph", "lists"] as const;
const CODES = ["none", "byte", "book", "nibble", "sign"] as const satisfies readonly ListCodes["codes"][];
const MOST_ENTRIES = 16;
const FIRST_ENTRY = 11;
const FIRST_DEGREE = FIRST_ENTRY + MOST_ENTRIES;
const WORK_COUNTS = 6;

export class NativeIndexes implements IndexKernel {
  readonly #addon: IndexAddon;
  readonly #startJob: StartJob;
  readonly #guarded: Guarded;
  readonly #rowCount: (rows: Handle) => number;
  readonly #description = new Float64Array(FIRST_DEGREE + MAX_DEGREE + 1);

  constructor(addon: IndexAddon, startJob: StartJob, guarded: Guarded, rowCount: (rows: Handle) => number) {
    this.#addon = addon;
    this.#startJob = startJob;
    this.#guarded = guarded;
    this.#rowCount = rowCount;
  }

  buildIndex(build: IndexBuild, signal?: AbortSignal): IndexBuildJob {
    check.checkHandle(build.rows);
    checkIndex.checkBuild(build, this.#rowCount(build.rows));
    let ticket = 0;
    let ended = 0;
    const { rows, rowCount, seed, path } = build;
    const metric = METRICS.indexOf(build.metric);
    const done = this.#startJob(signal ?? null, (given) => {
      if (build.kind === "graph") {
        this.#addon.buildIndex(given, rows, rowCount, metric, build.degree, build.beam, seed, path);
      } else {
        const codes = CODES.indexOf(build.codes);
        const subspaces = "subspaces" in build ? build.subspaces : 0;
        const bits = "bits" in build ? build.bits : 0;
        this.#addon.buildLists(given, rows, rowCount, metric, build.lists, codes, subspaces, bits, seed, path);
      }
      ticket = given;
    }).then(() => {
      ended = 1;
    });
    return { done, progress: () => (ended === 1 || ticket === 0 ? ended : this.#addon.progress(ticket)) };
  }

  async openIndex(path: string, rows: Handle): Promise<Handle> {
    checkIndex.checkPath(path);
    check.checkHandle(rows);
    return this.#startJob(null, (ticket) => this.#addon.openIndex(ticket, path, rows));
  }

  closeIndex(index: Handle): void {
    checkIndex.checkIndexHandle(index);
    this.#guarded(() => this.#addon.closeIndex(index));
  }

  async searchIndex(search: IndexSearch, signal?: AbortSignal): Promise<IndexHits> {
    checkIndex.checkIndexHandle(search.index);
    const kind = this.#describe(search.index);
    const queryCount = checkIndex.checkIndexSearch(search, kind, this.#number(1), this.#number(kind === "graph" ? 4 : 6));
    const { parameters } = search;
    const rows = new Uint32Array(queryCount * search.k);
    const scores = new Float32Array(queryCount * search.k);
    const tied = new Uint8Array(queryCount);
    const work = new Float64Array(WORK_COUNTS);
    if (queryCount === 0) signal?.throwIfAborted();
    else {
      await this.#startJob(signal ?? null, (ticket) =>
        this.#addon.searchIndex(
          ticket,
          search.index,
          search.queries,
          search.k,
          parameters.kind === "graph" ? parameters.ef : 0,
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
          parameters.kind === "lists" ? (parameters.reorder ?? 0) : 0,
          parameters.kind === "lists" ? (parameters.queryBits ?? 0) : 0,
        ),
      );
    }
    const [visitedRows = 0, codeDistances = 0, exactScores = 0, codeScans = 0, rawScans = 0, probedLists = 0] = work;
    return { rows, scores, tied, work: { visitedRows, codeDistances, exactScores, codeScans, rawScans, probedLists } };
  }

  describeIndex(index: Handle): IndexDescription {
    checkIndex.checkIndexHandle(index);
    return this.#describe(index) === "graph" ? this.#describedGraph() : this.#describedLists();
  }

  #describedGraph(): GraphDescription {
    const at = (place: number): number => this.#number(place);
    return {
      kind: "graph",
      layout: "lean",
      metric: present(METRICS[at(0)], "the metric of the index"),
      dimension: at(1),
      degree: at(2),
      beam: at(3),
      rowCount: at(4),
      graphRowCount: at(5),
      codeBytes: at(6),
      listBytes: at(7),
      otherBytes: at(8),
      fileBytes: at(9),
      entryRows: [...this.#description.subarray(FIRST_ENTRY, FIRST_ENTRY + at(10))],
      rowsOfDegree: [...this.#description.subarray(FIRST_DEGREE, FIRST_DEGREE + at(2) + 1)],
    };
  }

  #describedLists(): ListsDescription {
    const at = (place: number): number => this.#number(place);
    return {
      kind: "lists",
      metric: present(METRICS[at(0)], "the metric of the index"),
      dimension: at(1),
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
      fileBytes: at(15),
    };
  }

  #describe(index: Handle): (typeof KINDS)[number] {
    const kind = present(KINDS[this.#guarded(() => this.#addon.indexKind(index))], "the kind of the index");
    this.#guarded(() =>
      kind === "graph"
        ? this.#addon.describeIndex(index, this.#description)
        : this.#addon.describeLists(index, this.#description),
    );
    return kind;
  }

  #number(place: number): number {
    return present(this.#description[place], "a number of the description");
  }

  memoryUsed(): IndexMemory {
    const bytes = new Float64Array(3);
    this.#guarded(() => this.#addon.memoryUsed(bytes));
    const [indexBytes = 0, buildBytes = 0, searchBytes = 0] = bytes;
    return { indexBytes, buildBytes, searchBytes };
  }
}
