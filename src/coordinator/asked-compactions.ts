/**
 * Compactions that somebody asked for, and how they stand.
 *
 * Always true:
 *  - one is recorded in the metadata until it has ended, so that a restart goes on with it; what has ended is remembered in memory only, the
 *    last `REMEMBERED` of them;
 *  - it concerns what was flushed when it was asked for, so that it ends however much is written meanwhile.
 */

import { assert } from "../base/assert.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { type Operation, OutcomeUnknown } from "../metastore/metastore.ts";
import type { CompactionScope } from "../model/compaction.ts";
import type { CollectionInfo } from "../model/schema.ts";
import type { CompactionProgress } from "../rpc/services.ts";
import type { AskedCompaction } from "./catalog.ts";
import { type Context, putJson } from "./context.ts";
import { compactionKey } from "./meta-keys.ts";

const REMEMBERED = 1_000;

interface PlanState {
  readonly sources: readonly bigint[];
  target: bigint | null;
  state: "executing" | "completed" | "failed" | "timeout";
}

export class AskedJob {
  readonly asked: AskedCompaction;
  readonly plans: PlanState[] = [];
  /** Channels on which nothing is left to do. */
  readonly done = new Set<string>();
  isOver = false;

  constructor(asked: AskedCompaction) {
    this.asked = asked;
  }

  begin(sources: readonly bigint[]): PlanState {
    const plan: PlanState = { sources, target: null, state: "executing" };
    this.plans.push(plan);
    return plan;
  }
}

export class AskedCompactions {
  readonly #context: Context;
  readonly #jobs = new Map<bigint, AskedJob>();

  constructor(context: Context) {
    this.#context = context;
  }

  recover(): void {
    for (const asked of this.#context.catalog.askedCompactions()) this.#remember(new AskedJob(asked));
  }

  async ask(collectionId: bigint, until: Timestamp, scope: CompactionScope): Promise<AskedJob> {
    const compactionId = await this.#context.ids.allocate();
    const asked: AskedCompaction = { compactionId, collectionId, until, scope };
    await this.#write([putJson(compactionKey(compactionId), asked)]);
    const job = new AskedJob(asked);
    this.#remember(job);
    return job;
  }

  /** The oldest that has not ended. */
  current(collectionId: bigint): AskedJob | null {
    for (const job of this.#jobs.values()) {
      if (!job.isOver && job.asked.collectionId === collectionId) return job;
    }
    return null;
  }

  /** Nothing is left to do on this channel. */
  async channelDone(job: AskedJob, collection: CollectionInfo, virtualChannel: string): Promise<void> {
    job.done.add(virtualChannel);
    if (collection.virtualChannels.every((channel) => job.done.has(channel))) await this.#end(job);
  }

  /** Ends those whose collection is gone. */
  async sweep(): Promise<void> {
    for (const job of this.#jobs.values()) {
      const { collectionId } = job.asked;
      if (!job.isOver && this.#context.catalog.collectionById(collectionId) === null) await this.#end(job);
    }
  }

  /** As in Milvus, one that nobody knows is completed, with no plans. */
  progress(compactionId: bigint): CompactionProgress {
    const job = this.#jobs.get(compactionId);
    const plans = job?.plans ?? [];
    const count = (state: PlanState["state"]): number => plans.filter((plan) => plan.state === state).length;
    return {
      isCompleted: job === undefined || job.isOver,
      executing: count("executing"),
      completed: count("completed"),
      failed: count("failed"),
      timedOut: count("timeout"),
      merges: plans.map(({ sources, target }) => ({ sources, target })),
    };
  }

  async #end(job: AskedJob): Promise<void> {
    await this.#write([{ delete: compactionKey(job.asked.compactionId) }]);
    job.isOver = true;
  }

  async #write(operations: readonly Operation[]): Promise<void> {
    for (;;) {
      try {
        await this.#context.store.transaction([], operations);
        return this.#context.catalog.apply(operations);
      } catch (error) {
        // Writing the same once more is harmless, so an unclear outcome is repeated until it is clear.
        if (!(error instanceof OutcomeUnknown)) throw error;
        await this.#context.runtime.yield();
      }
    }
  }

  #remember(job: AskedJob): void {
    assert(!this.#jobs.has(job.asked.compactionId), "a compaction has an id of its own");
    this.#jobs.set(job.asked.compactionId, job);
    for (const [compactionId, { isOver }] of this.#jobs) {
      if (this.#jobs.size <= REMEMBERED) return;
      if (isOver) this.#jobs.delete(compactionId);
    }
  }
}
