/**
 * Sparse vectors in TypeScript, slow and obvious: a row is its entry, a search scores every row that qualifies.
 */

import type { Runtime } from "../../base/host/runtime.ts";
import { hasBit } from "../../model/bitset.ts";
import { SPARSE_PAIR_BYTES } from "../../model/sparse.ts";
import { Metric } from "../../model/types.ts";
import { KernelError, NO_ROW } from "../kernel.ts";
import type { Handle, SearchHits } from "../kernel.ts";
import * as check from "../sparse-arguments.ts";
import type { SparseEntries, SparseKernel, SparseSearch } from "../sparse-kernel.ts";
import { takeBest } from "./search.ts";

/** Pairs between two looks at the signal: a few milliseconds at most. */
const SLICE = 1 << 18;

interface Row {
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

export class TwinSparse implements SparseKernel {
  readonly #runtime: Runtime;
  readonly #open = new Map<Handle, Row[]>();
  #lastHandle = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get openHandles(): number {
    return this.#open.size;
  }

  /** Here are no lists. */
  create(): Handle {
    this.#lastHandle += 1;
    this.#open.set(this.#lastHandle, []);
    return this.#lastHandle;
  }

  dropLists(sparse: Handle): void {
    this.#find(sparse);
  }

  append(sparse: Handle, entries: SparseEntries): number {
    const rows = this.#find(sparse);
    check.checkEntries(entries);
    for (const row of rowsOf(entries)) rows.push(row);
    return rows.length;
  }

  rowCount(sparse: Handle): number {
    return this.#find(sparse).length;
  }

  pairCount(sparse: Handle): number {
    return this.#find(sparse).reduce((sum, { indices }) => sum + indices.length, 0);
  }

  residentBytes(sparse: Handle): number {
    return this.pairCount(sparse) * SPARSE_PAIR_BYTES;
  }

  gather(sparse: Handle, numbers: Uint32Array): SparseEntries {
    const rows = this.#find(sparse);
    const offsets = new Uint32Array(numbers.length + 1);
    for (const [at, number] of numbers.entries()) {
      const row = rows[number];
      if (row === undefined) throw new KernelError(`row ${number} does not exist: there are ${rows.length}`);
      offsets[at + 1] = offsets[at]! + row.indices.length * SPARSE_PAIR_BYTES;
    }
    const bytes = new Uint8Array(offsets[numbers.length]!);
    const view = new DataView(bytes.buffer);
    for (const [at, number] of numbers.entries()) {
      const { indices, values } = rows[number]!;
      for (let pair = 0; pair < indices.length; pair += 1) {
        view.setUint32(offsets[at]! + pair * SPARSE_PAIR_BYTES, indices[pair]!, true);
        view.setFloat32(offsets[at]! + pair * SPARSE_PAIR_BYTES + 4, values[pair]!, true);
      }
    }
    return { offsets, bytes };
  }

  close(sparse: Handle): void {
    if (!Number.isSafeInteger(sparse) || sparse < 1 || sparse > this.#lastHandle) {
      throw new KernelError(`${sparse} never was a handle`);
    }
    this.#open.delete(sparse);
  }

  async search(search: SparseSearch, signal?: AbortSignal): Promise<SearchHits> {
    const rows = this.#find(search.sparse);
    const queryCount = check.checkSparseSearch(search, rows.length);
    const hits = {
      rows: new Uint32Array(queryCount * search.k).fill(NO_ROW),
      scores: new Float32Array(queryCount * search.k).fill(Number.NaN),
      tied: new Uint8Array(queryCount),
    };
    signal?.throwIfAborted();
    const least = Math.max(0, Math.fround(search.range?.outer ?? 0));
    const most = Math.fround(search.range?.inner ?? Number.POSITIVE_INFINITY);
    let budget = SLICE;
    for (const [number, query] of rowsOf(search.queries).entries()) {
      const weights = new Map([...query.indices].map((index, at) => [index, query.values[at]!]));
      const found: number[] = [];
      const keys: number[] = [];
      for (let row = 0; row < search.rowCount; row += 1) {
        if (search.allowed !== null && !hasBit(search.allowed, row)) continue;
        budget -= rows[row]!.indices.length + 1;
        if (budget <= 0) {
          await this.#runtime.yield();
          signal?.throwIfAborted();
          budget = SLICE;
        }
        const score = scoreOf(weights, rows[row]!);
        if (!(score > least && score <= most)) continue;
        found.push(row);
        keys.push(-score);
      }
      const candidates = { rows: Uint32Array.from(found), keys: Float32Array.from(keys) };
      takeBest({ ...search, metric: Metric.IP }, number, candidates, hits);
    }
    return hits;
  }

  #find(sparse: Handle): Row[] {
    const found = this.#open.get(sparse);
    if (found === undefined) throw new KernelError(`sparse handle ${sparse} is not open`);
    return found;
  }
}

function scoreOf(weights: ReadonlyMap<number, number>, { indices, values }: Row): number {
  let sum = 0;
  for (let pair = 0; pair < indices.length; pair += 1) {
    const weight = weights.get(indices[pair]!);
    if (weight !== undefined) sum = Math.fround(sum + Math.fround(weight * values[pair]!));
  }
  return sum;
}

function rowsOf({ offsets, bytes }: SparseEntries): Row[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: offsets.length - 1 }, (_, row) => {
    const start = offsets[row]!;
    const count = (offsets[row + 1]! - start) / SPARSE_PAIR_BYTES;
    const at = (pair: number): number => start + pair * SPARSE_PAIR_BYTES;
    return {
      indices: Uint32Array.from({ length: count }, (_entry, pair) => view.getUint32(at(pair), true)),
      values: Float32Array.from({ length: count }, (_entry, pair) => view.getFloat32(at(pair) + 4, true)),
    };
  });
}
