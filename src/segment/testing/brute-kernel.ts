/** Kernel for tests of segments: every answer by looking at every row. */

import { assert } from "../../base/assert.ts";
import {
  type ExactSearch,
  type Handle,
  type Kernel,
  KernelError,
  NO_ROW,
  type SearchHits,
} from "../../kernel/kernel.ts";
import { type Bitset, emptyBitset, hasBit, setBit } from "../../model/bitset.ts";
import { Metric } from "../../model/types.ts";

interface Rows {
  readonly dimension: number;
  values: number[];
}

export class BruteKernel implements Kernel {
  readonly name = "twin";
  readonly instructionSet = "typescript";
  readonly reason = null;
  readonly #open = new Map<Handle, Rows>();
  #next = 1;
  searches = 0;

  createRows(dimension: number): Handle {
    this.#open.set(this.#next, { dimension, values: [] });
    return this.#next++;
  }

  appendRows(rows: Handle, values: Float32Array): number {
    for (const value of values) this.#rows(rows).values.push(value);
    return this.rowCount(rows);
  }

  mapRows(): Handle {
    throw new KernelError("this kernel has no files");
  }

  rowCount(rows: Handle): number {
    const { values, dimension } = this.#rows(rows);
    return values.length / dimension;
  }

  gatherRows(rows: Handle, numbers: Uint32Array): Float32Array {
    const { values, dimension } = this.#rows(rows);
    return Float32Array.from([...numbers].flatMap((row) => values.slice(row * dimension, (row + 1) * dimension)));
  }

  residentBytes(rows: Handle): number {
    return this.#rows(rows).values.length * 4;
  }

  close(rows: Handle): void {
    this.#open.delete(rows);
  }

  async exactSearch(search: ExactSearch, signal?: AbortSignal): Promise<SearchHits> {
    this.searches += 1;
    const { dimension, values } = this.#rows(search.rows);
    assert(search.rank === null || search.rank.length === search.rowCount, "one rank a row");
    assert(search.k >= 1 && search.k <= 16_384, "k");
    assert(search.rowCount * dimension <= values.length, "rows are there");
    await Promise.resolve();
    signal?.throwIfAborted();
    const queryCount = search.queries.length / dimension;
    const rows = new Uint32Array(queryCount * search.k).fill(NO_ROW);
    const scores = new Float32Array(queryCount * search.k).fill(Number.NaN);
    const tied = new Uint8Array(queryCount);
    for (let query = 0; query < queryCount; query += 1) {
      const hits: { row: number; score: number }[] = [];
      for (let row = 0; row < search.rowCount; row += 1) {
        if (search.allowed !== null && !hasBit(search.allowed, row)) continue;
        const score = scoreOf(search, query, values, row, dimension);
        if (isInside(search, score)) hits.push({ row, score });
      }
      const sign = search.metric === Metric.L2 ? 1 : -1;
      const place = (row: number): number => search.rank?.[row] ?? row;
      hits.sort((left, right) => sign * (left.score - right.score) || place(left.row) - place(right.row));
      const kept = hits.slice(0, search.k);
      rows.set(
        kept.map((hit) => hit.row),
        query * search.k,
      );
      scores.set(
        kept.map((hit) => hit.score),
        query * search.k,
      );
      tied[query] = hits.length > search.k && hits[search.k]!.score === hits[search.k - 1]!.score ? 1 : 0;
    }
    return { rows, scores, tied };
  }

  visibleRows(
    insertTimestamps: BigUint64Array,
    deleteTimestamps: BigUint64Array | null,
    rowCount: number,
    timestamp: bigint,
  ): Bitset {
    const bits = emptyBitset(rowCount);
    for (let row = 0; row < rowCount; row += 1) {
      if (insertTimestamps[row]! > timestamp) continue;
      if (deleteTimestamps === null || timestamp < deleteTimestamps[row]!) setBit(bits, row);
    }
    return bits;
  }

  async findNotFinite(values: Float32Array): Promise<number> {
    return values.findIndex((value) => !Number.isFinite(value));
  }

  openHandles(): number {
    return this.#open.size;
  }

  #rows(handle: Handle): Rows {
    const rows = this.#open.get(handle);
    if (rows === undefined) throw new KernelError("the handle is closed");
    return rows;
  }
}

function scoreOf(
  search: ExactSearch,
  query: number,
  values: readonly number[],
  row: number,
  dimension: number,
): number {
  let dot = 0;
  let distance = 0;
  let querySquare = 0;
  let rowSquare = 0;
  for (let at = 0; at < dimension; at += 1) {
    const left = search.queries[query * dimension + at]!;
    const right = values[row * dimension + at]!;
    dot += left * right;
    distance += (left - right) ** 2;
    querySquare += left * left;
    rowSquare += right * right;
  }
  if (search.metric === Metric.L2) return Math.fround(distance);
  if (search.metric === Metric.IP) return Math.fround(dot);
  const product = Math.sqrt(querySquare * rowSquare);
  return product === 0 ? 0 : Math.fround(dot / product);
}

function isInside(search: ExactSearch, score: number): boolean {
  if (search.range === null) return true;
  const { outer, inner } = search.range;
  if (search.metric === Metric.L2) return score < outer && (inner === null || score >= inner);
  return score > outer && (inner === null || score <= inner);
}
