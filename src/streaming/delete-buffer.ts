/**
 * Deletes of one channel that no flushed L0 segment holds yet, in the order of the log.
 *
 * Always true: an entry stays until a flushed L0 segment has it *and* every target that is being loaded knows that segment; so a
 * sealed segment can always be brought up to date from its files and from here (I 16.3).
 */

import type { Timestamp } from "../base/timestamp.ts";
import { type KeyColumn, columnBytes, columnRows, concatColumns } from "../model/columns.ts";

export interface DeleteEntry {
  readonly timeTick: Timestamp;
  /** Where the log must be read from to see this delete again. */
  readonly restartPosition: bigint;
  /** -1n: in every partition. */
  readonly partitionId: bigint;
  readonly keys: KeyColumn;
  /** One a key: hidden from here on. */
  readonly timestamps: BigUint64Array;
  /** One a key: only versions inserted before this are hidden. */
  readonly upperBounds: BigUint64Array;
}

export interface NumberedEntry {
  readonly sequence: number;
  readonly entry: DeleteEntry;
}

export class DeleteBuffer {
  #entries: NumberedEntry[] = [];
  #nextSequence = 0;
  #bytes = 0;
  /** Entries up to this tick are in flushed L0 segments. */
  #flushed: Timestamp;

  constructor(flushed: Timestamp) {
    this.#flushed = flushed;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get flushed(): Timestamp {
    return this.#flushed;
  }

  push(entry: DeleteEntry): void {
    this.#entries.push({ sequence: this.#nextSequence, entry });
    this.#nextSequence += 1;
    this.#bytes += columnBytes(entry.keys) + entry.timestamps.byteLength * 2;
  }

  /** Entries numbered `sequence` and above; 0 for all that are left. */
  since(sequence: number): readonly NumberedEntry[] {
    return this.#entries.filter((numbered) => numbered.sequence >= sequence);
  }

  /** The oldest delete that a replay must see again, or null. */
  oldestUnflushed(): DeleteEntry | null {
    return this.#entries.find(({ entry }) => entry.timeTick > this.#flushed)?.entry ?? null;
  }

  /** What a flush up to `timeTick` writes, by partition. */
  unflushedUntil(timeTick: Timestamp): Map<bigint, DeleteEntry[]> {
    const entries = this.#entries.map(({ entry }) => entry);
    return Map.groupBy(
      entries.filter((entry) => entry.timeTick > this.#flushed && entry.timeTick <= timeTick),
      (entry) => entry.partitionId,
    );
  }

  markFlushed(timeTick: Timestamp): void {
    if (timeTick > this.#flushed) this.#flushed = timeTick;
  }

  /** Forgets entries up to `timeTick`, which every reader has from files. */
  trim(timeTick: Timestamp): void {
    const kept = this.#entries.filter(({ entry }) => entry.timeTick > timeTick);
    for (const { entry } of this.#entries) {
      if (entry.timeTick <= timeTick) this.#bytes -= columnBytes(entry.keys) + entry.timestamps.byteLength * 2;
    }
    this.#entries = kept;
  }
}

/** Several deletes as one column of keys with their timestamps and bounds. */
export function joinDeletes(entries: readonly DeleteEntry[]): Pick<DeleteEntry, "keys" | "timestamps" | "upperBounds"> {
  const keys = concatColumns(entries.map((entry) => entry.keys)) as KeyColumn;
  const timestamps = new BigUint64Array(columnRows(keys));
  const upperBounds = new BigUint64Array(columnRows(keys));
  let at = 0;
  for (const entry of entries) {
    timestamps.set(entry.timestamps, at);
    upperBounds.set(entry.upperBounds, at);
    at += entry.timestamps.length;
  }
  return { keys, timestamps, upperBounds };
}
