/**
 * Small searches on the calling thread: where one takes less than about a hundred microseconds, two changes of threads cost as much as itself.
 *
 * Always true:
 *  - in one turn of the event loop at most `MOST_A_TURN` searches are tried, each for at most `LIMIT_MICROSECONDS`, so that nobody is held up for
 *    longer than a few milliseconds; the rest go to the kernel's threads;
 *  - a handle whose search took too long is not tried again for a while.
 */

import type { Handle } from "./kernel.ts";

/** Two walks of the kind that pays: a search beyond it was no small one. */
export const LIMIT_MICROSECONDS = 250;
const MOST_A_TURN = 8;
/** So many of them are free: that a turn is over is asked for only by those who come more often. */
const UNCOUNTED = MOST_A_TURN / 2;
/** Searches that are not tried after one that took too long: what that cost is spread over them. */
const PATIENCE = 64;
/** Handles that are remembered; all are forgotten beyond. */
const MOST_KNOWN = 4096;

export class AtOnce {
  readonly #nextTurn: () => Promise<void>;
  readonly #waits = new Map<Handle, number>();
  #tried = 0;
  #asked = false;

  /** `nextTurn` resolves when everything else that could run has. */
  constructor(nextTurn: () => Promise<void>) {
    this.#nextTurn = nextTurn;
  }

  /** Whether a search of the handle may be tried here, now. */
  mayTry(handle: Handle): boolean {
    if (this.#tried >= MOST_A_TURN) return false;
    const wait = this.#waits.size === 0 ? 0 : (this.#waits.get(handle) ?? 0);
    if (wait > 1) {
      this.#waits.set(handle, wait - 1);
      return false;
    }
    this.#tried += 1;
    if (this.#tried > UNCOUNTED && !this.#asked) {
      this.#asked = true;
      void this.#nextTurn().then(() => {
        this.#asked = false;
        this.#tried = 0;
      });
    }
    return true;
  }

  tookTooLong(handle: Handle): void {
    if (this.#waits.size >= MOST_KNOWN) this.#waits.clear();
    this.#waits.set(handle, PATIENCE);
  }
}
