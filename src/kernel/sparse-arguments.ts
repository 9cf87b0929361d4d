/** The checks of arguments about sparse vectors that both kernels make, in the same words. */

import { bitsetBytes } from "../model/bitset.ts";
import { sparseFault } from "../model/sparse.ts";
import { KernelError, MAX_HITS, MAX_K } from "./kernel.ts";
import type { SparseEntries, SparseSearch } from "./sparse-kernel.ts";

function require(condition: boolean, text: () => string): void {
  if (!condition) throw new KernelError(text());
}

/** Returns the number of entries. */
export function checkEntries({ offsets, bytes }: SparseEntries): number {
  require(offsets instanceof Uint32Array && offsets.length >= 1, () => "entries need a Uint32Array of offsets");
  require(bytes instanceof Uint8Array, () => "entries need a Uint8Array");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let row = 0; row + 1 < offsets.length; row += 1) {
    const [start, end] = [offsets[row]!, offsets[row + 1]!];
    require(start <= end && end <= bytes.byteLength, () => "offsets do not ascend within their bytes");
    const fault = sparseFault(view, start, end, { negative: "allowed" });
    require(fault === null, () => `sparse row ${row} is none: ${fault!.kind}`);
  }
  return offsets.length - 1;
}

/** Returns the number of queries. `held` is how many rows there are. */
export function checkSparseSearch(search: SparseSearch, held: number): number {
  const { rowCount, k, allowed, rank, range } = search;
  require(Number.isSafeInteger(rowCount) && rowCount >= 0 && rowCount <= held, () =>
    `${rowCount} rows are wanted, there are ${held}`);
  require(Number.isSafeInteger(k) && k >= 1 && k <= MAX_K, () => `k ${k} is not in 1..${MAX_K}`);
  const queryCount = checkEntries(search.queries);
  require(queryCount * k <= MAX_HITS, () => `${queryCount} queries times k ${k} are more than ${MAX_HITS} hits`);
  require(allowed === null || (allowed instanceof Uint8Array && allowed.length >= bitsetBytes(rowCount)), () =>
    `the bytes of allowed rows are too few for ${rowCount} rows`);
  require(rank === null || (rank instanceof Uint32Array && rank.length >= rowCount), () =>
    `the ranks are too few for ${rowCount} rows`);
  require(range === null || !(Number.isNaN(range.outer) || Number.isNaN(range.inner ?? 0)), () =>
    "the bounds of the range are no numbers");
  return queryCount;
}
