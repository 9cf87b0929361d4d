/**
 * Mutual exclusion over asynchronous sections, first come first served.
 *
 * `ReadWriteLock` prefers nobody: waiters are served in order, neighbouring readers together, so neither side starves.
 */

import { assert } from "./assert.ts";

export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `section` after every section that was asked for before it; its result or failure is the caller's alone. */
  run<T>(section: () => T | Promise<T>): Promise<T> {
    const result = this.#tail.then(section);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

interface Waiter {
  readonly exclusive: boolean;
  readonly start: () => void;
}

export class ReadWriteLock {
  #readers = 0;
  #writing = false;
  readonly #waiting: Waiter[] = [];

  shared<T>(section: () => Promise<T>): Promise<T> {
    return this.#run(false, section);
  }

  exclusive<T>(section: () => Promise<T>): Promise<T> {
    return this.#run(true, section);
  }

  async #run<T>(exclusive: boolean, section: () => Promise<T>): Promise<T> {
    await this.#acquire(exclusive);
    try {
      return await section();
    } finally {
      this.#release(exclusive);
    }
  }

  #acquire(exclusive: boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ exclusive, start: resolve });
      this.#serve();
    });
  }

  #release(exclusive: boolean): void {
    if (exclusive) {
      assert(this.#writing, "an exclusive section ends only after it began");
      this.#writing = false;
    } else {
      assert(this.#readers > 0, "a shared section ends only after it began");
      this.#readers -= 1;
    }
    this.#serve();
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#writing || (next.exclusive && this.#readers > 0)) return;
      this.#waiting.shift();
      if (next.exclusive) this.#writing = true;
      else this.#readers += 1;
      next.start();
    }
  }
}
