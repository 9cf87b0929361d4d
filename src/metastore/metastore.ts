/**
 * MetaStore: a small, strongly consistent, ordered map with transactions. Everything mutable that is not in the log lives here.
 *
 * Contract, for every implementation (`conformance.ts` checks it):
 *  - transactions are linearizable: compare and write happen at one instant, and each that writes raises the revision by exactly 1;
 *  - a transaction that resolved is durable; when its outcome cannot be known it rejects with `OutcomeUnknown`, and the caller
 *    must read before acting again;
 *  - a watch delivers every change after the revision it started from, in order, without gaps, or fails with `Compacted`;
 *  - keys are compared as UTF-8 bytes;
 *  - the operations of one branch speak of different keys (`request.ts` refuses others), so their order never matters.
 */

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the transaction that created the key (since it last did not exist). */
  readonly createRevision: bigint;
  /** Revision of the last transaction that wrote the key. */
  readonly modRevision: bigint;
}

export type Compare =
  | { readonly key: string; readonly exists: boolean }
  | { readonly key: string; readonly modRevision: bigint }
  | { readonly key: string; readonly value: Uint8Array };

export type Operation =
  | { readonly put: string; readonly value: Uint8Array; readonly lease?: Lease }
  | { readonly delete: string }
  | { readonly deletePrefix: string };

export interface TransactionResult {
  readonly succeeded: boolean;
  /** Revision after the transaction. */
  readonly revision: bigint;
}

export type WatchEvent =
  | { readonly kind: "put"; readonly entry: Entry; readonly revision: bigint }
  | { readonly kind: "delete"; readonly key: string; readonly revision: bigint };

export interface Lease {
  readonly id: bigint;
  /** Extends the lease to its full length from now; rejects when it is already lost. */
  keepAlive(): Promise<void>;
  /** Aborts when the lease is lost or revoked. */
  readonly lost: AbortSignal;
  /** Ends it now and deletes its keys. */
  revoke(): Promise<void>;
}

export class OutcomeUnknown extends Error {
  override readonly name = "OutcomeUnknown";
}

export class Compacted extends Error {
  override readonly name = "Compacted";
}

/** A put named a lease that has ended, or a lost lease was to be kept alive. Nothing was written. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

export interface MetaStore {
  get(key: string): Promise<Entry | null>;
  /** Entries whose key starts with `prefix`, ascending, all from one revision; at most `limit`, after key `after`. */
  range(prefix: string, options?: { readonly limit?: number; readonly after?: string }): Promise<Entry[]>;
  /** All compares hold: runs `operations`; otherwise `otherwise`. Atomic either way. At least 128 operations fit in a branch. */
  transaction(
    compares: readonly Compare[],
    operations: readonly Operation[],
    otherwise?: readonly Operation[],
  ): Promise<TransactionResult>;
  /** The current revision. */
  revision(): Promise<bigint>;
  /** Changes under `prefix` with a revision above `after`, until the signal aborts. */
  watch(prefix: string, after: bigint, signal: AbortSignal): AsyncIterable<WatchEvent>;
  grantLease(milliseconds: number): Promise<Lease>;
  /** Releases files and timers; idempotent. */
  close(): Promise<void>;
}
