/**
 * Small searches on the calling thread: where one takes less than about a hundred microseconds, two changes of threads cost as much as itself.
 *
 * Always true:
 *  - in one turn of the event loop searches are begun until `TURN_MICROSECONDS` have passed in them, and go on until `LAST_MICROSECONDS`, each of
 *    at most its limit of this thread's work, so that nobody is held up for longer than a few milliseconds; the rest go to the kernel's threads;
 *  - a subject whose search took too long is not tried for a while, and for twice as long when that happens again. One such search says little:
 *    its thread may have had no core.
 */

/** A search beyond it was no small one: two changes of threads are little beside it. */
export const LIMIT_MICROSECONDS = 400;
/** The same where the way to another thread and back costs many times as much: from a program to the engine beside it. */
export const NEAR_LIMIT_MICROSECONDS = 2000;
const TURN_MICROSECONDS = 2000;
/** What has begun in time may go on until then: a search of several segments is not left half done for a little. */
const LAST_MICROSECONDS = 2 * TURN_MICROSECONDS;
/** So much of it is free: that a turn is over is asked for only by those who work more. */
const FREE_MICROSECONDS = TURN_MICROSECONDS / 4;
/** Searches that are not tried after the first that took too long, and at most. */
const LEAST_PATIENCE = 4;
const MOST_PATIENCE = 128;
/** Subjects that are remembered; all are forgotten beyond. */
const MOST_KNOWN = 4096;

/** Kinds of searches of one handle that are told apart: a subject is a handle times this, and the kind. */
export const KINDS_A_HANDLE = 64;

interface Slow {
  /** Searches that are not tried yet. */
  waits: number;
  patience: number;
}

export class AtOnce {
  readonly #nextTurn: () => Promise<void>;
  readonly #milliseconds: () => number;
  readonly #slow = new Map<number, Slow>();
  #spentMicroseconds = 0;
  /** Asked for already. */
  #turn: Promise<void> | null = null;

  /** `nextTurn` resolves when everything else that could run has; `milliseconds`: a clock that never goes back. */
  constructor(nextTurn: () => Promise<void>, milliseconds: () => number) {
    this.#nextTurn = nextTurn;
    this.#milliseconds = milliseconds;
  }

  /** Whether a search of the subject may be tried here, now. `hasBegun`: as a part of one for which there was room. */
  mayTry(subject: number, hasBegun: boolean): boolean {
    if (this.#spentMicroseconds >= (hasBegun ? LAST_MICROSECONDS : TURN_MICROSECONDS)) return false;
    const slow = this.#slow.size === 0 ? undefined : this.#slow.get(subject);
    if (slow === undefined || slow.waits === 0) return true;
    slow.waits -= 1;
    return false;
  }

  /** Whether one more can be begun in this turn. */
  get hasRoom(): boolean {
    return this.#spentMicroseconds < TURN_MICROSECONDS;
  }

  /** Does it here, and counts how long that took. */
  spend<T>(work: () => T): T {
    const start = this.#milliseconds();
    try {
      return work();
    } finally {
      this.#spentMicroseconds += 1000 * (this.#milliseconds() - start);
      if (this.#spentMicroseconds > FREE_MICROSECONDS) void this.nextTurn();
    }
  }

  /** Resolves in the next turn, when searches may be tried again. */
  nextTurn(): Promise<void> {
    this.#turn ??= this.#nextTurn().then(() => {
      this.#turn = null;
      this.#spentMicroseconds = 0;
    });
    return this.#turn;
  }

  wasQuick(subject: number): void {
    if (this.#slow.size > 0) this.#slow.delete(subject);
  }

  tookTooLong(subject: number): void {
    if (this.#slow.size >= MOST_KNOWN) this.#slow.clear();
    const patience = Math.min(MOST_PATIENCE, 2 * (this.#slow.get(subject)?.patience ?? LEAST_PATIENCE / 2));
    this.#slow.set(subject, { waits: patience, patience });
  }
}
