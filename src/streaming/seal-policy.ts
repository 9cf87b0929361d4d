/**
 * When growing segments are closed without being asked: by age, when growing rows take too much memory, and when many of them rest and are searched,
 * since a sealed segment's graph is quicker. (By size: the log itself.)
 *
 * Always true: no timer runs while nothing grows.
 */

import type { Runtime, Timer } from "../base/host/runtime.ts";
import { type Timestamp, physicalMilliseconds } from "../base/timestamp.ts";

export interface SealLimits {
  /** Rows wait at most this long for their files. */
  readonly maxAgeMilliseconds: number;
  /** Rows that are searched through a growing graph wait at most so long after the last one came. */
  readonly restMilliseconds: number;
  /** Above this, the channel with most growing bytes is flushed. */
  readonly highWaterBytes: number;
  readonly checkMilliseconds: number;
  /** Above this, inserts wait. More than the high-water mark, so that flushing gets its chance first. */
  readonly refuseBytes: number;
}

/** What grows on one virtual channel. */
export interface GrowingState {
  readonly virtualChannel: string;
  readonly collectionId: bigint;
  readonly bytes: number;
  /** Of the oldest growing row or pending delete; null when there is none. */
  readonly oldest: Timestamp | null;
  /** The newest growing row, where rows are searched through a graph; null: none are. */
  readonly searchedNewest: Timestamp | null;
}

/** The channels whose growing segments are to be closed now. */
export function channelsToSeal(
  states: readonly GrowingState[],
  nowMilliseconds: number,
  limits: SealLimits,
): GrowingState[] {
  const isOlder = (tick: Timestamp | null, milliseconds: number): boolean =>
    tick !== null && nowMilliseconds - physicalMilliseconds(tick) >= milliseconds;
  const due = states.filter(
    ({ oldest, searchedNewest }) =>
      isOlder(oldest, limits.maxAgeMilliseconds) || isOlder(searchedNewest, limits.restMilliseconds),
  );
  let bytes = states.reduce((sum, state) => sum + state.bytes, 0) - due.reduce((sum, state) => sum + state.bytes, 0);
  const others = states.filter((state) => !due.includes(state) && state.oldest !== null);
  for (const state of others.toSorted((left, right) => right.bytes - left.bytes)) {
    if (bytes <= limits.highWaterBytes) break;
    due.push(state);
    bytes -= state.bytes;
  }
  return due;
}

export class SealPolicy {
  readonly #runtime: Runtime;
  readonly #limits: SealLimits;
  readonly #states: () => GrowingState[];
  readonly #seal: (state: GrowingState) => Promise<void>;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(
    runtime: Runtime,
    limits: SealLimits,
    states: () => GrowingState[],
    seal: (state: GrowingState) => Promise<void>,
  ) {
    this.#runtime = runtime;
    this.#limits = limits;
    this.#states = states;
    this.#seal = seal;
  }

  /** Something grows: look again after a while. */
  arm(): void {
    if (this.#stopped || this.#timer !== null) return;
    this.#timer = this.#runtime.after(this.#limits.checkMilliseconds, () => void this.#check());
  }

  /** Looks at once, because memory is short. */
  checkNow(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (!this.#stopped) void this.#check();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #check(): Promise<void> {
    this.#timer = null;
    const states = this.#states();
    // A channel that cannot be flushed now is looked at again with the next check.
    await Promise.allSettled(
      channelsToSeal(states, this.#runtime.now(), this.#limits).map((state) => this.#seal(state)),
    );
    if (this.#states().some(({ oldest }) => oldest !== null)) this.arm();
  }
}
