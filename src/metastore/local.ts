/**
 * A metadata store of one process over a `Table`: transactions, leases and watches, whatever the rows are kept in.
 *
 * Always true:
 *  - transactions run one after another in the order in which they were asked for; those that wait together share one commit;
 *  - readers see committed rows only, watchers hear of them after the commit;
 *  - after a commit of unknown outcome nothing is written or read any more until the store is opened again.
 */

import { milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { Mutex } from "../base/mutex.ts";
import { ChangeFeed, DEFAULT_HISTORY } from "./change-feed.ts";
import type { HistoryLimits } from "./change-feed.ts";
import { LeaseBook } from "./lease-book.ts";
import type { LocalLease } from "./lease-book.ts";
import { LeaseLost, OutcomeUnknown } from "./metastore.ts";
import type { Compare, Entry, Lease, MetaStore, Operation, TransactionResult, WatchEvent } from "./metastore.ts";
import { checkCompares, checkKey, checkLeaseLength, checkLimit, checkOperations, checkPrefix } from "./request.ts";
import { copyCompares, copyOperations } from "./request.ts";
import type { Batch, Row, Table } from "./table.ts";

const MAXIMUM_WAITING = 4096;
const MAXIMUM_GROUP = 64;
/** Longer scans are read in pieces, so that the loop goes on meanwhile. */
const SCAN_ROWS = 512;
const MAXIMUM_FORGOTTEN_LATE = 256n;
const LEASE_REMOVAL_RETRY_MILLISECONDS = 1000;

interface Decision {
  readonly succeeded: boolean;
  readonly operations: readonly Operation[];
}

interface Waiting {
  /** Runs inside the commit; whatever it throws rejects this transaction alone. */
  readonly decide: () => Decision;
  readonly resolve: (result: TransactionResult) => void;
  readonly reject: (error: unknown) => void;
}

export class LocalMetaStore implements MetaStore {
  readonly #runtime: Runtime;
  readonly #table: Table;
  readonly #feed: ChangeFeed;
  readonly #leases: LeaseBook;
  /** Held by a commit, and by a scan while it is between two pieces. */
  readonly #turn = new Mutex();
  #waiting: Waiting[] = [];
  #pumping = false;
  #revision: bigint;
  #forgotten: bigint;
  #failure: Error | null = null;

  constructor(table: Table, runtime: Runtime, history: HistoryLimits = DEFAULT_HISTORY) {
    this.#table = table;
    this.#runtime = runtime;
    this.#leases = new LeaseBook(runtime);
    this.#revision = table.revision();
    this.#feed = new ChangeFeed(this.#revision, table.history(), history);
    this.#forgotten = this.#feed.compacted;
    const orphans = table.leased().map((row): Operation => ({ delete: row.key }));
    if (orphans.length > 0)
      this.#commit([{ decide: () => ({ succeeded: true, operations: orphans }), resolve() {}, reject: rethrow }]);
  }

  async get(key: string): Promise<Entry | null> {
    checkKey(key);
    this.#requireOpen();
    const row = this.#table.get(key);
    return row === null ? null : entryOf(row);
  }

  async range(prefix: string, options: { readonly limit?: number; readonly after?: string } = {}): Promise<Entry[]> {
    const limit = options.limit ?? Infinity;
    const after = options.after ?? null;
    checkPrefix(prefix);
    if (after !== null) checkPrefix(after);
    checkLimit(limit);
    this.#requireOpen();
    const first = this.#table.scan(prefix, after, Math.min(limit, SCAN_ROWS));
    if (first.length < SCAN_ROWS || first.length === limit) return first.map(entryOf);
    return this.#turn.run(() => this.#longRange(prefix, after, limit));
  }

  async transaction(
    compares: readonly Compare[],
    operations: readonly Operation[],
    otherwise: readonly Operation[] = [],
  ): Promise<TransactionResult> {
    checkCompares(compares);
    checkOperations(operations);
    checkOperations(otherwise);
    const conditions = copyCompares(compares);
    const branches = [copyOperations(otherwise), copyOperations(operations)] as const;
    return this.#enqueue(() => {
      const succeeded = conditions.every((compare) => this.#holds(compare));
      return { succeeded, operations: branches[succeeded ? 1 : 0] };
    });
  }

  async revision(): Promise<bigint> {
    this.#requireOpen();
    return this.#revision;
  }

  watch(prefix: string, after: bigint, signal: AbortSignal): AsyncIterable<WatchEvent> {
    checkPrefix(prefix);
    return this.#feed.watch(prefix, after, signal);
  }

  async grantLease(milliseconds: number): Promise<Lease> {
    checkLeaseLength(milliseconds);
    this.#requireOpen();
    return this.#leases.grant(milliseconds, (lease) => this.#removeKeysOf(lease));
  }

  async close(): Promise<void> {
    await this.#turn.run(() => {
      if (this.#failure instanceof StoreClosed) return;
      if (this.#failure === null) while (this.#waiting.length > 0) this.#commit(this.#takeGroup());
      this.#stop(new StoreClosed());
      this.#table.close();
    });
  }

  #enqueue(decide: () => Decision): Promise<TransactionResult> {
    this.#requireOpen();
    if (this.#waiting.length >= MAXIMUM_WAITING) {
      throw milvusError("ServiceTooManyRequests", "metadata store", { waiting: this.#waiting.length });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ decide, resolve, reject });
      if (!this.#pumping) void this.#pump();
    });
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#waiting.length > 0) {
      await this.#turn.run(() => this.#commit(this.#takeGroup()));
      // A commit blocks the loop for one fsync: others get their turn before the next.
      if (this.#waiting.length > 0) await this.#runtime.yield();
    }
    this.#pumping = false;
  }

  #takeGroup(): Waiting[] {
    return this.#waiting.splice(0, MAXIMUM_GROUP);
  }

  #commit(group: readonly Waiting[]): void {
    const batches: Batch[] = [];
    const settled: (() => void)[] = [];
    let revision = this.#revision;
    // History goes from the table some time after it went from the feed.
    const isLate = this.#feed.compacted >= this.#forgotten + MAXIMUM_FORGOTTEN_LATE;
    const forgotten = isLate ? this.#feed.compacted : this.#forgotten;
    try {
      this.#requireOpen();
      this.#table.atomically(() => {
        for (const { decide, resolve, reject } of group) {
          const decision = this.#decide(decide, reject, settled);
          if (decision === null) continue;
          const events = this.#apply(decision.operations, revision + 1n);
          if (events.length > 0) {
            revision += 1n;
            batches.push({ revision, events });
            this.#table.record({ revision, events });
          }
          const result = { succeeded: decision.succeeded, revision };
          settled.push(() => resolve(result));
        }
        if (forgotten > this.#forgotten) this.#table.forget(forgotten);
      });
    } catch (error) {
      this.#undone(error);
      for (const { reject } of group) reject(error);
      return;
    }
    this.#revision = revision;
    this.#forgotten = forgotten;
    for (const batch of batches) this.#feed.publish(batch);
    for (const settle of settled) settle();
  }

  #decide(decide: () => Decision, reject: (error: unknown) => void, settled: (() => void)[]): Decision | null {
    try {
      const decision = decide();
      for (const operation of decision.operations) {
        if (!("put" in operation) || operation.lease === undefined || this.#leases.alive(operation.lease.id)) continue;
        throw new LeaseLost(`key ${operation.put} cannot be put under lease ${operation.lease.id}, which is lost`);
      }
      return decision;
    } catch (error) {
      if (!(error instanceof LeaseLost)) throw error;
      settled.push(() => reject(error));
      return null;
    }
  }

  #holds(compare: Compare): boolean {
    const row = this.#table.get(compare.key);
    if ("exists" in compare) return (row !== null) === compare.exists;
    if (row === null) return false;
    if ("modRevision" in compare) return row.modRevision === compare.modRevision;
    return Buffer.compare(row.value, compare.value) === 0;
  }

  #apply(operations: readonly Operation[], revision: bigint): WatchEvent[] {
    const events: WatchEvent[] = [];
    for (const operation of operations) {
      if ("put" in operation)
        events.push(this.#put(operation.put, operation.value, operation.lease?.id ?? null, revision));
      else if ("delete" in operation) {
        const row = this.#table.get(operation.delete);
        if (row !== null) events.push(this.#delete(row, revision));
      } else {
        const rows = this.#table.scan(operation.deletePrefix, null, Infinity);
        for (const row of rows) events.push(this.#delete(row, revision));
      }
    }
    return events;
  }

  #put(key: string, value: Uint8Array, lease: bigint | null, revision: bigint): WatchEvent {
    const before = this.#table.get(key);
    const row: Row = { key, value, createRevision: before?.createRevision ?? revision, modRevision: revision, lease };
    this.#table.put(row);
    this.#leases.move(key, before?.lease ?? null, lease);
    return { kind: "put", entry: entryOf(row), revision };
  }

  #delete(row: Row, revision: bigint): WatchEvent {
    this.#table.delete(row.key);
    this.#leases.move(row.key, row.lease, null);
    return { kind: "delete", key: row.key, revision };
  }

  #undone(error: unknown): void {
    if (error instanceof OutcomeUnknown) return this.#stop(error);
    if (this.#failure !== null) return;
    this.#leases.forgetKeys();
    for (const row of this.#table.leased()) this.#leases.move(row.key, null, row.lease);
  }

  #stop(failure: Error): void {
    this.#failure = failure;
    this.#feed.close(this.#failureError());
    this.#leases.abandon();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failureError());
  }

  async #removeKeysOf(lease: LocalLease): Promise<void> {
    while (this.#failure === null) {
      try {
        await this.#enqueue(() => ({ succeeded: true, operations: [...lease.keys].map((key) => ({ delete: key })) }));
        return;
      } catch (error) {
        if (this.#failure !== null) throw error;
        // A full disk or a full queue: the keys must go all the same.
        await this.#runtime.sleep(LEASE_REMOVAL_RETRY_MILLISECONDS);
      }
    }
    this.#requireOpen();
  }

  async #longRange(prefix: string, after: string | null, limit: number): Promise<Entry[]> {
    const entries: Entry[] = [];
    let last = after;
    for (;;) {
      this.#requireOpen();
      const rows = this.#table.scan(prefix, last, Math.min(SCAN_ROWS, limit - entries.length));
      for (const row of rows) entries.push(entryOf(row));
      last = rows.at(-1)?.key ?? last;
      if (rows.length < SCAN_ROWS || entries.length >= limit) return entries;
      await this.#runtime.yield();
    }
  }

  #requireOpen(): void {
    if (this.#failure !== null) throw this.#failureError();
  }

  #failureError(): Error {
    if (this.#failure instanceof StoreClosed) return milvusError("ServiceUnavailable", "metadata store is closed");
    return milvusError("Storage", "metadata store stopped after a failed commit; open it again", {}, this.#failure);
  }
}

class StoreClosed extends Error {
  override readonly message = "metadata store is closed";
}

function rethrow(error: unknown): never {
  throw error;
}

function entryOf(row: Row): Entry {
  return { key: row.key, value: row.value, createRevision: row.createRevision, modRevision: row.modRevision };
}
