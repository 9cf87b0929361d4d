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
import type { ExactSearch, Handle, Kernel, ListSearch, SearchHits } from "../kernel.ts";
import { bytesPerRow, elementKind, numbersOf, valuesPerRow } from "../layout.ts";
import type { Element, RowLayout, RowValues } from "../layout.ts";
import { TwinRows } from "./rows.ts";
import { searchLists } from "./list-search.ts";
import { searchExactly } from "./search.ts";
import { TwinSparse } from "./sparse.ts";

export class TwinKernel implements Kernel {
  readonly name = "twin";
  readonly instructionSet = "typescript";
  readonly reason: string | null;
  readonly sparse: TwinSparse;
  readonly #runtime: Runtime;
  readonly #open = new Map<Handle, TwinRows>();
  #lastHandle = 0;

  constructor(runtime: Runtime, reason: string | null) {
    this.#runtime = runtime;
    this.reason = reason;
    this.sparse = new TwinSparse(runtime);
  }

  createRows(layout: RowLayout): Handle {
    check.checkLayout(layout);
    return this.#add(TwinRows.growing(layout));
  }

  appendRows(rows: Handle, values: RowValues): number {
    const found = this.#find(rows);
    check.checkValues(values, found.layout);
    return found.append(values);
  }

  mapRows(path: string, offset: number, rowCount: number, layout: RowLayout): Handle {
    check.checkMapping(path, offset, rowCount, layout);
    return this.#add(TwinRows.fromFile(path, offset, rowCount, layout));
  }

  layoutOfRows(rows: Handle): RowLayout {
    return this.#find(rows).layout;
  }

  rowCount(rows: Handle): number {
    return this.#find(rows).rowCount;
  }

  gatherRows<Values extends RowValues = RowValues>(rows: Handle, numbers: Uint32Array, into?: Values): Values {
    const { layout, rowCount, values } = this.#find(rows);
    check.checkNumbers(numbers, rowCount);
    const length = valuesPerRow(layout);
    const gathered = into ?? (elementKind(layout.element).make(numbers.length * length) as Values);
    check.checkGathered(gathered, layout.element, numbers.length * length);
    numbers.forEach((row, at) => gathered.set(values.subarray(row * length, (row + 1) * length), at * length));
    return gathered;
  }

  residentBytes(rows: Handle): number {
    const { layout, rowCount } = this.#find(rows);
    return rowCount * bytesPerRow(layout);
  }

  close(rows: Handle): void {
    check.checkHandle(rows);
    if (rows === 0 || rows > this.#lastHandle) throw new KernelError(`${rows} never was a rows handle`);
    this.#open.delete(rows);
  }

  async exactSearch(search: ExactSearch, signal?: AbortSignal): Promise<SearchHits> {
    const { layout, rowCount, values } = this.#find(search.rows);
    const queryCount = check.checkSearch(search, layout, rowCount);
    return searchExactly(search, values, layout, queryCount, this.#runtime, signal ?? null);
  }

  async listSearch(search: ListSearch, signal?: AbortSignal): Promise<SearchHits> {
    const { layout, rowCount, values } = this.#find(search.rows);
    const queryCount = check.checkListSearch(search, layout, rowCount);
    return searchLists(search, values, layout, queryCount, this.#runtime, signal ?? null);
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

  async findNotFinite(values: RowValues, element: Element): Promise<number> {
    check.checkFound(values, element);
    if (element === "int8" || element === "binary") return -1;
    const numbers = numbersOf(element, values);
    for (let at = 0; at < numbers.length; at += 1) if (!Number.isFinite(numbers[at]!)) return at;
    return -1;
  }

  openHandles(): number {
    return this.#open.size + this.sparse.openHandles;
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
