/**
 * The runtime of a simulation: virtual time, seeded chance, and one loop that decides what happens next.
 *
 * Always true:
 *  - time stands still while code runs, and jumps to the next timer when nothing else can run;
 *  - timers fire in the order of their times; among equal times, and for `yield`, the seed decides;
 *  - everything that happens is mixed into one hash, so two runs of one seed can be compared;
 *  - a run in which something is awaited and no timer is left has failed: nothing would ever happen again.
 *
 * A `SimulatedProcess` is a part of the world that can die: after `kill` none of its timers fires, and whoever waits for one of them
 * waits for ever, as the code of a dead process does.
 */

import { assert } from "../../src/base/assert.ts";
import type { Runtime, Timer } from "../../src/base/host/runtime.ts";
import { EventHash, type EventPart } from "./event-hash.ts";
import { OutsideGuard } from "./outside-guard.ts";
import { SeededRandom } from "./random.ts";
import { type Scheduled, TimerHeap } from "./timer-heap.ts";

/** Where virtual time begins: 2024-01-01, so that timestamps look as they do in life. */
const START_MILLISECONDS = 1_704_067_200_000;
const MAXIMUM_STEPS = 5_000_000;

export class Deadlock extends Error {
  override readonly name = "Deadlock";
}

export class SimulatedRuntime implements Runtime {
  readonly seed: number;
  readonly hash = new EventHash();
  readonly #random: SeededRandom;
  readonly #timers = new TimerHeap();
  readonly #guard = new OutsideGuard();
  #elapsed = 0;
  #sequence = 0;
  #steps = 0;
  #running = false;

  constructor(seed: number) {
    this.seed = seed;
    this.#random = new SeededRandom(seed);
  }

  now(): number {
    return START_MILLISECONDS + Math.floor(this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(milliseconds: number, action: () => void): Timer {
    const timer = this.schedule(milliseconds, action);
    return { cancel: () => void (timer.action = null) };
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, milliseconds, signal);
  }

  yield(): Promise<void> {
    return new Promise((resolve) => void this.schedule(0, resolve));
  }

  random(): number {
    return this.#random.next();
  }

  randomBytes(count: number): Uint8Array {
    return this.#random.bytes(count);
  }

  /** Mixes something that happened into the hash. */
  record(...parts: readonly EventPart[]): void {
    this.hash.add(parts);
  }

  process(): SimulatedProcess {
    return new SimulatedProcess(this);
  }

  schedule(milliseconds: number, action: () => void): Scheduled {
    const wait = Number.isFinite(milliseconds) && milliseconds > 0 ? milliseconds : 0;
    this.#sequence += 1;
    const timer = { time: this.#elapsed + wait, tie: this.random(), sequence: this.#sequence, action };
    this.#timers.push(timer);
    return timer;
  }

  /** Runs the world until `main` has settled, and returns what it returned. */
  async run<T>(main: () => Promise<T>): Promise<T> {
    let outcome: { readonly value: T } | { readonly error: unknown } | null = null;
    await this.#drive(
      () => {
        main().then(
          (value) => (outcome = { value }),
          (error: unknown) => (outcome = { error }),
        );
      },
      () => outcome !== null,
    );
    const settled = outcome as { readonly value: T } | { readonly error: unknown } | null;
    if (settled === null) {
      throw new Deadlock(`seed ${this.seed}: something is awaited at ${this.#elapsed} ms, and no timer is left`);
    }
    if ("error" in settled) throw settled.error;
    return settled.value;
  }

  /** Runs the world until no timer is left. */
  async runUntilIdle(): Promise<void> {
    await this.#drive(
      () => undefined,
      () => false,
    );
  }

  async #drive(begin: () => void, isOver: () => boolean): Promise<void> {
    assert(!this.#running, "a simulation runs once at a time");
    this.#running = true;
    try {
      await this.#guard.watch(async () => {
        begin();
        await this.#drained();
        while (!isOver() && this.#fireNext()) await this.#drained();
      });
    } finally {
      this.#running = false;
    }
  }

  /** Everything that can run without a timer has run. */
  async #drained(): Promise<void> {
    await new Promise<void>((resolve) => this.#guard.exempt(() => void setImmediate(resolve)));
    this.#guard.throwIfCaught();
  }

  #fireNext(): boolean {
    for (let timer = this.#timers.pop(); timer !== null; timer = this.#timers.pop()) {
      if (timer.action === null) continue;
      this.#steps += 1;
      assert(this.#steps < MAXIMUM_STEPS, `seed ${this.seed} comes to an end`);
      this.#elapsed = timer.time;
      this.record("timer", timer.sequence, timer.time);
      timer.action();
      return true;
    }
    return false;
  }
}

export class SimulatedProcess implements Runtime {
  readonly #world: SimulatedRuntime;
  #isAlive = true;

  constructor(world: SimulatedRuntime) {
    this.#world = world;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  kill(): void {
    this.#isAlive = false;
  }

  now(): number {
    return this.#world.now();
  }

  monotonic(): number {
    return this.#world.monotonic();
  }

  after(milliseconds: number, action: () => void): Timer {
    return this.#world.after(milliseconds, () => {
      if (this.#isAlive) action();
    });
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, milliseconds, signal);
  }

  yield(): Promise<void> {
    return new Promise((resolve) => void this.after(0, resolve));
  }

  random(): number {
    return this.#world.random();
  }

  randomBytes(count: number): Uint8Array {
    return this.#world.randomBytes(count);
  }
}

function sleepOn(runtime: Runtime, milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const timer = runtime.after(milliseconds, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    const abort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}
