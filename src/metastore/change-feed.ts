/**
 * The last changes of a local metadata store, for its watchers.
 *
 * Always true:
 *  - batches have consecutive revisions, so the place of a revision is a subtraction;
 *  - a watcher owns nothing but a cursor: a slow one costs no memory and is told `Compacted` when history moved past it;
 *  - the history stays within its limits but for one batch, which is always kept.
 */

import { assert, present } from "../base/assert.ts";
import { Compacted } from "./metastore.ts";
import type { WatchEvent } from "./metastore.ts";
import type { Batch } from "./table.ts";

export interface HistoryLimits {
  readonly events: number;
  readonly bytes: number;
}

export const DEFAULT_HISTORY: HistoryLimits = { events: 8192, bytes: 32 * 1024 * 1024 };

const EVENT_OVERHEAD_BYTES = 128;

interface Watcher {
  readonly prefix: string;
  cursor: bigint;
  /** Set while it waits, with its cursor at the head. */
  wake: (() => void) | null;
}

export class ChangeFeed {
  readonly #limits: HistoryLimits;
  readonly #watchers = new Set<Watcher>();
  #batches: Batch[] = [];
  /** Batches before this place are dropped; the array is cut now and then. */
  #start = 0;
  #head: bigint;
  #events = 0;
  #bytes = 0;
  #failure: Error | null = null;

  constructor(revision: bigint, history: readonly Batch[], limits: HistoryLimits) {
    this.#limits = limits;
    this.#head = history[0] === undefined ? revision : history[0].revision - 1n;
    for (const batch of history) this.publish(batch);
    assert(this.#head === revision, "the recorded history ends at the revision");
  }

  /** Changes up to this revision are no longer known. */
  get compacted(): bigint {
    return this.#head - BigInt(this.#batches.length - this.#start);
  }

  publish(batch: Batch): void {
    assert(batch.revision === this.#head + 1n, "revisions are consecutive");
    this.#batches.push(batch);
    this.#head = batch.revision;
    this.#events += batch.events.length;
    this.#bytes += batchBytes(batch);
    this.#trim();
    for (const watcher of this.#watchers) this.#tell(watcher, batch);
  }

  async *watch(prefix: string, after: bigint, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const watcher: Watcher = { prefix, cursor: after, wake: null };
    const wake = (): void => wakeUp(watcher);
    this.#watchers.add(watcher);
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        if (this.#failure !== null) throw this.#failure;
        if (watcher.cursor < this.compacted) throw this.#compactedError(watcher.cursor);
        const batch = this.#after(watcher.cursor);
        if (batch === null) await new Promise<void>((resolve) => (watcher.wake = resolve));
        else {
          for (const event of batch.events) {
            if (signal.aborted) return;
            if (keyOf(event).startsWith(prefix)) yield copyOf(event);
          }
          watcher.cursor = batch.revision;
        }
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#watchers.delete(watcher);
    }
  }

  /** Every watcher, now and later, ends with `failure`. */
  close(failure: Error): void {
    this.#failure ??= failure;
    for (const watcher of this.#watchers) wakeUp(watcher);
  }

  #tell(watcher: Watcher, batch: Batch): void {
    // Below its cursor a watcher of the future wants nothing; one that is busy finds the batch by itself.
    if (watcher.wake === null || batch.revision <= watcher.cursor) return;
    if (batch.events.some((event) => keyOf(event).startsWith(watcher.prefix))) wakeUp(watcher);
    else watcher.cursor = batch.revision;
  }

  #after(cursor: bigint): Batch | null {
    if (cursor >= this.#head) return null;
    const batch = present(this.#batches[this.#start + Number(cursor - this.compacted)], "a batch of the history");
    assert(batch.revision === cursor + 1n, "the place of a batch follows from its revision");
    return batch;
  }

  #trim(): void {
    while (this.#batches.length - this.#start > 1) {
      if (this.#events <= this.#limits.events && this.#bytes <= this.#limits.bytes) break;
      const oldest = present(this.#batches[this.#start], "the oldest batch");
      this.#events -= oldest.events.length;
      this.#bytes -= batchBytes(oldest);
      this.#start += 1;
    }
    if (this.#start > 1024 && this.#start * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#start);
      this.#start = 0;
    }
  }

  #compactedError(cursor: bigint): Compacted {
    return new Compacted(
      `changes after revision ${cursor} are gone: history starts after ${this.compacted}; read again and watch from there`,
    );
  }
}

/** From here on the watcher is busy, though it runs only later. */
function wakeUp(watcher: Watcher): void {
  const wake = watcher.wake;
  watcher.wake = null;
  wake?.();
}

function keyOf(event: WatchEvent): string {
  return event.kind === "put" ? event.entry.key : event.key;
}

function copyOf(event: WatchEvent): WatchEvent {
  if (event.kind === "delete") return event;
  return { ...event, entry: { ...event.entry, value: event.entry.value.slice() } };
}

function batchBytes(batch: Batch): number {
  let bytes = 0;
  for (const event of batch.events) {
    bytes += EVENT_OVERHEAD_BYTES + 2 * keyOf(event).length;
    if (event.kind === "put") bytes += event.entry.value.byteLength;
  }
  return bytes;
}
