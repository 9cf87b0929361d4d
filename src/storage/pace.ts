/**
 * Long work on the event loop, in slices: after `SLICE_MILLISECONDS` of it everybody else gets a turn.
 *
 * Always true: one call of `pause()` costs a clock read when the slice is not over. A single step between two calls should stay
 * below ten milliseconds; the callers' page and part sizes are chosen for that.
 */

import type { Runtime } from "../base/host/runtime.ts";

const SLICE_MILLISECONDS = 8;

export class Pace {
  readonly #runtime: Runtime;
  #sliceStart: number;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#sliceStart = runtime.monotonic();
  }

  async pause(): Promise<void> {
    if (this.#runtime.monotonic() - this.#sliceStart >= SLICE_MILLISECONDS) await this.rest();
  }

  /** A turn for everybody else at once: before a step that is nearly a slice by itself. */
  async rest(): Promise<void> {
    await this.#runtime.yield();
    this.#sliceStart = this.#runtime.monotonic();
  }
}
