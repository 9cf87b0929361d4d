/**
 * The twin: the whole kernel in TypeScript, slow and obvious. Oracle of the native kernel's tests, kernel of the simulator, and what
 * serves where there is no compiler.
 *
 * It differs in two ways only: its handles belong to this object and not to the process, and it works on the calling thread, in
 * slices. A mapped file is read at once.
 */

import type { Runtime } from "../../base/host/runtime.ts";
import { emptyBitset, setBit } from "../../model/bitset.ts";
import type { Bitset } from "../../model/bitset.ts";
import * as check from "../arguments.ts";
import { KernelError } from "../kernel.ts";
import type { ExactSearch, Handle, Kernel, SearchHits } from "../kernel.ts";
import { TwinRows } from "./rows.ts";
import { searchExactly } from "./search.ts";

export class TwinKernel implements Kernel {
  readonly name = "twin";
  readonly instructionSet = "typescript";
  readonly reason: string | null;
  readonly #runtime: Runtime;
  readonly #open = new Map<Handle, TwinRows>();
  #lastHandle = 0;

  constructor(runtime: Runtime, reason: string | null) {
    this.#runtime = runtime;
    this.reason = reason;
  }

  createRows(dimension: number): Handle {
    check.checkDimension(dimension);
    return this.#add(TwinRows.growing(dimension));
  }

  appendRows(rows: Handle, values: Float32Array): number {
    const found = this.#find(rows);
    check.checkValues(values, found.dimension);
    return found.append(values);
  }

  mapRows(path: string, offset: number, rowCount: number, dimension: number): Handle {
    check.checkMapping(path, offset, rowCount, dimension);
    return this.#add(TwinRows.fromFile(path, offset, rowCount, dimension));
  }

  rowCount(rows: Handle): number {
    return this.#find(rows).rowCount;
  }

  gatherRows(rows: Handle, numbers: Uint32Array, into?: Float32Array): Float32Array {
    const { dimension, rowCount, values } = this.#find(rows);
    check.checkNumbers(numbers, rowCount);
    const gathered = into ?? new Float32Array(numbers.length * dimension);
    check.checkGathered(gathered, numbers.length * dimension);
    numbers.forEach((row, at) => gathered.set(values.subarray(row * dimension, (row + 1) * dimension), at * dimension));
    return gathered;
  }

  residentBytes(rows: Handle): number {
    const { dimension, rowCount } = this.#find(rows);
    return rowCount * dimension * 4;
  }

  close(rows: Handle): void {
    check.checkHandle(rows);
    if (rows === 0 || rows > this.#lastHandle) throw new KernelError(`${rows} never was a rows handle`);
    this.#open.delete(rows);
  }

  async exactSearch(search: ExactSearch, signal?: AbortSignal): Promise<SearchHits> {
    const { dimension, rowCount, values } = this.#find(search.rows);
    const queryCount = check.checkSearch(search, dimension, rowCount);
    return searchExactly(search, values, dimension, queryCount, this.#runtime, signal ?? null);
  }

  visibleRows(
    insertTimestamps: BigUint64Array,
    deleteTimestamps: BigUint64Array | null,
    rowCount: number,
    timestamp: bigint,
  ): Bitset {
    check.checkTimestamps(insertTimestamps, deleteTimestamps, rowCount, timestamp);
    const bits = emptyBitset(rowCount);
    for (let row = 0; row < rowCount; row += 1) {
      const inserted = insertTimestamps[row]! <= timestamp;
      const deleted = deleteTimestamps !== null && deleteTimestamps[row]! <= timestamp;
      if (inserted && !deleted) setBit(bits, row);
    }
    return bits;
  }

  async findNotFinite(values: Float32Array): Promise<number> {
    check.checkFloats(values);
    return values.findIndex((value) => !Number.isFinite(value));
  }

  openHandles(): number {
    return this.#open.size;
  }

  #add(rows: TwinRows): Handle {
    this.#lastHandle += 1;
    this.#open.set(this.#lastHandle, rows);
    return this.#lastHandle;
  }

  #find(rows: Handle): TwinRows {
    check.checkHandle(rows);
    const found = this.#open.get(rows);
    if (found === undefined) throw new KernelError(`rows handle ${rows} is not open`);
    return found;
  }
}
