/** A fixed number of locks for any number of collections; two that share one only wait for each other. */

import { ReadWriteLock } from "../base/mutex.ts";

const STRIPES = 64;

export class StripedLocks {
  readonly #locks = Array.from({ length: STRIPES }, () => new ReadWriteLock());

  of(id: bigint): ReadWriteLock {
    return this.#locks[Number(id % BigInt(STRIPES))]!;
  }
}
