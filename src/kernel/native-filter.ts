/**
 * The TypeScript face of the native kernel's filters: columns as the addon takes them, and where a run takes place.
 *
 * Not here: jobs and their ends (native.ts), which are those of the whole addon.
 */

import { type Bitset, bitsetBytes } from "../model/bitset.ts";
import { columnBytes } from "../model/columns.ts";
import {
  columnType,
  type FilterColumn,
  type FilterKernel,
  type FilterRun,
  type PlaceKernel,
  type PlaceReading,
} from "./filter-kernel.ts";
import { KernelError } from "./kernel.ts";
import type { StartJob } from "./native-index.ts";

type Part = number | Uint8Array | Uint32Array | BigInt64Array | FilterColumnValues | null;
type FilterColumnValues = (FilterColumn & { readonly kind: "fixed" })["values"];

/** What `native/src/node_filter.h` exports. Without a ticket the call returns when all is done. */
export interface FilterAddon {
  filter(
    ticket: number | null,
    code: Uint32Array,
    constants: Uint8Array,
    columns: readonly Part[],
    rowCount: number,
    wanted: Bitset | null,
    passing: Bitset,
  ): void;
  readPlaces(
    ticket: number | null,
    offsets: Uint32Array,
    bytes: Uint8Array,
    valid: Uint8Array | null,
    firstRow: number,
    rowCount: number,
    paths: Uint8Array,
    into: readonly (Uint8Array | BigInt64Array)[],
  ): void;
}

type Guarded = <T>(call: () => T) => T;

/**
 * A change of threads and back costs some 12 µs and a turn of the event loop. Up to so many rows, with so many words of code times rows,
 * bytes of constants (sets are built in each run) and of texts, a run is over in a few hundred. Measured by `npm run bench -- filter`.
 */
const INLINE_ROWS = 16_384;
const INLINE_WORK = 1_000_000;
const INLINE_DOCUMENT_BYTES = 64 * 1024;

export class NativeFilters implements FilterKernel, PlaceKernel {
  readonly #addon: FilterAddon;
  readonly #startJob: StartJob;
  readonly #guarded: Guarded;

  constructor(addon: FilterAddon, startJob: StartJob, guarded: Guarded) {
    this.#addon = addon;
    this.#startJob = startJob;
    this.#guarded = guarded;
  }

  async filter(run: FilterRun, signal?: AbortSignal): Promise<Bitset> {
    signal?.throwIfAborted();
    if (isShort(run)) return this.filterNow(run);
    return await this.filterOffThread(run, signal);
  }

  filterNow(run: FilterRun): Bitset {
    const passing = roomFor(run);
    this.#guarded(() => this.#call(null, run, passing));
    return passing;
  }

  /** On the kernel's threads, however little it is. */
  async filterOffThread(run: FilterRun, signal?: AbortSignal): Promise<Bitset> {
    const passing = roomFor(run);
    await this.#startJob(signal ?? null, (ticket) => this.#call(ticket, run, passing));
    return passing;
  }

  async readPlaces(reading: PlaceReading): Promise<void> {
    const { documents, firstRow, rowCount, into } = reading;
    const paths = encodePaths(reading.paths);
    const arrays = into.flatMap(({ classes, words }) => [classes, words]);
    const { offsets, bytes, valid } = documents;
    const read = (ticket: number | null): void =>
      this.#addon.readPlaces(ticket, offsets, bytes, valid, firstRow, rowCount, paths, arrays);
    const isShort = offsets[rowCount]! - offsets[firstRow]! <= INLINE_DOCUMENT_BYTES;
    if (isShort) this.#guarded(() => read(null));
    else await this.#startJob(null, read);
  }

  #call(ticket: number | null, { program, columns, rowCount, wanted }: FilterRun, passing: Bitset): void {
    this.#addon.filter(ticket, program.code, program.constants, columns.flatMap(partsOf), rowCount, wanted, passing);
  }
}

function isShort({ program, columns, rowCount }: FilterRun): boolean {
  if (rowCount > INLINE_ROWS) return false;
  let work = rowCount * program.code.length + program.constants.length;
  for (const column of columns) {
    if (column.kind === "bytes") work += column.bytes.length;
    else if (column.kind === "elements") work += columnBytes(column.elements);
  }
  return work <= INLINE_WORK;
}

function roomFor({ rowCount, wanted }: FilterRun): Bitset {
  if (!Number.isSafeInteger(rowCount) || rowCount < 0)
    throw new KernelError(`row count ${rowCount} is no whole number`);
  const bytes = bitsetBytes(rowCount);
  if (wanted !== null && wanted.length < bytes) {
    throw new KernelError(`${wanted.length} bytes of wanted rows are too few for ${rowCount} rows`);
  }
  return new Uint8Array(bytes);
}

/** Type, values, valid, offsets, bytes, words. */
function partsOf(column: FilterColumn): Part[] {
  const type = columnType(column);
  switch (column.kind) {
    case "fixed":
      return [type, column.values, column.valid, null, null, null];
    case "bytes":
      return [type, null, column.valid, column.offsets, column.bytes, null];
    case "place":
      return [type, column.classes, column.valid, null, column.bytes, column.words];
    case "valid":
      return [type, null, column.valid, null, null, null];
    case "arrays":
      return [type, null, column.valid, column.offsets, null, null];
    case "elements":
      return [type, ...partsOf(column.elements).slice(1)];
  }
}

/** For each path the count of its keys, for each key its length and its bytes; numbers of 32 bits. */
function encodePaths(paths: readonly (readonly string[])[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  const number = (value: number): void => void pieces.push(new Uint8Array(Uint32Array.of(value).buffer));
  for (const path of paths) {
    number(path.length);
    for (const key of path) {
      const bytes = Buffer.from(key, "utf8");
      number(bytes.length);
      pieces.push(bytes);
    }
  }
  return Uint8Array.from(Buffer.concat(pieces));
}
