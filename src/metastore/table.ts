/**
 * What a local metadata store keeps its rows in: the small port under `local.ts`.
 *
 * Always true: calls are synchronous; what `atomically` ran is durable as a whole when it returns, and undone as a whole when it
 * throws anything but `OutcomeUnknown`.
 */

import type { Entry, WatchEvent } from "./metastore.ts";

export interface Row extends Entry {
  readonly lease: bigint | null;
}

/** Everything that one transaction changed, in order. */
export interface Batch {
  readonly revision: bigint;
  readonly events: readonly WatchEvent[];
}

export interface Table {
  revision(): bigint;
  get(key: string): Row | null;
  /** Rows under `prefix` and above `after`, ascending. */
  scan(prefix: string, after: string | null, limit: number): Row[];
  /** Rows that belong to a lease. */
  leased(): Row[];
  /** The recorded batches, ascending and without gaps, the last one being that of `revision()`. */
  history(): Batch[];

  atomically(body: () => void): void;
  /** Only inside `atomically`, as are the following. */
  put(row: Row): void;
  delete(key: string): void;
  /** Adds to the history and moves the revision to that of the batch. */
  record(batch: Batch): void;
  /** Drops history up to and including `revision`. */
  forget(revision: bigint): void;

  close(): void;
}
