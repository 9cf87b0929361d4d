/**
 * The TypeScript face of the native kernel's filters: columns as the addon takes them, and where a run takes place.
 *
 * Not here: jobs and their ends (native.ts), which are those of the whole addon.
 */

import { type Bitset, bitsetBytes } from "../model/bitset.ts";
import { columnType, type FilterColumn, type FilterKernel, type FilterRun } from "./filter-kernel.ts";
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
}

type Guarded = <T>(call: () => T) => T;

/**
 * Work that a change of threads and back costs: words of code times rows. A comparison has some five words, so this is some sixteen thousand
 * rows of one. Measured by `npm run bench -- filter`.
 */
const INLINE_WORK = 80_000;
/** Sets are built in each run; a constant costs what a few words in a row do. */
const WORK_OF_EIGHT_BYTES = 8;

export class NativeFilters implements FilterKernel {
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
    const { code, constants } = run.program;
    const work = run.rowCount * code.length + (constants.length / 8) * WORK_OF_EIGHT_BYTES;
    if (work <= INLINE_WORK) return this.filterNow(run);
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

  #call(ticket: number | null, { program, columns, rowCount, wanted }: FilterRun, passing: Bitset): void {
    this.#addon.filter(ticket, program.code, program.constants, columns.flatMap(partsOf), rowCount, wanted, passing);
  }
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
  }
}
