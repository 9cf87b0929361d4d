/**
 * Which rows of a segment a read at some timestamp sees.
 *
 * Always true: the answer depends on the rows, the deletes and the timestamp only; a returned bitset is never changed afterwards.
 */

import type { Timestamp } from "../base/timestamp.ts";
import {
  type Bitset,
  bitsetBytes,
  emptyBitset,
  fullBitset,
  intersectInto,
  setBit,
  subtractInto,
} from "../model/bitset.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { DeleteTimes } from "./delete-times.ts";
import type { RowView } from "./segment.ts";

export class Visibility {
  readonly #kernel: Kernel;
  readonly #deletes: DeleteTimes;
  /** The last answer that stays right for every later timestamp until a row or a delete comes. */
  #latest: { readonly rowCount: number; readonly version: number; readonly visible: Bitset } | null = null;

  constructor(kernel: Kernel, deletes: DeleteTimes) {
    this.#kernel = kernel;
    this.#deletes = deletes;
  }

  get memoryBytes(): number {
    return this.#latest?.visible.byteLength ?? 0;
  }

  /** `inserts` has one timestamp a row for at least `rowCount` rows, none of them later than `latestInsert`. */
  view(inserts: BigUint64Array, rowCount: number, latestInsert: Timestamp, timestamp: Timestamp): RowView {
    const deletes = this.#deletes;
    const allInserted = timestamp >= latestInsert;
    if (rowCount === 0 || (allInserted && timestamp < deletes.earliest)) return { rowCount, visible: null };
    const isFinal = allInserted && timestamp >= deletes.latest;
    const known = this.#latest;
    if (isFinal && known?.rowCount === rowCount && known.version === deletes.version) {
      return { rowCount, visible: known.visible };
    }
    const visible = this.#kernel.visibleRows(
      inserts.subarray(0, rowCount),
      deletes.times(rowCount)?.subarray(0, rowCount) ?? null,
      rowCount,
      timestamp,
    );
    if (isFinal) this.#latest = { rowCount, version: deletes.version, visible };
    return { rowCount, visible };
  }
}

/** The same view without the rows inserted at `expiredUntil` or before; `earliestInsert` is no later than any row. */
export function unexpired(
  kernel: Kernel,
  view: RowView,
  inserts: BigUint64Array,
  earliestInsert: Timestamp,
  expiredUntil: Timestamp,
): RowView {
  const { rowCount } = view;
  if (rowCount === 0 || expiredUntil < earliestInsert) return view;
  const visible = visibleBits(view);
  subtractInto(visible, kernel.visibleRows(inserts.subarray(0, rowCount), null, rowCount, expiredUntil));
  return { rowCount, visible };
}

/** Of a view, to be changed. */
export function visibleBits({ rowCount, visible }: RowView): Bitset {
  return visible?.slice(0, bitsetBytes(rowCount)) ?? fullBitset(rowCount);
}

/** The rows that a search may return: visible, allowed by the filter, and with a vector (`valid`: one byte a row). */
export function reachableRows(view: RowView, allowed: Bitset | null, valid: Uint8Array | null): Bitset | null {
  const sets = [view.visible, allowed].filter((set) => set !== null);
  if (valid !== null) sets.push(bitsOfBytes(valid, view.rowCount));
  const [first, ...others] = sets;
  if (first === undefined || others.length === 0) return first ?? null;
  const result = first.slice(0, bitsetBytes(view.rowCount));
  for (const other of others) intersectInto(result, other);
  return result;
}

function bitsOfBytes(bytes: Uint8Array, rowCount: number): Bitset {
  const bits = emptyBitset(rowCount);
  for (let row = 0; row < rowCount; row += 1) if (bytes[row] === 1) setBit(bits, row);
  return bits;
}
