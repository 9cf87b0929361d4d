/**
 * Counted use of something that must be freed: `close` takes effect when the last user lets go.
 *
 * Always true: `free` runs exactly once, never while somebody holds the lease.
 */

import { assert } from "../base/assert.ts";
import { milvusError } from "../base/errors.ts";

export class Lease {
  readonly #segmentId: bigint;
  readonly #free: () => void;
  #users = 0;
  #closed = false;

  constructor(segmentId: bigint, free: () => void) {
    this.#segmentId = segmentId;
    this.#free = free;
  }

  get users(): number {
    return this.#users;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get isFreed(): boolean {
    return this.#closed && this.#users === 0;
  }

  acquire(): void {
    if (this.#closed) {
      throw milvusError("SegmentNotLoaded", "the segment was released", { segment: this.#segmentId });
    }
    this.#users += 1;
  }

  release(): void {
    assert(this.#users > 0, "a segment is released by who acquired it");
    this.#users -= 1;
    if (this.#closed && this.#users === 0) this.#free();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#users === 0) this.#free();
  }
}
