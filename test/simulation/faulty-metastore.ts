/**
 * One process's view of a metadata store that others share: slow, sometimes unreachable, sometimes without an answer.
 *
 * Always true: what the store below promises still holds for what takes effect. Leases of a crashed process are not revoked: they
 * run out, as they would.
 *
 * Closing ends this view alone; the store below goes on for the next life of the process.
 */

import { milvusError } from "../../src/base/errors.ts";
import type { Runtime } from "../../src/base/host/runtime.ts";
import { Compacted, OutcomeUnknown } from "../../src/metastore/metastore.ts";
import type {
  Compare,
  Entry,
  Lease,
  MetaStore,
  Operation,
  TransactionResult,
  WatchEvent,
} from "../../src/metastore/metastore.ts";
import { copyCompares, copyOperations } from "../../src/metastore/request.ts";
import { FaultyLine } from "./faults.ts";
import type { FaultErrors, Faults } from "./faults.ts";

export interface MetaFaults extends Faults {
  /** Per event: the watch fails with `Compacted` instead of delivering it. */
  compacted: number;
}

const unreachable = (): Error => milvusError("ServiceUnavailable", "injected: metadata store cannot be reached");
const READ_ERRORS: FaultErrors = { failed: unreachable, unknown: unreachable };
const WRITE_ERRORS: FaultErrors = {
  failed: unreachable,
  unknown: () => new OutcomeUnknown("injected: no answer from the metadata store"),
};

export class FaultyMetaStore implements MetaStore {
  readonly #inner: MetaStore;
  readonly #faults: Readonly<MetaFaults>;
  readonly #line: FaultyLine;
  readonly #closing = new AbortController();

  constructor(inner: MetaStore, runtime: Runtime, faults: Readonly<MetaFaults>) {
    this.#inner = inner;
    this.#faults = faults;
    this.#line = new FaultyLine(runtime, faults);
  }

  crash(): void {
    this.#line.crash();
  }

  get(key: string): Promise<Entry | null> {
    return this.#call(() => this.#inner.get(key), READ_ERRORS);
  }

  range(prefix: string, options?: { readonly limit?: number; readonly after?: string }): Promise<Entry[]> {
    return this.#call(() => this.#inner.range(prefix, options), READ_ERRORS);
  }

  transaction(
    compares: readonly Compare[],
    operations: readonly Operation[],
    otherwise?: readonly Operation[],
  ): Promise<TransactionResult> {
    const conditions = copyCompares(compares);
    const [first, second] = [copyOperations(operations), otherwise && copyOperations(otherwise)];
    return this.#call(() => this.#inner.transaction(conditions, first, second), WRITE_ERRORS);
  }

  revision(): Promise<bigint> {
    return this.#call(() => this.#inner.revision(), READ_ERRORS);
  }

  async *watch(prefix: string, after: bigint, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    this.#requireOpen();
    const ended = AbortSignal.any([signal, this.#line.death, this.#closing.signal]);
    for await (const event of this.#inner.watch(prefix, after, ended)) {
      await this.#line.delay();
      if (signal.aborted) return;
      if (this.#line.chance(this.#faults.compacted))
        throw new Compacted(`injected: nothing before ${event.revision} is known`);
      yield event;
      this.#line.requireAlive();
      this.#requireOpen();
    }
    this.#line.requireAlive();
    if (!signal.aborted) this.#requireOpen();
  }

  async grantLease(milliseconds: number): Promise<Lease> {
    const lease = await this.#call(() => this.#inner.grantLease(milliseconds), READ_ERRORS);
    return {
      id: lease.id,
      lost: lease.lost,
      keepAlive: () => this.#call(() => lease.keepAlive(), READ_ERRORS),
      revoke: () => this.#call(() => lease.revoke(), WRITE_ERRORS),
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #call<T>(effect: () => Promise<T>, errors: FaultErrors): Promise<T> {
    this.#requireOpen();
    return this.#line.call(effect, errors);
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) throw milvusError("ServiceUnavailable", "metadata store is closed");
  }
}
