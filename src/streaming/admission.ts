/**
 * Back-pressure on writes: when growing rows take more memory than they may, because files are written slower than rows come, inserts
 * wait, and after a while are refused with Milvus's quota error. Deletes and metadata go through: they shrink what waits.
 *
 * Always true: an insert is let in only while what grows is below the limit as it was measured at most `MEASURE_MILLISECONDS` ago.
 */

import { milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { type Message, MessageType } from "../model/message.ts";

export const MEMORY_EXCEEDED = "memory quota exceeded, please allocate more resources";
const MEASURE_MILLISECONDS = 20;
const WAIT_MILLISECONDS = 10_000;

export class Admission {
  readonly #runtime: Runtime;
  readonly #limitBytes: number;
  readonly #growingBytes: () => number;
  readonly #relieve: () => void;
  #measuredAt = -Infinity;
  #bytes = 0;

  /** `relieve` is called when the limit is passed: something should be flushed. */
  constructor(runtime: Runtime, limitBytes: number, growingBytes: () => number, relieve: () => void) {
    this.#runtime = runtime;
    this.#limitBytes = limitBytes;
    this.#growingBytes = growingBytes;
    this.#relieve = relieve;
  }

  async enter(messages: readonly Message[]): Promise<void> {
    if (!messages.some((message) => message.type === MessageType.Insert)) return;
    if (!this.isFull()) return;
    const end = this.#runtime.monotonic() + WAIT_MILLISECONDS;
    this.#relieve();
    while (this.isFull()) {
      if (this.#runtime.monotonic() >= end) {
        throw milvusError("ServiceQuotaExceeded", "", { reason: MEMORY_EXCEEDED });
      }
      await this.#runtime.sleep(MEASURE_MILLISECONDS);
    }
  }

  /** Whether an insert that came now would wait. */
  isFull(): boolean {
    const now = this.#runtime.monotonic();
    if (now - this.#measuredAt >= MEASURE_MILLISECONDS) {
      this.#measuredAt = now;
      this.#bytes = this.#growingBytes();
    }
    return this.#bytes > this.#limitBytes;
  }
}
