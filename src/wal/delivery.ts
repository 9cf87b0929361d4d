/**
 * The way from the log to its consumer: confirmed records wait here, and readers wait here for what has been applied.
 *
 * Always true:
 *  - the consumer sees one record at a time, in the order in which they were given, and hears that a tick is reached only after every
 *    record up to it;
 *  - what waits is bounded as long as who gives more looks at `isFull` first and waits for `room`;
 *  - after a failure nothing more is applied, and everyone who waits learns of it.
 */

import { Loop } from "../base/loop.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { sizeOf } from "./split-messages.ts";
import type { PlacedRecord } from "./transactions.ts";

/** Records that wait for their consumer hold at most this many bytes; then appends wait. */
const UNDELIVERED_LIMIT_BYTES = 256 << 20;

/** What the records of a channel are for. */
export interface LogConsumer {
  apply(placed: PlacedRecord): Promise<void>;
  /** Everything up to this tick has been applied. */
  advance(confirmed: Timestamp): void;
}

export class Delivery {
  readonly #consumer: LogConsumer;
  readonly #confirmed: () => Timestamp;
  readonly #queue: PlacedRecord[] = [];
  readonly #roomWaiters: (() => void)[] = [];
  readonly #loop = new Loop(() => this.#deliver());
  #queuedBytes = 0;
  #advanced: Timestamp;
  #advanceWaiters: {
    readonly tick: Timestamp;
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  #failure: Error | null = null;

  /** `confirmed` says up to which tick all records have been given; `advanced` is what the consumer has already. */
  constructor(consumer: LogConsumer, confirmed: () => Timestamp, advanced: Timestamp) {
    this.#consumer = consumer;
    this.#confirmed = confirmed;
    this.#advanced = advanced;
  }

  /** Everything up to this tick has been applied by the consumer. */
  get advanced(): Timestamp {
    return this.#advanced;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  get isFull(): boolean {
    return this.#queuedBytes > UNDELIVERED_LIMIT_BYTES;
  }

  /** Resolves when there may be room again, and after a failure. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Records that are confirmed, behind those given before. */
  push(record: PlacedRecord): void {
    this.#queue.push(record);
    this.#queuedBytes += sizeOf(record.record.messages);
  }

  /** There are more records, or a later tick is confirmed. */
  wake(): void {
    this.#loop.wake();
  }

  /** Resolves when everything that was given has been applied. */
  idle(): Promise<void> {
    return this.#loop.idle();
  }

  /** Resolves when the consumer has everything up to `tick`. */
  waitFor(tick: Timestamp): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#advanced >= tick) return Promise.resolve();
    return new Promise((resolve, reject) => this.#advanceWaiters.push({ tick, resolve, reject }));
  }

  /** Tells those who still wait for a tick that it does not come. */
  giveUp(error: Error): void {
    for (const waiter of this.#advanceWaiters.splice(0)) waiter.reject(error);
  }

  fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.giveUp(error);
    for (const waiter of this.#roomWaiters.splice(0)) waiter();
  }

  async #deliver(): Promise<void> {
    try {
      for (;;) {
        const placed = this.#queue[0];
        if (placed === undefined) {
          const confirmed = this.#confirmed();
          if (confirmed === this.#advanced) return;
          this.#advanced = confirmed;
          this.#consumer.advance(confirmed);
          this.#tell();
          continue;
        }
        await this.#consumer.apply(placed);
        this.#queue.shift();
        this.#queuedBytes -= sizeOf(placed.record.messages);
        if (!this.isFull) for (const waiter of this.#roomWaiters.splice(0)) waiter();
      }
    } catch (error) {
      // A record that cannot be applied cannot be skipped: reads would miss acknowledged rows.
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #tell(): void {
    const waiting = this.#advanceWaiters;
    this.#advanceWaiters = waiting.filter((waiter) => waiter.tick > this.#advanced);
    for (const waiter of waiting) if (waiter.tick <= this.#advanced) waiter.resolve();
  }
}
