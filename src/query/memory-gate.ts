/**
 * What may still be loaded: what is to come is taken into account before it is there, so that loads at the same time do not fill the memory together.
 *
 * Always true: what was granted and is not yet given back, together with what the process holds, was below the threshold when it was granted.
 *
 * Not here: what a load takes (residence), what happens without (query node).
 */

import { assert } from "../base/assert.ts";
import { type MilvusError, milvusError } from "../base/errors.ts";
import type { MachineMemory } from "../base/host/memory.ts";

/** Milvus's `queryNode.overloadedMemoryThresholdPercentage`. */
const THRESHOLD = 0.9;
const MEBIBYTE = 1024 * 1024;

export class MemoryGate {
  readonly #memory: MachineMemory;
  #promised = 0;

  constructor(memory: MachineMemory) {
    this.#memory = memory;
  }

  /** Returns what gives it back, once the bytes are taken or not needed; null where it would be too much. */
  tryReserve(bytes: number): (() => void) | null {
    assert(bytes >= 0, "memory is asked for in bytes");
    if (this.#predicted(bytes) > this.#memory.totalBytes * THRESHOLD) return null;
    this.#promised += bytes;
    let isGiven = false;
    return () => {
      if (!isGiven) this.#promised -= bytes;
      isGiven = true;
    };
  }

  /** @throws 3, in Milvus's words. */
  reserve(bytes: number): () => void {
    const release = this.tryReserve(bytes);
    if (release === null) throw this.#refusal(bytes);
    return release;
  }

  #predicted(bytes: number): number {
    return this.#memory.usedBytes() + this.#promised + bytes;
  }

  #refusal(bytes: number): MilvusError {
    const { totalBytes } = this.#memory;
    const predicted = this.#predicted(bytes);
    const shown = (amount: number): number => amount / MEBIBYTE;
    return milvusError(
      "ServiceMemoryLimitExceeded",
      `load segment failed, OOM if load, maxSegmentSize = ${shown(bytes)} MB, memUsage = ${shown(predicted - bytes)} MB, ` +
        `predictMemUsage = ${shown(predicted)} MB, totalMem = ${shown(totalBytes)} MB thresholdFactor = ${THRESHOLD.toFixed(6)}`,
      { "predict(MB)": shown(predicted), "limit(MB)": shown(totalBytes) },
    );
  }
}
