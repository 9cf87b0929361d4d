/**
 * The port to the machine: clock, timers, randomness. Everything that decides anything takes a `Runtime`; the simulator hands in
 * one with virtual time and a seed, so that a whole engine runs the same way twice.
 *
 * Always true: nothing outside `base/host` reads the clock, sets a timer or draws a random number (a test walks the sources).
 */

export interface Timer {
  /** Idempotent; a cancelled timer never fires. */
  cancel(): void;
}

export interface Runtime {
  /** Wall clock, Unix milliseconds. May jump; never use it to measure a duration. */
  now(): number;
  /** Milliseconds with a fraction from an arbitrary start; never goes back. */
  monotonic(): number;
  /** Runs `action` once after `milliseconds`. A pending timer does not keep the process alive. */
  after(milliseconds: number, action: () => void): Timer;
  /** Resolves after `milliseconds`, or rejects with the signal's reason as soon as it aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Lets everything that is already runnable run first. */
  yield(): Promise<void>;
  /** Uniform in [0, 1). */
  random(): number;
  /** Uniform bytes. */
  randomBytes(count: number): Uint8Array;
}
