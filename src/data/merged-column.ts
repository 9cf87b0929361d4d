/**
 * A column of the segment that takes the place of several, made piece by piece while it is written.
 *
 * Always true: output row `i` is row `rows[i]` of segment `segments[i]`; a slice of at most `SLICE_ROWS` rows is put together between two
 * turns of the event loop.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { type Column, columnBytes, columnRows, concatColumns, takeRows } from "../model/columns.ts";
import type { DataType } from "../model/types.ts";
import { Pace } from "../storage/pace.ts";
import type { RowRange } from "../storage/parquet/encode.ts";
import type { ColumnPieces } from "../storage/parquet/write.ts";
import type { MergedRows } from "./merge-rows.ts";
import type { ParentColumn } from "./parent-column.ts";

const SLICE_ROWS = 4_096;

export class MergedColumn implements ColumnPieces {
  readonly type: DataType;
  readonly rowCount: number;
  readonly estimatedBytes: number;
  readonly valid: Uint8Array | null;
  readonly #parents: readonly ParentColumn[];
  readonly #merged: MergedRows;
  readonly #pace: Pace;
  readonly #signal: AbortSignal;
  #bytes = 0;

  constructor(
    facts: { readonly type: DataType; readonly estimatedBytes: number },
    parents: readonly ParentColumn[],
    merged: MergedRows,
    runtime: Runtime,
    signal: AbortSignal,
  ) {
    this.type = facts.type;
    this.rowCount = merged.rows.length;
    this.estimatedBytes = facts.estimatedBytes;
    this.#parents = parents;
    this.#merged = merged;
    this.#pace = new Pace(runtime);
    this.#signal = signal;
    this.valid = parents.every(({ valid }) => valid === null) ? null : this.#validity();
  }

  async piece(from: number, to: number): Promise<{ readonly column: Column; readonly rows: RowRange }> {
    const slices: Column[] = [];
    for (let start = from; start < to; start += SLICE_ROWS) {
      this.#signal.throwIfAborted();
      slices.push(await this.#slice(start, Math.min(to, start + SLICE_ROWS)));
      await this.#pace.pause();
    }
    const column = concatColumns(slices);
    assert(columnRows(column) === to - from, "a piece has its rows");
    this.#bytes += columnBytes(column);
    return { column, rows: { from: 0, to: to - from } };
  }

  memoryBytes(): number {
    return this.#bytes;
  }

  /** Each segment's rows one behind the other, and then in their order. */
  async #slice(from: number, to: number): Promise<Column> {
    const { segments, rows } = this.#merged;
    const counts = new Uint32Array(this.#parents.length);
    for (let at = from; at < to; at += 1) counts[segments[at]!]! += 1;
    const wanted = Array.from(counts, (count) => new Uint32Array(count));
    const starts = new Uint32Array(counts.length);
    for (let segment = 1; segment < counts.length; segment += 1) {
      starts[segment] = starts[segment - 1]! + counts[segment - 1]!;
    }
    const order = new Uint32Array(to - from);
    counts.fill(0);
    for (let at = from; at < to; at += 1) {
      const segment = segments[at]!;
      const place = counts[segment]!;
      counts[segment] = place + 1;
      wanted[segment]![place] = rows[at]!;
      order[at - from] = starts[segment]! + place;
    }
    const taken: Column[] = [];
    for (const [segment, list] of wanted.entries()) {
      if (list.length > 0) taken.push(await this.#parents[segment]!.take(list));
    }
    return taken.length === 1 ? taken[0]! : takeRows(concatColumns(taken), order);
  }

  #validity(): Uint8Array {
    const { segments, rows } = this.#merged;
    const valid = new Uint8Array(rows.length);
    for (let at = 0; at < rows.length; at += 1) {
      const flags = this.#parents[segments[at]!]!.valid;
      valid[at] = flags === null ? 1 : flags[rows[at]!]!;
    }
    return valid;
  }
}
