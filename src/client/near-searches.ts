/**
 * Searches on the program's own thread, without a word to the engine's.
 *
 * The way to the engine's thread and back costs several times what the kernel does for a search. So where a collection is searched again and again
 * and nothing changes, the engine is asked once for what a search takes, and searches of the plainest kind are made here from then on. All
 * others, and those that cannot be answered here for sure, go to the engine.
 *
 * Always true:
 *  - nothing that the engine has applied is missing from an answer (the count of changes), nor a write of this client that was acknowledged;
 *    nothing is answered here while this client changes a collection;
 *  - the program is never held up for long: the kernel takes small searches only, few in a turn of the event loop (`kernel/at-once.ts`);
 *  - what is lent is held open by nobody: the kernel refuses what the engine has closed, and then the engine is asked.
 *
 * Not here: how a lent collection is searched (`near-collection.ts`).
 */

import type { ChangeCounter } from "../base/change-counter.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { KernelError } from "../kernel/kernel.ts";
import type { NativeKernel } from "../kernel/native.ts";
import type { LentCollection } from "../proxy/lend.ts";
import { type LentPlace, type WantedColumns, placeName } from "../segment/lent.ts";
import type { Hit } from "./hits.ts";
import type { NearCollection } from "./near-collection.ts";
import { type SearchOptions, filterSelection } from "./read-options.ts";

/** Searches without a change between them before the engine is asked, and one more for so many rows: what is lent of them is made each time. */
const REPEATED = 4;
const ROWS_A_SEARCH = 2048;
/** At most, where the engine has nothing to lend: twice as many after each time. A graph of growing rows may come at any moment. */
const MOST_PATIENCE = 64;
/** Columns that are lent of one collection, and places of documents, of those that its searches wanted first. */
const MOST_COLUMNS = 32;
/** Collections that are known here; all are forgotten beyond. */
const MOST_KNOWN = 64;
const DEFAULT_LIMIT = 10;
const PLAIN_OPTIONS: ReadonlySet<string> = new Set([
  "vector",
  "limit",
  "params",
  "signal",
  "filter",
  "filterParams",
  "outputFields",
]);
const PLAIN_PARAMS: ReadonlySet<string> = new Set(["ef", "level"]);

export type AskForCollection = (
  name: string,
  lastWrite: Timestamp,
  wanted: WantedColumns,
) => Promise<LentCollection | null>;
type Found = Hit[] | null | Promise<Hit[] | null>;

interface Known {
  near: { readonly collection: LentCollection; readonly searched: NearCollection } | null;
  /** Of changes, when the last search came. */
  changes: number;
  /** Searches since then, and how many are wanted before the engine is asked. */
  searches: number;
  wanted: number;
  isAsking: boolean;
  /** What searches wanted. */
  readonly columnIds: Set<bigint>;
  readonly places: Map<string, LentPlace>;
}

export class NearSearches {
  readonly #link: { readonly isOpen: boolean };
  readonly #ask: AskForCollection;
  readonly #changes: ChangeCounter;
  readonly #known = new Map<string, Known>();
  #kernel: NativeKernel | null = null;
  /** Changes of collections that are under way. */
  #changing = 0;

  constructor(link: { readonly isOpen: boolean }, ask: AskForCollection, changes: ChangeCounter) {
    this.#link = link;
    this.#ask = ask;
    this.#changes = changes;
  }

  /**
   * Null: the engine has to be asked. Of a program that searches again and again without a turn for others it takes one now and then.
   * `lastWrite`: what must be seen.
   */
  search(name: string, options: SearchOptions, lastWrite: () => Timestamp): Found {
    const near = this.#known.get(name)?.near;
    const atOnce = this.#kernel?.atOnce;
    if (near == null || atOnce === undefined) return this.#search(name, options, lastWrite());
    if (atOnce.hasRoom) {
      const found = this.#search(name, options, lastWrite());
      // The turn may have ended in the middle of it, where others had the core meanwhile.
      if (found !== null || atOnce.hasRoom) return found;
    }
    return atOnce.nextTurn().then(() => this.#search(name, options, lastWrite()));
  }

  #search(name: string, options: SearchOptions, lastWrite: Timestamp): Found {
    if (!this.#link.isOpen || this.#changing > 0) return null;
    const { vector, limit = DEFAULT_LIMIT, params = {}, signal, filter, filterParams, outputFields = [] } = options;
    if (!(vector instanceof Float32Array) || signal?.aborted === true || !isPlain(options, params)) return null;
    if (!Array.isArray(outputFields)) return null;
    const known = this.#knownOf(name);
    const { near } = known;
    if (near === null || near.collection.changes !== this.#changes.count || near.collection.timestamp < lastWrite) {
      known.near = null;
      this.#count(name, known, lastWrite);
      return null;
    }
    const refused = (error: unknown): null => {
      // The engine has closed what it had lent, or it says what is wrong with the search.
      if (error instanceof KernelError && known.near === near) known.near = null;
      return null;
    };
    try {
      const selection = filter === undefined ? null : filterSelection(filter, filterParams);
      const found = near.searched.search(vector, limit, params, selection, outputFields);
      if (found === null) this.#askForMore(name, known, near.searched.missing, lastWrite);
      return found instanceof Promise ? found.catch(refused) : found;
    } catch (error) {
      return refused(error);
    }
  }

  /** Everything is asked of the engine while collections are made, altered and dropped, and lent anew afterwards. */
  async during<T>(change: () => Promise<T>): Promise<T> {
    this.#changing += 1;
    this.#known.clear();
    try {
      return await change();
    } finally {
      this.#changing -= 1;
      this.#known.clear();
    }
  }

  #knownOf(name: string): Known {
    let known = this.#known.get(name);
    if (known === undefined) {
      if (this.#known.size >= MOST_KNOWN) this.#known.clear();
      known = {
        near: null,
        changes: this.#changes.count,
        searches: 0,
        wanted: REPEATED,
        isAsking: false,
        columnIds: new Set(),
        places: new Map(),
      };
      this.#known.set(name, known);
    }
    return known;
  }

  #count(name: string, known: Known, lastWrite: Timestamp): void {
    const { count } = this.#changes;
    if (known.changes !== count) {
      known.changes = count;
      known.searches = 0;
    }
    known.searches += 1;
    if (known.searches <= known.wanted || known.isAsking) return;
    this.#askFor(name, known, lastWrite);
  }

  /** A search wants columns that are not lent yet. */
  #askForMore(name: string, known: Known, missing: WantedColumns, lastWrite: Timestamp): void {
    const { columnIds, places } = known;
    const before = columnIds.size + places.size;
    for (const columnId of missing.columnIds) if (columnIds.size < MOST_COLUMNS) columnIds.add(columnId);
    for (const place of missing.places) if (places.size < MOST_COLUMNS) places.set(placeName(place), place);
    if (columnIds.size + places.size > before && !known.isAsking) this.#askFor(name, known, lastWrite);
  }

  #askFor(name: string, known: Known, lastWrite: Timestamp): void {
    known.isAsking = true;
    const wanted = { columnIds: [...known.columnIds], places: [...known.places.values()] };
    void this.#lent(name, lastWrite, wanted).then((near) => {
      known.isAsking = false;
      known.near = near;
      known.searches = 0;
      const rowCount = near?.collection.segments.reduce((sum, segment) => sum + copiedRows(segment), 0);
      known.wanted =
        rowCount === undefined
          ? Math.min(MOST_PATIENCE, 2 * known.wanted)
          : REPEATED + Math.floor(rowCount / ROWS_A_SEARCH);
    });
  }

  /** Never rejects: what is wrong is said to the search that goes to the engine. */
  async #lent(name: string, lastWrite: Timestamp, wanted: WantedColumns): Promise<Known["near"]> {
    try {
      // A program that only writes has no use for the code that searches.
      const [collection, kernel, { NearCollection: Searched }] = await Promise.all([
        this.#ask(name, lastWrite, wanted),
        this.#loaded(),
        import("./near-collection.ts"),
      ]);
      if (collection === null || kernel === null) return null;
      return { collection, searched: new Searched(kernel, collection) };
    } catch {
      return null;
    }
  }

  async #loaded(): Promise<NativeKernel | null> {
    if (this.#kernel !== null) return this.#kernel;
    const [{ loadKernel }, { NativeKernel: Native }] = await Promise.all([
      import("../kernel/load.ts"),
      import("../kernel/native.ts"),
    ]);
    const kernel = loadKernel();
    if (kernel instanceof Native) this.#kernel = kernel;
    return this.#kernel;
  }
}

/** Growing keys and columns are copied, and bits of visible rows. */
function copiedRows({ keys, columns, visible }: LentCollection["segments"][number]): number {
  const isCopied = !(keys.buffer instanceof SharedArrayBuffer);
  return (isCopied ? keys.length * (1 + columns.size) : 0) + (visible === null ? 0 : visible.length / 8);
}

function isPlain(options: SearchOptions, params: object): boolean {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !PLAIN_OPTIONS.has(name)) return false;
  }
  return Object.keys(params).every((name) => PLAIN_PARAMS.has(name));
}
