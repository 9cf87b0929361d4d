/**
 * Chance, delay and death for the stores of a simulated process.
 *
 * Always true:
 *  - all chance comes from the `Runtime`, so that one seed gives one history;
 *  - an unknown outcome says nothing: the effect may be there (`after`) or not (`lost`);
 *  - after `crash` nothing of this process takes effect that had not begun, and every call of it rejects.
 */

import { assert } from "../../src/base/assert.ts";
import type { Runtime } from "../../src/base/host/runtime.ts";

/** Probabilities from 0 to 1, drawn once per call each. A simulation may change them as it goes. */
export interface Faults {
  /** Fails before it takes effect, and says so. */
  before: number;
  /** Does not take effect and cannot say. */
  lost: number;
  /** Takes effect and cannot say. */
  after: number;
  /** Waits before the effect; and, drawn again, before the answer. */
  delay: number;
  maximumDelayMilliseconds: number;
}

export const NO_FAULTS: Readonly<Faults> = { before: 0, lost: 0, after: 0, delay: 0, maximumDelayMilliseconds: 0 };

export class Crashed extends Error {
  override readonly name = "Crashed";
}

export interface FaultErrors {
  /** Nothing happened. */
  readonly failed: () => Error;
  /** Anything may have happened. */
  readonly unknown: () => Error;
}

export class FaultyLine {
  readonly #runtime: Runtime;
  readonly #faults: Readonly<Faults>;
  readonly #inFlight = new Set<(reason: Crashed) => void>();
  readonly #death = new AbortController();

  constructor(runtime: Runtime, faults: Readonly<Faults>) {
    this.#runtime = runtime;
    this.#faults = faults;
  }

  /** Aborts with the crash. */
  get death(): AbortSignal {
    return this.#death.signal;
  }

  crash(): void {
    const reason = new Crashed("the process crashed");
    this.#death.abort(reason);
    for (const reject of this.#inFlight) reject(reason);
    this.#inFlight.clear();
  }

  requireAlive(): void {
    this.#death.signal.throwIfAborted();
  }

  /** True with that probability. */
  chance(probability: number): boolean {
    assert(probability >= 0 && probability <= 1, "a probability lies between 0 and 1");
    return this.#runtime.random() < probability;
  }

  /** Runs `effect` on the way through all that can go wrong. */
  call<T>(effect: () => Promise<T>, errors: FaultErrors): Promise<T> {
    return this.untilCrash(async () => {
      await this.delay();
      if (this.chance(this.#faults.before)) throw errors.failed();
      if (this.chance(this.#faults.lost)) throw errors.unknown();
      const result = await effect();
      const isUnknown = this.chance(this.#faults.after);
      await this.delay();
      if (isUnknown) throw errors.unknown();
      return result;
    });
  }

  /** What has begun goes on without its caller, who hears of the crash. */
  untilCrash<T>(action: () => Promise<T>): Promise<T> {
    if (this.#death.signal.aborted) return Promise.reject(this.#death.signal.reason as Crashed);
    return new Promise((resolve, reject) => {
      this.#inFlight.add(reject);
      const end = (): void => void this.#inFlight.delete(reject);
      action().then(
        (result) => (end(), resolve(result)),
        (error: unknown) => (end(), reject(error as Error)),
      );
    });
  }

  /** Rejects when the process dies meanwhile: the dead do nothing afterwards. */
  async delay(): Promise<void> {
    if (this.chance(this.#faults.delay)) {
      await this.#runtime.sleep(this.#runtime.random() * this.#faults.maximumDelayMilliseconds, this.#death.signal);
    }
    this.requireAlive();
  }
}
