/**
 * Writes one object from front to back: bytes go in, size and CRC-32 come out.
 *
 * Always true:
 *  - up to `MULTIPART_THRESHOLD_BYTES` the object is one `put`, above it a multipart upload, so that memory stays bounded;
 *  - at most two parts are under way; `append` waits when both are;
 *  - until `finish` resolves nothing is visible; after `abort` nothing is left.
 *
 * What is appended must not change until `finish`: small objects are sent from the caller's memory.
 */

import { crc32 } from "node:zlib";
import { assert } from "../base/assert.ts";
import type { MultipartUpload, ObjectStore } from "../objectstore/objectstore.ts";
import type { Pace } from "./pace.ts";

export const MULTIPART_THRESHOLD_BYTES = 16 * 1024 * 1024;
const PART_BYTES = 8 * 1024 * 1024;
const STEP_BYTES = 1024 * 1024;
const PARTS_UNDER_WAY = 2;

export class ObjectSink {
  readonly key: string;
  readonly #store: ObjectStore;
  readonly #pace: Pace;
  readonly #threshold: number;
  /** What was appended and not yet sent. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #offset = 0;
  #crc = 0;
  #upload: MultipartUpload | null = null;
  #parts = 0;
  #underWay: Promise<void>[] = [];
  #closed = false;

  constructor(store: ObjectStore, pace: Pace, key: string, thresholdBytes: number = MULTIPART_THRESHOLD_BYTES) {
    this.key = key;
    this.#store = store;
    this.#pace = pace;
    this.#threshold = thresholdBytes;
  }

  /** Bytes appended so far: where the next one will lie in the file. */
  get offset(): number {
    return this.#offset;
  }

  async append(bytes: Uint8Array): Promise<void> {
    assert(!this.#closed, "nothing is appended to a closed sink");
    for (let start = 0; start < bytes.byteLength; start += STEP_BYTES) {
      const step = bytes.subarray(start, start + STEP_BYTES);
      this.#crc = crc32(step, this.#crc);
      this.#offset += step.byteLength;
      this.#pending.push(step);
      this.#pendingBytes += step.byteLength;
      const full = this.#upload === null ? this.#threshold : PART_BYTES;
      if (this.#pendingBytes > full) await this.#sendParts(PART_BYTES);
      await this.#pace.pause();
    }
  }

  async finish(): Promise<{ readonly bytes: number; readonly crc32: number }> {
    assert(!this.#closed, "a sink is closed once");
    if (this.#upload === null) {
      await this.#store.put(this.key, this.#pending);
    } else {
      if (this.#pendingBytes > 0) await this.#sendParts(1);
      await Promise.all(this.#underWay);
      await this.#upload.complete();
    }
    this.#closed = true;
    this.#pending = [];
    return { bytes: this.#offset, crc32: this.#crc };
  }

  /** Idempotent, and harmless after `finish`. */
  async abort(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = [];
    await Promise.allSettled(this.#underWay);
    await this.#upload?.abort();
  }

  /** Sends parts while at least `least` bytes wait. */
  async #sendParts(least: number): Promise<void> {
    this.#upload ??= await this.#store.multipart(this.key);
    while (this.#pendingBytes >= least) {
      while (this.#underWay.length >= PARTS_UNDER_WAY) await this.#underWay.shift();
      // Copying a part is the longest step there is, so it gets a slice of its own.
      await this.#pace.rest();
      const part = this.#takePart();
      const sent = this.#upload.uploadPart(this.#parts, part);
      // The failure is met by whoever awaits the part; without this it would count as unhandled until then.
      sent.catch(() => undefined);
      this.#parts += 1;
      this.#underWay.push(sent);
    }
  }

  #takePart(): Uint8Array {
    // Filled to the last byte below, so the zeros would be work for nothing.
    const part = Buffer.allocUnsafeSlow(Math.min(PART_BYTES, this.#pendingBytes));
    let filled = 0;
    let taken = 0;
    while (filled < part.byteLength) {
      const piece = this.#pending[taken]!;
      const room = part.byteLength - filled;
      if (piece.byteLength <= room) {
        part.set(piece, filled);
        filled += piece.byteLength;
        taken += 1;
      } else {
        part.set(piece.subarray(0, room), filled);
        this.#pending[taken] = piece.subarray(room);
        filled += room;
      }
    }
    this.#pending.splice(0, taken);
    this.#pendingBytes -= part.byteLength;
    return part;
  }
}
