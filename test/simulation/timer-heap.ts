/** Timers by time, then by the dice they were given, then by age: a binary heap. */

export interface Scheduled {
  readonly time: number;
  readonly tie: number;
  readonly sequence: number;
  /** Null once it is cancelled. */
  action: (() => void) | null;
}

export class TimerHeap {
  readonly #timers: Scheduled[] = [];

  get size(): number {
    return this.#timers.length;
  }

  push(timer: Scheduled): void {
    let at = this.#timers.length;
    this.#timers.push(timer);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!isBefore(timer, this.#timers[parent]!)) break;
      this.#timers[at] = this.#timers[parent]!;
      at = parent;
    }
    this.#timers[at] = timer;
  }

  /** The earliest, or null. */
  pop(): Scheduled | null {
    const first = this.#timers[0];
    const last = this.#timers.pop();
    if (first === undefined || last === undefined) return null;
    if (this.#timers.length > 0) this.#sink(last);
    return first;
  }

  #sink(timer: Scheduled): void {
    const count = this.#timers.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && isBefore(this.#timers[child + 1]!, this.#timers[child]!)) child += 1;
      if (!isBefore(this.#timers[child]!, timer)) break;
      this.#timers[at] = this.#timers[child]!;
      at = child;
    }
    this.#timers[at] = timer;
  }
}

function isBefore(left: Scheduled, right: Scheduled): boolean {
  if (left.time !== right.time) return left.time < right.time;
  if (left.tie !== right.tie) return left.tie < right.tie;
  return left.sequence < right.sequence;
}
