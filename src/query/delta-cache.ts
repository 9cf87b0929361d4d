/**
 * Deletes from files, kept for as long as there is room: every sealed segment of a channel that is loaded needs the same ones.
 *
 * Always true:
 *  - delta segments are immutable, so that what was read once is what is there;
 *  - at most `limitBytes` of read deletes are kept, the least recently used go first; what cannot be read is not remembered.
 */

import type { Runtime } from "../base/host/runtime.ts";
import { columnBytes } from "../model/columns.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import type { Deltas } from "../storage/deltas.ts";
import { openSegmentFiles } from "../storage/segment-reader.ts";

const LIMIT_BYTES = 32 << 20;

interface Kept {
  readonly deltas: Promise<readonly Deltas[]>;
  bytes: number;
}

export class DeltaCache {
  readonly #objects: ObjectStore;
  readonly #runtime: Runtime;
  readonly #limitBytes: number;
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(objects: ObjectStore, runtime: Runtime, limitBytes = LIMIT_BYTES) {
    this.#objects = objects;
    this.#runtime = runtime;
    this.#limitBytes = limitBytes;
  }

  async read(manifestKey: string): Promise<readonly Deltas[]> {
    const known = this.#kept.get(manifestKey);
    if (known !== undefined) {
      // Now the most recently used.
      this.#kept.delete(manifestKey);
      this.#kept.set(manifestKey, known);
      return known.deltas;
    }
    const kept: Kept = { deltas: this.#readFiles(manifestKey), bytes: 0 };
    this.#kept.set(manifestKey, kept);
    try {
      const deltas = await kept.deltas;
      kept.bytes = deltas.reduce((sum, delta) => sum + columnBytes(delta.keys) + delta.timestamps.byteLength * 2, 0);
      this.#bytes += kept.bytes;
      this.#evict();
      return deltas;
    } catch (error) {
      if (this.#kept.get(manifestKey) === kept) this.#kept.delete(manifestKey);
      throw error;
    }
  }

  async #readFiles(manifestKey: string): Promise<readonly Deltas[]> {
    return (await openSegmentFiles(this.#objects, this.#runtime, manifestKey)).readDeltas();
  }

  #evict(): void {
    for (const [manifestKey, { bytes }] of this.#kept) {
      if (this.#bytes <= this.#limitBytes) return;
      // Those of no bytes are still being read.
      if (bytes === 0) continue;
      this.#kept.delete(manifestKey);
      this.#bytes -= bytes;
    }
  }
}
