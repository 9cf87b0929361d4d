/**
 * The data node: work on files that needs no order (building indexes, compaction), in slots, for a coordinator that made the tasks.
 *
 * Always true:
 *  - a task's files are durable before it is told finished; nothing here changes metadata;
 *  - a task is known by id and version: giving it twice runs it once;
 *  - at most `SLOTS` of work run at a time, and at most `MOST_TASKS` are remembered; there is no queue: who finds no slot comes again;
 *  - a dropped task has stopped before `dropTask` resolves.
 *
 * Not here: what a task does (one file each), which tasks there are (coordinator).
 */

import { asMilvusError, milvusError } from "../base/errors.ts";
import type { DataResult, DataService, DataTask, TaskName, TaskReport } from "../rpc/data-service.ts";
import { DATA } from "../rpc/services.ts";
import type { Implementation } from "../rpc/transport.ts";
import { buildIndex } from "./build-index.ts";
import type { DataNodeOptions, Running } from "./context.ts";
import { gentle } from "./gentle.ts";
import { mergeSegments } from "./merge-segments.ts";
import { spreadDeletes } from "./spread-deletes.ts";

/** The kernel builds with all its threads, so more at once would only take more memory. */
const SLOTS = 2;
const SLOTS_OF: Readonly<Record<DataTask["kind"], number>> = { index: 1, merge: 1, spread: 1 };
const MOST_TASKS = 64;

interface Task {
  readonly slots: number;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
  readonly running: Running;
  report: TaskReport | null;
}

export class DataNode {
  readonly #options: DataNodeOptions;
  /** For work on the main thread. */
  readonly #gentle: DataNodeOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #stopServing: () => void;
  #isClosed = false;

  constructor(options: DataNodeOptions) {
    this.#options = options;
    this.#gentle = { ...options, runtime: gentle(options.runtime) };
    this.#stopServing = options.transport.serve<DataService>(DATA, this.#implementation());
  }

  /** Stops what runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopServing();
    for (const { abort } of this.#tasks.values()) abort.abort(milvusError("ServiceUnavailable", "the data node stops"));
    await Promise.all([...this.#tasks.values()].map(({ ended }) => ended));
    this.#tasks.clear();
  }

  #implementation(): Implementation<DataService> {
    return {
      createTask: async ({ task }) => ({ accepted: this.#take(task) }),
      waitTask: async (request, { signal }) => {
        const task = this.#tasks.get(nameOf(request));
        if (task === undefined) return { state: "unknown" };
        if (task.report === null) await this.#wait(task, request.waitMilliseconds, signal);
        return task.report ?? { state: "running", progress: task.running.progress() };
      },
      dropTask: async (request) => {
        const name = nameOf(request);
        const task = this.#tasks.get(name);
        if (task === undefined) return;
        task.abort.abort(milvusError("ContextCanceled"));
        await task.ended;
        if (this.#tasks.get(name) === task) this.#tasks.delete(name);
      },
      querySlots: async () => ({ total: SLOTS, free: SLOTS - this.#usedSlots() }),
    };
  }

  #usedSlots(): number {
    let used = 0;
    for (const task of this.#tasks.values()) if (task.report === null) used += task.slots;
    return used;
  }

  #take(given: DataTask): boolean {
    if (this.#isClosed) throw milvusError("ServiceUnavailable", "the data node stops");
    const name = nameOf(given);
    if (this.#tasks.has(name)) return true;
    const slots = SLOTS_OF[given.kind];
    if (this.#usedSlots() + slots > SLOTS || this.#tasks.size >= MOST_TASKS) return false;
    const abort = new AbortController();
    const running: Running = { signal: abort.signal, progress: () => 0 };
    const work = this.#run(given, running).then(
      (result): TaskReport => ({ state: "finished", result }),
      (thrown: unknown): TaskReport => failure(thrown),
    );
    const ended = work.then((report) => {
      task.report = report;
    });
    const task: Task = { slots, abort, running, report: null, ended };
    this.#tasks.set(name, task);
    return true;
  }

  async #run(task: DataTask, running: Running): Promise<DataResult> {
    // The caller has its answer first.
    await this.#options.runtime.yield();
    switch (task.kind) {
      case "index":
        return await buildIndex(task, this.#options, running);
      case "merge":
        return await mergeSegments(task, this.#gentle, running);
      case "spread":
        return await spreadDeletes(task, this.#gentle, running);
    }
  }

  async #wait(task: Task, milliseconds: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    // What ends the wait is looked at by the caller; a cancelled one has its own error.
    const late = this.#options.runtime.sleep(milliseconds, stop).catch(() => undefined);
    await Promise.race([task.ended, late]);
    over.abort();
    signal.throwIfAborted();
  }
}

function nameOf({ taskId, version }: TaskName): string {
  return `${taskId}/${version}`;
}

function failure(thrown: unknown): TaskReport {
  const error = asMilvusError(thrown);
  const isPermanent = error.kind === "IndexNotSupported" || error.kind === "ParameterInvalid";
  return { state: "failed", reason: error.message, isPermanent };
}
