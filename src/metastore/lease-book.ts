/**
 * The leases of a local metadata store. They live in the process that granted them: after a restart their keys are gone.
 *
 * Always true:
 *  - `lost` aborts before the first key of the lease is deleted, so that the holder knows before anybody else can;
 *  - a lease whose time has passed is lost, even when the loop was blocked and its timer is late.
 */

import type { Runtime, Timer } from "../base/host/runtime.ts";
import { LeaseLost } from "./metastore.ts";
import type { Lease } from "./metastore.ts";

/** Deletes the keys; resolves when that is durable. */
export type RemoveKeys = (lease: LocalLease) => Promise<void>;

export class LocalLease implements Lease {
  readonly id: bigint;
  /** The keys that now belong to it; kept by the store. */
  readonly keys = new Set<string>();
  readonly #runtime: Runtime;
  readonly #milliseconds: number;
  readonly #lost = new AbortController();
  readonly #remove: RemoveKeys;
  #deadline = 0;
  #timer: Timer | null = null;
  #removal: Promise<void> | null = null;

  constructor(id: bigint, milliseconds: number, runtime: Runtime, remove: RemoveKeys) {
    this.id = id;
    this.#milliseconds = milliseconds;
    this.#runtime = runtime;
    this.#remove = remove;
    this.#extend();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Ends the lease on the way when its time has passed. */
  isAlive(): boolean {
    if (!this.#lost.signal.aborted && this.#runtime.monotonic() >= this.#deadline) this.#expire();
    return !this.#lost.signal.aborted;
  }

  async keepAlive(): Promise<void> {
    if (!this.isAlive()) throw new LeaseLost(`lease ${this.id} is lost`);
    this.#extend();
  }

  async revoke(): Promise<void> {
    await this.#end("revoked");
  }

  /** The store closes: the holder learns it, the keys stay for the next opening to delete. */
  abandon(): void {
    this.#timer?.cancel();
    this.#removal ??= Promise.resolve();
    this.#lost.abort(new LeaseLost(`lease ${this.id} ended with its store`));
  }

  #extend(): void {
    this.#timer?.cancel();
    this.#deadline = this.#runtime.monotonic() + this.#milliseconds;
    this.#timer = this.#runtime.after(this.#milliseconds, () => this.#expire());
  }

  #expire(): void {
    // Who cares for the outcome of the removal is the store, which tries again.
    void this.#end("expired").catch(() => undefined);
  }

  #end(how: string): Promise<void> {
    if (this.#removal !== null) return this.#removal;
    this.#timer?.cancel();
    this.#lost.abort(new LeaseLost(`lease ${this.id} ${how}`));
    this.#removal = this.#remove(this);
    return this.#removal;
  }
}

export class LeaseBook {
  readonly #runtime: Runtime;
  readonly #leases = new Map<bigint, LocalLease>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  grant(milliseconds: number, remove: RemoveKeys): LocalLease {
    const lease = new LocalLease(this.#newId(), milliseconds, this.#runtime, async (ended) => {
      await remove(ended);
      this.#leases.delete(ended.id);
    });
    this.#leases.set(lease.id, lease);
    return lease;
  }

  /** Null when there is none of that number, or when it is lost. */
  alive(id: bigint): LocalLease | null {
    const lease = this.#leases.get(id);
    return lease?.isAlive() === true ? lease : null;
  }

  /** Key `key` moves from one lease to another. */
  move(key: string, from: bigint | null, to: bigint | null): void {
    if (from !== null) this.#leases.get(from)?.keys.delete(key);
    if (to !== null) this.#leases.get(to)?.keys.add(key);
  }

  /** Forgets which keys belong to whom; the store tells again with `move`. */
  forgetKeys(): void {
    for (const lease of this.#leases.values()) lease.keys.clear();
  }

  abandon(): void {
    for (const lease of this.#leases.values()) lease.abandon();
    this.#leases.clear();
  }

  /** 63 random bits, so that the number of a lease from before a restart is never met again. */
  #newId(): bigint {
    for (;;) {
      const bytes = this.#runtime.randomBytes(8);
      const id = BigInt.asUintN(63, new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0));
      if (id !== 0n && !this.#leases.has(id)) return id;
    }
  }
}
