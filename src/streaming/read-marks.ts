/**
 * Moments of the past that somebody still reads: an iterator asks for page after page as of its first one.
 *
 * Always true:
 *  - a moment counts for `KEPT_MILLISECONDS` after its last read, and at most `LIMIT` of them do; what is left out can only make a later
 *    page fail with an error, never answer wrongly;
 *  - reads as of less than half the retention ago need no mark: whatever they see is kept anyway until they would get one.
 */

import type { Runtime } from "../base/host/runtime.ts";
import { physicalMilliseconds, type Timestamp } from "../base/timestamp.ts";

const KEPT_MILLISECONDS = 600_000;
const LIMIT = 1_024;

export class ReadMarks {
  readonly #runtime: Runtime;
  readonly #retentionMilliseconds: number;
  /** By moment, when it was last read, in the order of that. */
  readonly #read = new Map<Timestamp, number>();

  constructor(runtime: Runtime, retentionMilliseconds: number) {
    this.#runtime = runtime;
    this.#retentionMilliseconds = retentionMilliseconds;
  }

  /** `now` is what a read without a moment of its own would see. */
  note(moment: Timestamp, now: Timestamp): void {
    if (physicalMilliseconds(now) - physicalMilliseconds(moment) < this.#retentionMilliseconds / 2) return;
    this.#read.delete(moment);
    if (this.#read.size >= LIMIT) this.#read.delete(this.#read.keys().next().value!);
    this.#read.set(moment, this.#runtime.monotonic());
  }

  /** Null: none. */
  oldest(): Timestamp | null {
    const end = this.#runtime.monotonic() - KEPT_MILLISECONDS;
    let oldest: Timestamp | null = null;
    for (const [moment, readAt] of this.#read) {
      if (readAt < end) this.#read.delete(moment);
      else if (oldest === null || moment < oldest) oldest = moment;
    }
    return oldest;
  }
}
