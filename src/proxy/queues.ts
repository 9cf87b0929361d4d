/**
 * The proxy's three queues: DDL, DML and DQL, each with a bounded number of tasks that wait and of tasks that run.
 *
 * Always true: a full queue answers at once (code 4, retriable) and never hangs; a flood of one kind does not starve another.
 */

import { milvusError } from "../base/errors.ts";

/** Milvus's `maxTaskNum`. */
const MAX_WAITING = 1_024;

interface Waiting {
  readonly start: () => void;
  readonly giveUp: (error: Error) => void;
}

export class TaskQueue {
  readonly #name: string;
  readonly #concurrency: number;
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #stopping = false;

  constructor(name: string, concurrency: number) {
    this.#name = name;
    this.#concurrency = concurrency;
  }

  get depth(): number {
    return this.#waiting.length + this.#running;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await task();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.start();
    }
  }

  /** Tasks that have not begun are refused from now on. */
  stop(): void {
    this.#stopping = true;
    for (const { giveUp } of this.#waiting.splice(0)) giveUp(this.#notReady());
  }

  #enter(): Promise<void> {
    if (this.#stopping) return Promise.reject(this.#notReady());
    if (this.#running < this.#concurrency) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(milvusError("ServiceTooManyRequests", "", { queue: this.#name, capacity: MAX_WAITING }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        start: () => {
          this.#running += 1;
          resolve();
        },
        giveUp: reject,
      });
    });
  }

  #notReady(): Error {
    return milvusError("ServiceNotReady", "", { queue: this.#name, state: "Stopping" });
  }
}
