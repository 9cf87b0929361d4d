/**
 * Changes of metadata through the log: a change is written down, appended to every channel it concerns, then applied to the metadata.
 *
 * Always true:
 *  - a change that was written down is eventually applied everywhere, also by a successor, once by effect (I 10.41);
 *  - changes are carried out one after the other, so two of them meet all channels in the same order;
 *  - the task, its appends and its metadata operations are one record: nothing has to be computed again after a crash.
 *
 * A change that no channel accepted is taken back, and its caller told; one that some channel has is carried on until all have it.
 */

import { asMilvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { decodeJson, encodeJson } from "../base/json.ts";
import { Mutex } from "../base/mutex.ts";
import type { Message } from "../model/message.ts";
import { type Compare, type MetaStore, type Operation, OutcomeUnknown } from "../metastore/metastore.ts";
import { BROADCASTS, broadcastKey } from "./meta-keys.ts";

export interface Change {
  readonly appends: readonly { readonly virtualChannel: string; readonly messages: readonly Message[] }[];
  readonly operations: readonly Operation[];
}

interface Task extends Change {
  readonly broadcastId: bigint;
}

const RETRY_FIRST_MILLISECONDS = 10;
const RETRY_LAST_MILLISECONDS = 5_000;
const TRIES_BEFORE_GIVING_UP = 3;

export class Broadcaster {
  readonly #store: MetaStore;
  readonly #runtime: Runtime;
  readonly #append: (virtualChannel: string, messages: readonly Message[]) => Promise<void>;
  readonly #newId: () => Promise<bigint>;
  readonly #applied: (operations: readonly Operation[]) => void;
  readonly #order = new Mutex();
  #stopped = false;

  constructor(options: {
    readonly store: MetaStore;
    readonly runtime: Runtime;
    readonly append: (virtualChannel: string, messages: readonly Message[]) => Promise<void>;
    readonly newId: () => Promise<bigint>;
    readonly applied: (operations: readonly Operation[]) => void;
  }) {
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#append = options.append;
    this.#newId = options.newId;
    this.#applied = options.applied;
  }

  /** `prepare` validates against the metadata as it is when the change's turn comes; null means that nothing is to be done. */
  run(prepare: () => Promise<Change | null>): Promise<void> {
    return this.#order.run(async () => {
      const change = await prepare();
      if (change === null) return;
      const task: Task = { broadcastId: await this.#newId(), ...change };
      await this.#write([], [{ put: broadcastKey(task.broadcastId), value: encodeJson(task) }], async () => {
        return (await this.#store.get(broadcastKey(task.broadcastId))) !== null;
      });
      await this.#carryOut(task, true);
    });
  }

  /** What a predecessor left unfinished. */
  async recover(): Promise<number> {
    const entries = await this.#store.range(BROADCASTS);
    const tasks = entries
      .map((entry) => decodeJson<Task>(entry.value))
      .toSorted((a, b) => (a.broadcastId < b.broadcastId ? -1 : 1));
    for (const task of tasks) await this.#order.run(() => this.#carryOut(task, false));
    return tasks.length;
  }

  /** A change in flight is given up where it stands; the next start carries it on. */
  stop(): void {
    this.#stopped = true;
  }

  async #carryOut(task: Task, mayTakeBack: boolean): Promise<void> {
    let remaining = task.appends;
    let reached = 0;
    let delay = RETRY_FIRST_MILLISECONDS;
    for (let tries = 1; remaining.length > 0; tries += 1) {
      const outcomes = await Promise.allSettled(
        remaining.map((append) => this.#append(append.virtualChannel, append.messages)),
      );
      const failed = remaining.filter((_append, at) => outcomes[at]!.status === "rejected");
      reached += remaining.length - failed.length;
      remaining = failed;
      if (failed.length === 0) break;
      const reason = asMilvusError(
        (outcomes.find((outcome) => outcome.status === "rejected") as PromiseRejectedResult).reason,
      );
      if (this.#stopped) throw reason;
      if (mayTakeBack && reached === 0 && (!reason.retriable || tries >= TRIES_BEFORE_GIVING_UP)) {
        await this.#forget(task);
        throw reason;
      }
      await this.#runtime.sleep(delay);
      delay = Math.min(delay * 2, RETRY_LAST_MILLISECONDS);
    }
    const key = broadcastKey(task.broadcastId);
    // The channels have it: from here on there is no way back, only on.
    for (;;) {
      try {
        await this.#write(
          [{ key, exists: true }],
          [...task.operations, { delete: key }],
          async () => (await this.#store.get(key)) === null,
        );
        break;
      } catch (error) {
        if (this.#stopped) throw error;
        await this.#runtime.sleep(RETRY_LAST_MILLISECONDS);
      }
    }
    this.#applied(task.operations);
  }

  #forget(task: Task): Promise<void> {
    const key = broadcastKey(task.broadcastId);
    return this.#write([], [{ delete: key }], async () => (await this.#store.get(key)) === null);
  }

  /** A transaction whose unclear outcome is settled by looking. */
  async #write(
    compares: readonly Compare[],
    operations: readonly Operation[],
    done: () => Promise<boolean>,
  ): Promise<void> {
    for (;;) {
      try {
        await this.#store.transaction(compares, operations);
        return;
      } catch (error) {
        if (!(error instanceof OutcomeUnknown)) throw error;
        if (await this.#settled(done)) return;
      }
    }
  }

  async #settled(done: () => Promise<boolean>): Promise<boolean> {
    for (;;) {
      try {
        return await done();
      } catch {
        await this.#runtime.sleep(RETRY_FIRST_MILLISECONDS);
      }
    }
  }
}
