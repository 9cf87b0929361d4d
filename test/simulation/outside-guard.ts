/**
 * Catches simulated code that touches the real world: a real timer, a file, a socket, a thread would make a run unrepeatable.
 *
 * Always true: only what the simulated code itself begins is caught, not what the test runner does beside it. What was caught is kept
 * until the run looks, because an error thrown inside a hook would end the process.
 */

import { AsyncLocalStorage, createHook } from "node:async_hooks";

/** Kinds of asynchronous resources that do not reach outside the process's own memory. */
const HARMLESS = new Set(["PROMISE", "TickObject", "Microtask", "AsyncResource"]);

export class TouchedOutside extends Error {
  override readonly name = "TouchedOutside";
}

export class OutsideGuard {
  readonly #inside = new AsyncLocalStorage<OutsideGuard>();
  readonly #hook = createHook({ init: (_id, kind) => this.#saw(kind) });
  #isOwn = false;
  #caught: TouchedOutside | null = null;

  /** Runs `body`, and everything that follows from it, as simulated code. */
  async watch<T>(body: () => Promise<T>): Promise<T> {
    this.#hook.enable();
    try {
      return await this.#inside.run(this, body);
    } finally {
      this.#hook.disable();
    }
  }

  /** What the simulation itself needs of the real world. */
  exempt(action: () => void): void {
    this.#isOwn = true;
    try {
      action();
    } finally {
      this.#isOwn = false;
    }
  }

  throwIfCaught(): void {
    if (this.#caught !== null) throw this.#caught;
  }

  #saw(kind: string): void {
    if (this.#isOwn || this.#caught !== null || HARMLESS.has(kind)) return;
    if (this.#inside.getStore() !== this) return;
    const caught = new TouchedOutside(`simulated code touched the real world: ${kind}`);
    // Compressing in one step makes such a resource too, and closes it before anybody else runs.
    if (kind === "ZLIB" && /zlib\w*Sync|syncBufferWrapper/.test(caught.stack ?? "")) return;
    this.#caught = caught;
  }
}
