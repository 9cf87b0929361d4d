/**
 * Leases on views between a search and the fetch of its rows: a client that vanishes must not hold segments for ever.
 *
 * Always true: a lease is let go exactly once, by its holder or by its timer; there are at most `LIMIT` of them.
 */

import { milvusError } from "../base/errors.ts";
import type { Runtime, Timer } from "../base/host/runtime.ts";
import type { View } from "./view.ts";

const LIFE_MILLISECONDS = 30_000;
const LIMIT = 16_384;

interface Held {
  readonly view: View;
  readonly timer: Timer;
}

export class Leases {
  readonly #runtime: Runtime;
  readonly #held = new Map<bigint, Held>();
  #nextId = 1n;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get count(): number {
    return this.#held.size;
  }

  /** Takes over the caller's pin on the view. */
  grant(view: View): bigint {
    if (this.#held.size >= LIMIT) {
      view.unpin();
      throw milvusError("ServiceTooManyRequests", "too many searches hold segments");
    }
    const leaseId = this.#nextId;
    this.#nextId += 1n;
    const timer = this.#runtime.after(LIFE_MILLISECONDS, () => this.release(leaseId));
    this.#held.set(leaseId, { view, timer });
    return leaseId;
  }

  view(leaseId: bigint): View {
    const held = this.#held.get(leaseId);
    if (held === undefined) throw milvusError("InconsistentRequery", "the snapshot of the search has expired");
    return held.view;
  }

  /** Idempotent. */
  release(leaseId: bigint): void {
    const held = this.#held.get(leaseId);
    if (held === undefined) return;
    this.#held.delete(leaseId);
    held.timer.cancel();
    held.view.unpin();
  }

  releaseAll(): void {
    for (const leaseId of this.#held.keys()) this.release(leaseId);
  }
}
