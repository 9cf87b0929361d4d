/**
 * Views: which segments answer for a channel. A view never changes; a new one takes its place in one step.
 *
 * Always true:
 *  - a view has a segment either growing or sealed, never both, and all of what it serves;
 *  - what only an old view names is let go when its last reader is done (I 10.37).
 */

import { assert } from "../base/assert.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import type { GrowingSegment } from "../segment/growing.ts";

export class View {
  readonly growing: readonly GrowingSegment[];
  readonly sealed: readonly SegmentInfo[];
  /** As of an earlier timestamp rows would be missing. */
  readonly readableFrom: Timestamp;
  readonly #retired: () => void;
  #readers = 0;
  #current = true;

  /** `retired` is called once, when the view is neither current nor read. `readableFrom`: of what has left no segment. */
  constructor(
    growing: readonly GrowingSegment[],
    sealed: readonly SegmentInfo[],
    retired: () => void,
    readableFrom: Timestamp = 0n,
  ) {
    const ids = new Set([...growing, ...sealed].map((segment) => segment.segmentId));
    assert(ids.size === growing.length + sealed.length, "a segment is in a view once");
    this.growing = growing;
    this.sealed = sealed;
    this.readableFrom = sealed.reduce(
      (latest, segment) => ((segment.readableFrom ?? 0n) > latest ? segment.readableFrom! : latest),
      readableFrom,
    );
    this.#retired = retired;
  }

  pin(): void {
    assert(this.#current || this.#readers > 0, "only a live view is read");
    this.#readers += 1;
  }

  unpin(): void {
    assert(this.#readers > 0, "a view is let go by who pinned it");
    this.#readers -= 1;
    if (!this.#current && this.#readers === 0) this.#retired();
  }

  /** Another view has taken its place. */
  retire(): void {
    assert(this.#current, "a view is replaced once");
    this.#current = false;
    if (this.#readers === 0) this.#retired();
  }
}
