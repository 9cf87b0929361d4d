/**
 * ByteBudget: how many bytes may be in flight at once; those that do not fit wait in the order in which they came.
 *
 * Always true: one request is granted whatever its size when nothing else is in flight, so a limit never blocks for ever.
 */

import { assert } from "../base/assert.ts";

export class ByteBudget {
  readonly #limit: number;
  readonly #waiting: { readonly bytes: number; readonly grant: () => void }[] = [];
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
    let served = 0;
    for (const next of this.#waiting) {
      if (!this.#fits(next.bytes)) break;
      this.#inFlight += next.bytes;
      next.grant();
      served += 1;
    }
    if (served > 0) this.#waiting.splice(0, served);
  }

  #fits(bytes: number): boolean {
    return this.#inFlight === 0 || this.#inFlight + bytes <= this.#limit;
  }
}
