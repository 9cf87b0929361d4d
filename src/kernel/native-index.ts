/**
 * The TypeScript face of the native kernel's indexes: checks every argument before the call, makes objects of the answers.
 *
 * Not here: jobs and their ends (native.ts), which are those of the whole addon.
 */

import { present } from "../base/assert.ts";
import type { Bitset } from "../model/bitset.ts";
import { NUMBER_METRICS } from "../model/types.ts";
import type { Metric } from "../model/types.ts";
import * as check from "./arguments.ts";
import * as checkIndex from "./index-arguments.ts";
import { MAX_DEGREE } from "./index-kernel.ts";
import type {
  GrowingGraph,
  IndexBuild,
  IndexBuildJob,
  IndexDescription,
  IndexHits,
  IndexKernel,
  IndexMemory,
  IndexSearch,
} from "./index-kernel.ts";
import type { Handle } from "./kernel.ts";
import { ELEMENT_NAMES } from "./layout.ts";
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
  ): void;
  openIndex(ticket: number, path: string, rows: Handle): void;
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
  ): void;
  closeIndex(index: Handle): void;
  tellIndex(index: Handle, about: Float64Array): void;
  createGrowing(rows: Handle, metric: number, degree: number, beam: number, seed: number): Handle;
  extendGrowing(ticket: number, growing: Handle, rowCount: number): void;
  closeGrowing(growing: Handle): void;
  describeIndex(index: Handle, description: Float64Array): void;
  progress(ticket: number): number;
  memoryUsed(bytes: Float64Array): void;
}

export type StartJob = (signal: AbortSignal | null, start: (ticket: number) => void) => Promise<number>;
type Guarded = <T>(call: () => T) => T;

const METRICS: readonly Metric[] = NUMBER_METRICS;
const MOST_ENTRIES = 16;
const FIRST_ENTRY = 11;
const FIRST_DEGREE = FIRST_ENTRY + MOST_ENTRIES;
const WORK_COUNTS = 5;

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
    const { rows, rowCount, metric, degree, beam, seed, path } = build;
    const done = this.#startJob(signal ?? null, (given) => {
      this.#addon.buildIndex(given, rows, rowCount, METRICS.indexOf(metric), degree, beam, seed, path);
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
    const { layout, rowCount } = this.#tell(search.index);
    const queryCount = checkIndex.checkIndexSearch(search, layout, rowCount);
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
          search.parameters.ef,
          search.allowed,
          search.rank,
          search.range === null ? null : search.range.outer,
          search.range === null ? null : search.range.inner,
          search.timeLimitMicroseconds ?? 0,
          rows,
          scores,
          tied,
          work,
        ),
      );
    }
    const [visitedRows = 0, codeDistances = 0, exactScores = 0, codeScans = 0, rawScans = 0] = work;
    return { rows, scores, tied, work: { visitedRows, codeDistances, exactScores, codeScans, rawScans } };
  }

  describeIndex(index: Handle): IndexDescription {
    checkIndex.checkIndexHandle(index);
    this.#describe(index);
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

  #tell(index: Handle): { readonly layout: RowLayout; readonly rowCount: number } {
    const about = new Float64Array(4);
    this.#guarded(() => this.#addon.tellIndex(index, about));
    const [, element = 0, dimension = 0, rowCount = 0] = about;
    return { layout: { element: present(ELEMENT_NAMES[element], "the element of an index"), dimension }, rowCount };
  }

  #describe(index: Handle): void {
    this.#guarded(() => this.#addon.describeIndex(index, this.#description));
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
