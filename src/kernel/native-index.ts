/**
 * The TypeScript face of the native kernel's indexes: checks every argument before the call, makes objects of the answers.
 *
 * Not here: jobs and their ends (native.ts), which are those of the whole addon.
 */

import { assert, present, unreachable } from "../base/assert.ts";
import type { Bitset } from "../model/bitset.ts";
import * as check from "./arguments.ts";
import { type AtOnce, KINDS_A_HANDLE, LIMIT_MICROSECONDS, NEAR_LIMIT_MICROSECONDS } from "./at-once.ts";
import * as checkIndex from "./index-arguments.ts";
import type {
  GrowingGraph,
  IndexBuild,
  IndexBuildJob,
  IndexDescription,
  IndexHits,
  IndexKernel,
  IndexMemory,
  IndexSearch,
  IndexWork,
  OpenMode,
  ListCodes,
  PostingsParameters,
  SlimCodes,
} from "./index-kernel.ts";
import { joinedThroughIndex, mayBeJoined } from "./joined-searches.ts";
import type { Joiner } from "./joining.ts";
import type { Handle, SearchHits } from "./kernel.ts";
import {
  CODES,
  DESCRIPTION_NUMBERS,
  KINDS,
  type Kind,
  LAYOUTS,
  METRICS,
  SLIM_CODES,
  describedIndex,
} from "./native-descriptions.ts";
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
    unscored: number,
    unfiltered: number,
  ): void;
  /** The same on the calling thread; false: the limit of time has passed. The ticket is not looked at. */
  searchIndexNow(...search: Parameters<IndexAddon["searchIndex"]>): boolean;
  /** Several of one query each. False: the limit of one has passed, and none is answered. */
  searchIndexesNow(searches: readonly Parameters<IndexAddon["searchIndex"]>[]): boolean;
  keepRows(ticket: number, index: Handle, bytes: number): void;
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

const MODES: readonly OpenMode[] = ["read", "map"];
const NO_WORK: IndexWork = {
  visitedRows: 0,
  codeDistances: 0,
  exactScores: 0,
  codeScans: 0,
  rawScans: 0,
  probedLists: 0,
};
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
  readonly #atOnce: AtOnce;
  readonly #about = new Float64Array(5);
  readonly #description = new Float64Array(DESCRIPTION_NUMBERS);

  constructor(
    addon: IndexAddon,
    startJob: StartJob,
    guarded: Guarded,
    rowsOf: (rows: Handle) => { readonly layout: RowLayout; readonly rowCount: number },
    atOnce: () => number,
    searchPostings: SearchPostings,
    smallOnes: AtOnce,
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
    this.#atOnce = smallOnes;
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

  async keepRows(index: Handle, bytes: number): Promise<void> {
    checkIndex.checkIndexHandle(index);
    checkIndex.checkKept(bytes);
    await this.#startJob(null, (ticket) => this.#addon.keepRows(ticket, index, bytes));
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
    signal?.throwIfAborted();
    const hits = this.#searchNow(dense, queryCount, LIMIT_MICROSECONDS, null);
    if (hits !== null) return hits;
    if (!mayBeJoined(dense)) return this.#searchIndex(dense, queryCount, signal);
    return this.#joined.search(dense, queryCount, signal);
  }

  searchIndexesNow(searches: readonly IndexSearch[], allowedRows: readonly (number | null)[]): IndexHits[] | null {
    for (const search of searches) {
      checkIndex.checkIndexHandle(search.index);
      const { kind, layout, rowCount } = this.#tell(search.index);
      const queryCount = checkIndex.checkIndexSearch(search, kind, layout, rowCount);
      if (!isSmall(search, queryCount)) return null;
    }
    if (searches.length === 1) {
      const hits = this.#searchNow(searches[0]!, 1, NEAR_LIMIT_MICROSECONDS, allowedRows[0]!);
      return hits === null ? null : [hits];
    }
    const subjects = searches.map((search, at) => subjectOf(search, allowedRows[at]!));
    if (!subjects.every((subject) => this.#atOnce.mayTry(subject, true))) return null;
    const rooms = searches.map(({ k }) => new Room(1, k));
    const given = searches.map((search, at) => planOf(0, search, rooms[at]!, NEAR_LIMIT_MICROSECONDS));
    const isInTime = this.#atOnce.spend(() => this.#guarded(() => this.#addon.searchIndexesNow(given)));
    for (const subject of subjects) {
      if (isInTime) this.#atOnce.wasQuick(subject);
      else this.#atOnce.tookTooLong(subject);
    }
    return isInTime ? rooms.map((room) => room.hits()) : null;
  }

  /** Null: it is not for the calling thread. */
  #searchNow(
    search: IndexSearch,
    queryCount: number,
    limitMicroseconds: number,
    allowedRows: number | null,
  ): IndexHits | null {
    if (!isSmall(search, queryCount)) return null;
    const subject = subjectOf(search, allowedRows);
    if (!this.#atOnce.mayTry(subject, limitMicroseconds > LIMIT_MICROSECONDS)) return null;
    const room = new Room(1, search.k);
    const given = planOf(0, search, room, limitMicroseconds);
    if (this.#atOnce.spend(() => this.#guarded(() => this.#addon.searchIndexNow(...given)))) {
      this.#atOnce.wasQuick(subject);
      return room.hits();
    }
    this.#atOnce.tookTooLong(subject);
    return null;
  }

  async #searchIndex(search: IndexSearch, queryCount: number, signal: AbortSignal | undefined): Promise<IndexHits> {
    const room = new Room(queryCount, search.k);
    const limit = search.timeLimitMicroseconds ?? 0;
    if (queryCount === 0) signal?.throwIfAborted();
    else {
      await this.#startJob(signal ?? null, (ticket) => this.#addon.searchIndex(...planOf(ticket, search, room, limit)));
    }
    return room.hits();
  }

  describeIndex(index: Handle): IndexDescription {
    checkIndex.checkIndexHandle(index);
    const { kind, mappedBytes } = this.#tell(index);
    this.#guarded(() => this.#describe(kind)(index, this.#description));
    const described = describedIndex(kind, this.#description);
    return { ...described, memoryBytes: described.memoryBytes - mappedBytes, mappedBytes };
  }

  /** Where the addon writes what it tells. */
  #describe(kind: Kind): (index: Handle, description: Float64Array) => void {
    const addon = this.#addon;
    switch (kind) {
      case "graph":
        return addon.describeIndex;
      case "lists":
        return addon.describeLists;
      case "slim":
        return addon.describeSlim;
      case "bands":
        return addon.describeBands;
      case "postings":
        return addon.describePostings;
      default:
        return unreachable(kind);
    }
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

  #tell(index: Handle): {
    readonly kind: Kind;
    readonly layout: RowLayout;
    readonly rowCount: number;
    readonly mappedBytes: number;
  } {
    this.#guarded(() => this.#addon.tellIndex(index, this.#about));
    // By places: taking it apart like a list costs as much as the call.
    const about = this.#about;
    const [kind, element, dimension] = [about[0]!, about[1]!, about[2]!];
    const [rowCount, mappedBytes] = [about[3]!, about[4]!];
    return {
      kind: present(KINDS[kind], "the kind of the index"),
      layout: { element: present(ELEMENT_NAMES[element], "the element of its rows"), dimension },
      rowCount,
      mappedBytes,
    };
  }

  memoryUsed(): IndexMemory {
    const bytes = new Float64Array(4);
    this.#guarded(() => this.#addon.memoryUsed(bytes));
    const [indexBytes = 0, buildBytes = 0, searchBytes = 0, mappedBytes = 0] = bytes;
    return { indexBytes, buildBytes, searchBytes, mappedBytes };
  }
}

/** What a search writes to: one piece of memory, as each is made and collected outside of the heap, which a small search would notice. */
class Room {
  readonly work: Float64Array;
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
  readonly tied: Uint8Array;

  constructor(queryCount: number, k: number) {
    const count = queryCount * k;
    const first = WORK_COUNTS * Float64Array.BYTES_PER_ELEMENT;
    const memory = new ArrayBuffer(first + 8 * count + queryCount);
    this.work = new Float64Array(memory, 0, WORK_COUNTS);
    this.rows = new Uint32Array(memory, first, count);
    this.scores = new Float32Array(memory, first + 4 * count, count);
    this.tied = new Uint8Array(memory, first + 8 * count, queryCount);
  }

  hits(): IndexHits {
    const { rows, scores, tied, work } = this;
    return {
      rows,
      scores,
      tied,
      work: {
        visitedRows: work[0]!,
        codeDistances: work[1]!,
        exactScores: work[2]!,
        codeScans: work[3]!,
        rawScans: work[4]!,
        probedLists: work[5]!,
      },
    };
  }
}

/** Whether it may be one for the calling thread. */
function isSmall({ parameters, timeLimitMicroseconds }: IndexSearch, queryCount: number): boolean {
  return queryCount === 1 && parameters.kind === "graph" && timeLimitMicroseconds === null;
}

/** Searches that cost about the same: of one index, with filters that leave about as many rows. Null: nobody has counted them. */
function subjectOf({ index, allowed }: IndexSearch, allowedRows: number | null): number {
  const filtered = allowed === null ? 0 : allowedRows === null ? 1 : 2 + Math.clz32(allowedRows);
  return index * KINDS_A_HANDLE + filtered;
}

function planOf(
  ticket: number,
  search: IndexSearch,
  room: Room,
  timeLimitMicroseconds: number,
): Parameters<IndexAddon["searchIndex"]> {
  const { index, queries, k, parameters, allowed, rank, range, rowCount = 0 } = search;
  assert(parameters.kind !== "postings", "packed lists are searched elsewhere");
  return [
    ticket,
    index,
    queries,
    k,
    "ef" in parameters ? parameters.ef : 0,
    allowed,
    rank,
    range === null ? null : range.outer,
    range === null ? null : range.inner,
    timeLimitMicroseconds,
    room.rows,
    room.scores,
    room.tied,
    room.work,
    parameters.kind === "lists" ? parameters.probes : 0,
    parameters.kind === "graph" || parameters.reorder === "none" ? 0 : (parameters.reorder ?? 0),
    parameters.kind === "lists" ? (parameters.queryBits ?? 0) : 0,
    rowCount,
    parameters.kind === "bands" && parameters.reorder === "none" ? 1 : 0,
    search.isUnfiltered === true ? 1 : 0,
  ];
}
