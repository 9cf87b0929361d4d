/**
 * The timestamp oracle (TSO): the one source of order. The same class hands out ids, under another key.
 *
 * Always true:
 *  - every timestamp given out is larger than every one before, over restarts and clock jumps;
 *  - none reaches the bound saved in the MetaStore, and a restart begins at that bound: so nothing is given out twice.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { Mutex } from "../base/mutex.ts";
import { LOGICAL_BITS, type Timestamp, composeTimestamp } from "../base/timestamp.ts";
import { type MetaStore, OutcomeUnknown } from "../metastore/metastore.ts";

/** How far the saved bound runs ahead of the clock. */
const WINDOW_MILLISECONDS = 3_000;

export class TimestampOracle {
  readonly #store: MetaStore;
  readonly #runtime: Runtime;
  readonly #key: string;
  readonly #saving = new Mutex();
  /** The next timestamp to give out. */
  #next: Timestamp;
  /** Milliseconds; exclusive. */
  #savedBound: number;

  private constructor(store: MetaStore, runtime: Runtime, key: string, bound: number) {
    this.#store = store;
    this.#runtime = runtime;
    this.#key = key;
    this.#savedBound = bound;
    this.#next = composeTimestamp(bound);
  }

  static async open(store: MetaStore, runtime: Runtime, key: string): Promise<TimestampOracle> {
    const entry = await store.get(key);
    return new TimestampOracle(store, runtime, key, entry === null ? 0 : decodeBound(entry.value));
  }

  /** The first of `count` consecutive timestamps. */
  async allocate(count = 1): Promise<Timestamp> {
    assert(count >= 1, "at least one timestamp is asked for");
    for (;;) {
      const now = composeTimestamp(Math.floor(this.#runtime.now()));
      const first = now > this.#next ? now : this.#next;
      const end = first + BigInt(count);
      const bound = Number(end >> LOGICAL_BITS) + 1;
      if (bound <= this.#savedBound) {
        this.#next = end;
        return first;
      }
      await this.#save(bound + WINDOW_MILLISECONDS);
    }
  }

  /** Gives up the rest of the window, so that the next start need not run ahead of the clock. */
  async close(): Promise<void> {
    await this.#saving.run(() => this.#write(Number(this.#next >> LOGICAL_BITS) + 1));
  }

  #save(bound: number): Promise<void> {
    return this.#saving.run(async () => {
      if (bound - WINDOW_MILLISECONDS <= this.#savedBound) return;
      await this.#write(bound);
      this.#savedBound = bound;
    });
  }

  async #write(bound: number): Promise<void> {
    const value = encodeBound(bound);
    for (;;) {
      try {
        await this.#store.transaction([], [{ put: this.#key, value }]);
        return;
      } catch (error) {
        // Writing the same bound again is harmless, so an unclear outcome is simply repeated.
        if (!(error instanceof OutcomeUnknown)) throw error;
        await this.#runtime.yield();
      }
    }
  }
}

/** Milliseconds as a decimal string, which a person can read in the MetaStore. */
function encodeBound(milliseconds: number): Uint8Array {
  return Buffer.from(String(milliseconds), "utf8");
}

function decodeBound(value: Uint8Array): number {
  const bound = Number(Buffer.from(value).toString("utf8"));
  assert(
    Number.isSafeInteger(bound) && bound >= 0,
    "the saved bound of the timestamp oracle is a number of milliseconds",
  );
  return bound;
}
