/**
 * ByteBudget: how many bytes may be in flight at once; those that do not fit wait in the order in which they came.
 *
 * Always true: one request is granted whatever its size when nothing else is in flight, so a limit never blocks for ever.
 */

import { assert } from "../base/assert.ts";
import { Fifo } from "./fifo.ts";

export class ByteBudget {
  readonly #limit: number;
  readonly #waiting = new Fifo<{ readonly bytes: number; readonly grant: () => void }>();
  #inFlight = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Null when granted at once; otherwise a promise of the grant. Every grant is given back with `release`. */
  acquire(bytes: number): Promise<void> | null {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#inFlight += bytes;
      return null;
    }
    return new Promise((resolve) => this.#waiting.push({ bytes, grant: resolve }));
  }

  release(bytes: number): void {
    this.#inFlight -= bytes;
    assert(this.#inFlight >= 0, "no more bytes come back than were granted");
    for (let next = this.#waiting.peek(); next !== undefined && this.#fits(next.bytes); next = this.#waiting.peek()) {
      this.#waiting.shift();
      this.#inFlight += next.bytes;
      next.grant();
    }
  }

  #fits(bytes: number): boolean {
    return this.#inFlight === 0 || this.#inFlight + bytes <= this.#limit;
  }
}
