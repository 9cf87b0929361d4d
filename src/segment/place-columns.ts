/**
 * Places of a segment's JSON columns as typed columns, so that a filter on a path parses no documents.
 *
 * Always true:
 *  - a column says what stands at its path in every row that it covers; a growing segment's columns are extended by the rows that came;
 *  - columns that a reader got stay as they are: rows are only added behind its own;
 *  - together they take no more than `bytesAllowed` of the documents' bytes; the one not used for the longest time goes first.
 *
 * Not here: reading JSON (kernel), which paths are common (`common-paths.ts`).
 */

import { assert } from "../base/assert.ts";
import type { PlaceColumn, PlaceKernel } from "../kernel/filter-kernel.ts";
import type { BytesColumn, Column } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { commonPaths } from "../expr/common-paths.ts";
import { grownCapacity } from "./growable-column.ts";

/** A class and a word. */
const BYTES_A_ROW = 9;
const FIRST_ROWS = 256;
const LEAST_BYTES_ALLOWED = 1 << 20;
/** The documents of fewer rows are read when a filter asks. */
const ROWS_WORTH_READING_AHEAD = 4096;
const MAX_PATHS_AHEAD = 16;
/** Of one call of the kernel. */
const MAX_PATHS = 64;

interface Entry {
  readonly path: readonly string[];
  classes: Uint8Array;
  words: BigInt64Array;
  rowCount: number;
}

export class PlaceColumns {
  readonly #kernel: PlaceKernel;
  /** By field and path; the one used last stands last. */
  readonly #entries = new Map<string, Entry>();
  /** Rows are read for one call after the other, so that none are read twice. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(kernel: PlaceKernel) {
    this.#kernel = kernel;
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const { classes, words } of this.#entries.values()) bytes += classes.byteLength + words.byteLength;
    return bytes;
  }

  /** Columns that are kept. */
  get count(): number {
    return this.#entries.size;
  }

  /** Over the first `rowCount` rows; null when so many columns would take too much room. */
  async read(
    fieldId: bigint,
    documents: BytesColumn,
    paths: readonly (readonly string[])[],
    rowCount: number,
  ): Promise<readonly PlaceColumn[] | null> {
    if (paths.length > MAX_PATHS) return null;
    const allowed = bytesAllowed(documents, rowCount);
    if (paths.length * rowCount * BYTES_A_ROW > allowed) return null;
    const turn = this.#turn.then(() => this.#complete(fieldId, documents, paths, rowCount));
    this.#turn = turn.catch(() => undefined);
    const entries = await turn;
    this.#shrink(allowed, entries);
    const { bytes, valid } = documents;
    return entries.map(({ classes, words }) => ({
      kind: "place",
      classes: classes.subarray(0, rowCount),
      words: words.subarray(0, rowCount),
      bytes,
      valid: valid?.subarray(0, rowCount) ?? null,
    }));
  }

  /** Reads ahead what filters will most likely ask for, so that none has to wait for the reading of all documents. */
  async readCommon(columns: ReadonlyMap<bigint, Column>, rowCount: number): Promise<void> {
    if (rowCount < ROWS_WORTH_READING_AHEAD) return;
    for (const [fieldId, column] of columns) {
      if (column.kind !== "bytes" || column.type !== DataType.JSON) continue;
      const paths = commonPaths(column, roomForPaths(column, rowCount));
      if (paths.length > 0) await this.read(fieldId, column, paths, rowCount);
    }
  }

  async #complete(
    fieldId: bigint,
    documents: BytesColumn,
    paths: readonly (readonly string[])[],
    rowCount: number,
  ): Promise<Entry[]> {
    const entries = paths.map((path) => this.#entry(fieldId, path));
    // Columns that were kept from before lack the rows that came since, new ones all.
    const byStart = new Map<number, Entry[]>();
    for (const entry of entries) {
      if (entry.rowCount >= rowCount) continue;
      makeRoom(entry, rowCount);
      const others = byStart.get(entry.rowCount);
      if (others === undefined) byStart.set(entry.rowCount, [entry]);
      else others.push(entry);
    }
    for (const [firstRow, together] of byStart) {
      await this.#kernel.readPlaces({
        documents,
        firstRow,
        rowCount,
        paths: together.map(({ path }) => path),
        into: together,
      });
      for (const entry of together) entry.rowCount = rowCount;
    }
    return entries;
  }

  #entry(fieldId: bigint, path: readonly string[]): Entry {
    const name = JSON.stringify([String(fieldId), path]);
    const entry = this.#entries.get(name) ?? {
      path,
      classes: new Uint8Array(0),
      words: new BigInt64Array(0),
      rowCount: 0,
    };
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    return entry;
  }

  drop(fieldId: bigint): void {
    for (const name of this.#entries.keys()) if (name.startsWith(`["${fieldId}",`)) this.#entries.delete(name);
  }

  #shrink(allowed: number, kept: readonly Entry[]): void {
    let bytes = this.memoryBytes;
    for (const [name, entry] of this.#entries) {
      if (bytes <= allowed) return;
      if (kept.includes(entry)) continue;
      bytes -= entry.classes.byteLength + entry.words.byteLength;
      this.#entries.delete(name);
    }
  }
}

/** As much as the documents themselves. */
function bytesAllowed(documents: BytesColumn, rowCount: number): number {
  assert(documents.offsets.length > rowCount, "the column has the rows");
  return Math.max(LEAST_BYTES_ALLOWED, documents.offsets[rowCount]!);
}

function makeRoom(entry: Entry, rowCount: number): void {
  const capacity = entry.classes.length;
  if (capacity >= rowCount) return;
  // The first time there are as many as there are: sealed segments do not grow.
  const wanted = capacity === 0 ? rowCount : grownCapacity(capacity, rowCount, FIRST_ROWS);
  // Other threads of the process may be lent what is read.
  const classes = new Uint8Array(new SharedArrayBuffer(wanted));
  const words = new BigInt64Array(new SharedArrayBuffer(wanted * BigInt64Array.BYTES_PER_ELEMENT));
  classes.set(entry.classes.subarray(0, entry.rowCount));
  words.set(entry.words.subarray(0, entry.rowCount));
  entry.classes = classes;
  entry.words = words;
}

/** How many columns are read ahead of any filter: no more than take half the room. */
function roomForPaths(documents: BytesColumn, rowCount: number): number {
  return Math.min(MAX_PATHS_AHEAD, Math.floor(bytesAllowed(documents, rowCount) / 2 / (rowCount * BYTES_A_ROW)));
}
