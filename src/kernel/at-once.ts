/**
 * Small searches on the calling thread: where one takes less than about a hundred microseconds, two changes of threads cost as much as itself.
 *
 * Always true:
 *  - in one turn of the event loop at most `MOST_A_TURN` searches are tried, each for at most `LIMIT_MICROSECONDS` of this thread's work, so that nobody is held up for
 *    longer than a few milliseconds; the rest go to the kernel's threads;
 *  - a handle whose search took too long is not tried for a while, and for twice as long when that happens again. One such search says little:
 *    its thread may have had no core.
 */

import type { Handle } from "./kernel.ts";

/** A search beyond it was no small one: two changes of threads are little beside it. */
export const LIMIT_MICROSECONDS = 400;
const MOST_A_TURN = 8;
/** So many of them are free: that a turn is over is asked for only by those who come more often. */
const UNCOUNTED = MOST_A_TURN / 2;
/** Searches that are not tried after the first that took too long, and at most. */
const LEAST_PATIENCE = 4;
const MOST_PATIENCE = 128;
/** Handles that are remembered; all are forgotten beyond. */
const MOST_KNOWN = 4096;

interface Slow {
  /** Searches that are not tried yet. */
  waits: number;
  patience: number;
}

export class AtOnce {
  readonly #nextTurn: () => Promise<void>;
  readonly #slow = new Map<Handle, Slow>();
  #tried = 0;
  /** Asked for already. */
  #turn: Promise<void> | null = null;

  /** `nextTurn` resolves when everything else that could run has. */
  constructor(nextTurn: () => Promise<void>) {
    this.#nextTurn = nextTurn;
  }

  /** Whether a search of the handle may be tried here, now. */
  mayTry(handle: Handle): boolean {
    if (this.#tried >= MOST_A_TURN) return false;
    const slow = this.#slow.size === 0 ? undefined : this.#slow.get(handle);
    if (slow !== undefined && slow.waits > 0) {
      slow.waits -= 1;
      return false;
    }
    this.#tried += 1;
    if (this.#tried > UNCOUNTED) void this.nextTurn();
    return true;
  }

  /** Whether so many can still be tried in this turn. */
  hasRoom(count: number): boolean {
    return this.#tried + count <= MOST_A_TURN;
  }

  /** Resolves in the next turn, when searches may be tried again. */
  nextTurn(): Promise<void> {
    this.#turn ??= this.#nextTurn().then(() => {
      this.#turn = null;
      this.#tried = 0;
    });
    return this.#turn;
  }

  wasQuick(handle: Handle): void {
    if (this.#slow.size > 0) this.#slow.delete(handle);
  }

  tookTooLong(handle: Handle): void {
    if (this.#slow.size >= MOST_KNOWN) this.#slow.clear();
    const patience = Math.min(MOST_PATIENCE, 2 * (this.#slow.get(handle)?.patience ?? LEAST_PATIENCE / 2));
    this.#slow.set(handle, { waits: patience, patience });
  }
}
