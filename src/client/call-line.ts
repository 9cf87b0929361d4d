/**
 * Which calls are on their way to the engine's thread, and which wait until some of those are answered. First come, first served.
 *
 * Always true:
 *  - on the way are at most `maxCalls` calls and `maxBytes` bytes, except that one call alone may be larger;
 *  - the line of those that wait has a limit too: a call beyond it is refused and never forgotten.
 *
 * Not here: threads and messages (`engine-link.ts`).
 */

import { assert } from "../base/assert.ts";

export interface LineLimits {
  readonly maxCalls: number;
  readonly maxBytes: number;
  readonly maxWaitingCalls: number;
  readonly maxWaitingBytes: number;
}

export interface QueuedCall {
  readonly bytes: number;
  /** The call may go now. */
  start(): void;
}

export class CallLine {
  readonly #limits: LineLimits;
  readonly #waiting = new Set<QueuedCall>();
  readonly #idleWaiters: (() => void)[] = [];
  #waitingBytes = 0;
  #calls = 0;
  #bytes = 0;

  constructor(limits: LineLimits) {
    this.#limits = limits;
  }

  get isIdle(): boolean {
    return this.#calls === 0 && this.#waiting.size === 0;
  }

  /** Starts the call now or later; false: the line is full. */
  enter(call: QueuedCall): boolean {
    if (this.#waiting.size === 0 && this.#hasRoom(call)) {
      this.#start(call);
      return true;
    }
    const { maxWaitingCalls, maxWaitingBytes } = this.#limits;
    const isTooMuch = this.#waiting.size > 0 && this.#waitingBytes + call.bytes > maxWaitingBytes;
    if (this.#waiting.size >= maxWaitingCalls || isTooMuch) return false;
    this.#waiting.add(call);
    this.#waitingBytes += call.bytes;
    return true;
  }

  /** Takes a call out of the line; false: it has started. */
  withdraw(call: QueuedCall): boolean {
    if (!this.#waiting.delete(call)) return false;
    this.#waitingBytes -= call.bytes;
    this.#advance();
    return true;
  }

  /** A call that had started is over. */
  finish(call: QueuedCall): void {
    this.#calls -= 1;
    this.#bytes -= call.bytes;
    assert(this.#calls >= 0 && this.#bytes >= 0, "only calls that started finish");
    this.#advance();
  }

  whenIdle(): Promise<void> {
    return this.isIdle ? Promise.resolve() : new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #hasRoom(call: QueuedCall): boolean {
    const { maxCalls, maxBytes } = this.#limits;
    return this.#calls === 0 || (this.#calls < maxCalls && this.#bytes + call.bytes <= maxBytes);
  }

  #start(call: QueuedCall): void {
    this.#calls += 1;
    this.#bytes += call.bytes;
    call.start();
  }

  #advance(): void {
    for (const call of this.#waiting) {
      if (!this.#hasRoom(call)) break;
      this.#waiting.delete(call);
      this.#waitingBytes -= call.bytes;
      this.#start(call);
    }
    if (this.isIdle) for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
