/**
 * The native kernel's TypeScript face: loads the addon, checks every argument before the call, turns ends of jobs into promises.
 *
 * Always true:
 *  - one object per thread, because the addon delivers the ends of a thread's jobs through one callback; rows, threads and
 *    instruction set are the process's;
 *  - a search that has settled, aborted ones too, reads none of its arrays any more;
 *  - the event loop is kept alive by unsettled searches, and by nothing else here.
 */

import { createRequire } from "node:module";
import { assert, present } from "../base/assert.ts";
import { SystemRuntime } from "../base/host/system.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { bitsetBytes, countBits } from "../model/bitset.ts";
import type { Bitset } from "../model/bitset.ts";
import type { Metric } from "../model/types.ts";
import * as check from "./arguments.ts";
import { AtOnce, KINDS_A_HANDLE } from "./at-once.ts";
import { KernelLateError } from "./index-kernel.ts";
import type { IndexKernel } from "./index-kernel.ts";
import { KernelError } from "./kernel.ts";
import type { ExactSearch, Handle, Kernel, ListSearch, SearchHits } from "./kernel.ts";
import { type FilterAddon, NativeFilters } from "./native-filter.ts";
import { ELEMENT_NAMES, bytesPerRow, elementKind, valuesPerRow } from "./layout.ts";
import type { Element, RowLayout, RowValues } from "./layout.ts";
import { joinedExact, mayBeJoined } from "./joined-searches.ts";
import type { Joiner } from "./joining.ts";
import { NativeIndexes } from "./native-index.ts";
import type { IndexAddon } from "./native-index.ts";
import { NativeSparse } from "./native-sparse.ts";
import type { SparseAddon } from "./native-sparse.ts";

/** What `native/src/node.cpp` exports. Synchronous calls throw an Error with the kernel's text. */
interface Addon extends IndexAddon, FilterAddon, SparseAddon {
  start(ended: (ticket: number, status: number, text: string, index: number) => void): void;
  createRows(element: number, dimension: number): Handle;
  appendRows(rows: Handle, values: RowValues): number;
  mapRows(path: string, offset: number, rowCount: number, element: number, dimension: number): Handle;
  describeRows(rows: Handle, description: Float64Array): void;
  gatherRows(rows: Handle, numbers: Uint32Array, values: RowValues): void;
  closeRows(rows: Handle): void;
  openHandles(): number;
  search(
    ticket: number,
    rows: Handle,
    rowCount: number,
    queries: RowValues,
    metric: number,
    k: number,
    allowed: Bitset | null,
    rank: Uint32Array | null,
    outer: number | null,
    inner: number | null,
    hitRows: Uint32Array,
    hitScores: Float32Array,
    tied: Uint8Array,
    hashBits: number,
    bands: number,
  ): void;
  /** The same on the calling thread. The ticket is not looked at. */
  searchNow(...search: Parameters<Addon["search"]>): void;
  listSearch(
    ticket: number,
    rows: Handle,
    ends: Uint32Array,
    queries: RowValues,
    queryEnds: Uint32Array,
    metric: number,
    k: number,
    allowed: Bitset | null,
    rank: Uint32Array | null,
    hitRows: Uint32Array,
    hitScores: Float32Array,
    tied: Uint8Array,
  ): void;
  findNotFinite(ticket: number, element: number, values: RowValues): void;
  findNotFiniteNow(element: number, values: RowValues): number;
  cancel(ticket: number): void;
  visibleRows(
    inserts: BigUint64Array,
    deletes: BigUint64Array | null,
    rowCount: number,
    timestamp: bigint,
    bits: Bitset,
  ): void;
  readProbe(rows: Handle, rowCount: number): number;
  setThreads(count: number): void;
  threads(): number;
  instructionSet(): string;
  useInstructionSet(name: string): void;
}

const STATUS_OK = 0;
const STATUS_CANCELLED = 6;
const STATUS_LATE = 8;
const METRIC_NUMBERS: Readonly<Partial<Record<Metric, number>>> = {
  L2: 0,
  IP: 1,
  COSINE: 2,
  HAMMING: 3,
  JACCARD: 4,
  SUBSTRUCTURE: 5,
  SUPERSTRUCTURE: 6,
  MHJACCARD: 7,
};
/** Up to so many values a scan is shorter than two changes of thread. */
const SHORT_SCAN = 1 << 16;
/** So many bytes of rows are compared in less than about a hundred microseconds. */
const SMALL_BYTES = 1 << 20;
/** So many rows' bits are looked through in a few tens of microseconds. */
const MOST_BITS = 1 << 20;

interface Pending {
  readonly resolve: (index: number) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | null;
}

function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new KernelError(error instanceof Error ? error.message : String(error));
  }
}

export class NativeKernel implements Kernel {
  readonly name = "native";
  readonly reason = null;
  readonly indexes: IndexKernel;
  readonly filters: NativeFilters;
  readonly sparse: NativeSparse;
  /** How many small searches this thread may still make itself. */
  readonly atOnce: AtOnce;
  readonly #addon: Addon;
  readonly #pending = new Map<number, Pending>();
  readonly #joined: Joiner<ExactSearch, SearchHits>;
  readonly #description = new Float64Array(4);
  #lastTicket = 0;

  private constructor(addon: Addon, runtime: Runtime) {
    this.#addon = addon;
    this.atOnce = new AtOnce(
      () => runtime.yield(),
      () => runtime.monotonic(),
    );
    this.#joined = joinedExact(
      () => this.threads + 1,
      ({ rows }, length) => elementKind(this.#describe(rows).layout.element).make(length),
      (search, queryCount, signal) => this.#exactSearch(search, queryCount, signal),
    );
    const sparse = new NativeSparse(addon, (signal, start) => this.#job(signal, start), guarded);
    this.sparse = sparse;
    this.indexes = new NativeIndexes(
      addon,
      (signal, start) => this.#job(signal, start),
      guarded,
      (rows) => this.#describe(rows),
      () => this.threads + 1,
      (search, parameters, signal) => sparse.searchPostings(search, parameters, signal),
      this.atOnce,
    );
    this.filters = new NativeFilters(addon, (signal, start) => this.#job(signal, start), guarded);
    guarded(() => addon.instructionSet());
    guarded(() => addon.start((ticket, status, text, index) => this.#settle(ticket, status, text, index)));
  }

  static readonly #ofThisThread = new Map<Addon, NativeKernel>();

  /** Throws Node's error when the file is absent or was built for another machine, and a KernelError when it refuses to start. */
  static load(path: string, runtime: Runtime = new SystemRuntime()): NativeKernel {
    const addon = createRequire(import.meta.url)(path) as Addon;
    const kernel = NativeKernel.#ofThisThread.get(addon) ?? new NativeKernel(addon, runtime);
    NativeKernel.#ofThisThread.set(addon, kernel);
    return kernel;
  }

  get instructionSet(): string {
    return guarded(() => this.#addon.instructionSet());
  }

  /** For the whole process, for searches that start from now on. */
  useInstructionSet(name: string): void {
    guarded(() => this.#addon.useInstructionSet(name));
  }

  get threads(): number {
    return this.#addon.threads();
  }

  /** How many threads of the process run searches; the cores at first. */
  set threads(count: number) {
    guarded(() => this.#addon.setThreads(count));
  }

  createRows(layout: RowLayout): Handle {
    check.checkLayout(layout);
    return guarded(() => this.#addon.createRows(elementKind(layout.element).number, layout.dimension));
  }

  appendRows(rows: Handle, values: RowValues): number {
    check.checkValues(values, this.#describe(rows).layout);
    return guarded(() => this.#addon.appendRows(rows, values));
  }

  mapRows(path: string, offset: number, rowCount: number, layout: RowLayout): Handle {
    check.checkMapping(path, offset, rowCount, layout);
    const element = elementKind(layout.element).number;
    return guarded(() => this.#addon.mapRows(path, offset, rowCount, element, layout.dimension));
  }

  layoutOfRows(rows: Handle): RowLayout {
    return this.#describe(rows).layout;
  }

  rowCount(rows: Handle): number {
    return this.#describe(rows).rowCount;
  }

  gatherRows<Values extends RowValues = RowValues>(rows: Handle, numbers: Uint32Array, into?: Values): Values {
    const { layout, rowCount } = this.#describe(rows);
    check.checkNumbers(numbers, rowCount);
    const length = valuesPerRow(layout);
    const values = into ?? (elementKind(layout.element).make(numbers.length * length) as Values);
    check.checkGathered(values, layout.element, numbers.length * length);
    guarded(() => this.#addon.gatherRows(rows, numbers, values));
    return values;
  }

  residentBytes(rows: Handle): number {
    return this.#describe(rows).bytes;
  }

  close(rows: Handle): void {
    check.checkHandle(rows);
    this.#joined.begin(rows);
    guarded(() => this.#addon.closeRows(rows));
  }

  async exactSearch(search: ExactSearch, signal?: AbortSignal): Promise<SearchHits> {
    const { layout, rowCount } = this.#describe(search.rows);
    const queryCount = check.checkSearch(search, layout, rowCount);
    signal?.throwIfAborted();
    const hits = this.#searchNow(search, queryCount, layout, false);
    if (hits !== null) return hits;
    if (!mayBeJoined(search)) return this.#exactSearch(search, queryCount, signal);
    return this.#joined.search(search, queryCount, signal);
  }

  /** A small search of one query, made on the calling thread before this returns; null: it is none, or enough was done in this turn. */
  exactSearchNow(search: ExactSearch): SearchHits | null {
    const { layout, rowCount } = this.#describe(search.rows);
    return this.#searchNow(search, check.checkSearch(search, layout, rowCount), layout, true);
  }

  #searchNow(search: ExactSearch, queryCount: number, layout: RowLayout, hasBegun: boolean): SearchHits | null {
    if (queryCount !== 1 || !isQuick(search) || !isSmall(search, layout)) return null;
    if (!this.atOnce.mayTry(search.rows * KINDS_A_HANDLE, hasBegun)) return null;
    const hits = roomForHits(queryCount, search.k);
    this.atOnce.spend(() => guarded(() => this.#addon.searchNow(...planOf(0, search, hits))));
    return hits;
  }

  async #exactSearch(search: ExactSearch, queryCount: number, signal: AbortSignal | undefined): Promise<SearchHits> {
    const hits = roomForHits(queryCount, search.k);
    if (queryCount === 0) {
      signal?.throwIfAborted();
      return hits;
    }
    await this.#job(signal ?? null, (ticket) => this.#addon.search(...planOf(ticket, search, hits)));
    return hits;
  }

  async listSearch(search: ListSearch, signal?: AbortSignal): Promise<SearchHits> {
    const { layout, rowCount } = this.#describe(search.rows);
    const queryCount = check.checkListSearch(search, layout, rowCount);
    const hits = roomForHits(queryCount, search.k);
    signal?.throwIfAborted();
    if (queryCount === 0) return hits;
    await this.#job(signal ?? null, (ticket) =>
      this.#addon.listSearch(
        ticket,
        search.rows,
        search.ends,
        search.queries,
        search.queryEnds,
        present(METRIC_NUMBERS[search.metric], "a metric of rows"),
        search.k,
        search.allowed,
        search.rank,
        hits.rows,
        hits.scores,
        hits.tied,
      ),
    );
    return hits;
  }

  visibleRows(
    insertTimestamps: BigUint64Array,
    deleteTimestamps: BigUint64Array | null,
    rowCount: number,
    timestamp: bigint,
  ): Bitset {
    check.checkTimestamps(insertTimestamps, deleteTimestamps, rowCount, timestamp);
    const bits = new Uint8Array(bitsetBytes(rowCount));
    if (rowCount === 0) return bits;
    guarded(() => this.#addon.visibleRows(insertTimestamps, deleteTimestamps, rowCount, timestamp, bits));
    return bits;
  }

  async findNotFinite(values: RowValues, element: Element): Promise<number> {
    check.checkFound(values, element);
    if (element === "int8" || element === "binary") return -1;
    const { number } = elementKind(element);
    if (values.length <= SHORT_SCAN) return guarded(() => this.#addon.findNotFiniteNow(number, values));
    return this.#job(null, (ticket) => this.#addon.findNotFinite(ticket, number, values));
  }

  openHandles(): number {
    return this.#addon.openHandles();
  }

  /** Reads the first rows once on the calling thread and returns their sum: what memory gives one thread. */
  readProbe(rows: Handle, rowCount: number): number {
    check.checkHandle(rows);
    return guarded(() => this.#addon.readProbe(rows, rowCount));
  }

  #describe(rows: Handle): { readonly layout: RowLayout; readonly rowCount: number; readonly bytes: number } {
    check.checkHandle(rows);
    guarded(() => this.#addon.describeRows(rows, this.#description));
    const [number, dimension, rowCount, bytes] = this.#description;
    return {
      layout: {
        element: present(ELEMENT_NAMES[present(number, "number of the element")], "element of rows"),
        dimension: present(dimension, "dimension of rows"),
      },
      rowCount: present(rowCount, "count of rows"),
      bytes: present(bytes, "bytes of rows"),
    };
  }

  async #job(signal: AbortSignal | null, start: (ticket: number) => void): Promise<number> {
    signal?.throwIfAborted();
    this.#lastTicket += 1;
    const ticket = this.#lastTicket;
    guarded(() => start(ticket));
    const cancel = (): void => this.#addon.cancel(ticket);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await new Promise<number>((resolve, reject) => this.#pending.set(ticket, { resolve, reject, signal }));
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  #settle(ticket: number, status: number, text: string, index: number): void {
    const pending = present(this.#pending.get(ticket), "the job that has ended");
    this.#pending.delete(ticket);
    if (status === STATUS_OK) return pending.resolve(index);
    if (status === STATUS_LATE) return pending.reject(new KernelLateError(text));
    if (status !== STATUS_CANCELLED) return pending.reject(new KernelError(text));
    assert(pending.signal?.aborted === true, "only an aborted job is cancelled");
    pending.reject(pending.signal.reason);
  }
}

function roomForHits(queryCount: number, k: number): SearchHits {
  return {
    rows: new Uint32Array(queryCount * k),
    scores: new Float32Array(queryCount * k),
    tied: new Uint8Array(queryCount),
  };
}

/** Of many rows a few may be wanted. */
function isSmall({ rowCount, allowed }: ExactSearch, layout: RowLayout): boolean {
  const rowBytes = bytesPerRow(layout);
  if (rowCount * rowBytes <= SMALL_BYTES) return true;
  return allowed !== null && rowCount <= MOST_BITS && countBits(allowed) * rowBytes <= SMALL_BYTES;
}

/** Whether a score is made at about the rate at which memory is read. */
function isQuick({ metric }: ExactSearch): boolean {
  return metric !== "JACCARD" && metric !== "MHJACCARD";
}

function planOf(ticket: number, search: ExactSearch, hits: SearchHits): Parameters<Addon["search"]> {
  const { rows, rowCount, queries, metric, k, allowed, rank, range, hashBits = 8, bands = 0 } = search;
  return [
    ticket,
    rows,
    rowCount,
    queries,
    present(METRIC_NUMBERS[metric], "a metric of rows"),
    k,
    allowed,
    rank,
    range === null ? null : range.outer,
    range === null ? null : range.inner,
    hits.rows,
    hits.scores,
    hits.tied,
    hashBits,
    bands,
  ];
}
