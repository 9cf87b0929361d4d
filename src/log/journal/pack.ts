/**
 * PackBuilder: lays records out one behind the other in buffers that are given to the writer thread and come back.
 *
 * Always true: every byte of a pack that is used was written, padding included; a buffer is in one pair of hands at a time.
 */

import { assert } from "../../base/assert.ts";
import { RECORD_HEADER_BYTES, beginRecord, recordBytes, type RecordKind } from "./format.ts";

/** Fresh memory is dear (every page faults), so buffers that come back are kept, up to this much. */
const SPARE_BYTES = 8 * 1024 * 1024;

/** Not zeroed: every byte will be written. */
function uninitialized(bytes: number): ArrayBuffer {
  const { buffer } = Buffer.allocUnsafeSlow(bytes);
  assert(buffer instanceof ArrayBuffer && buffer.byteLength === bytes, "a slow buffer owns its memory");
  return buffer;
}

export class PackBuilder {
  readonly #packBytes: number;
  readonly #spare: ArrayBuffer[] = [];
  #spareBytes = 0;
  #buffer: ArrayBuffer | null = null;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;

  constructor(packBytes: number) {
    this.#packBytes = packBytes;
  }

  /** An empty pack has room for anything. */
  hasRoom(total: number): boolean {
    return this.#buffer === null || this.#used + total <= this.#buffer.byteLength;
  }

  add(bodyBytes: number, parts: readonly Uint8Array[], kind: RecordKind, channel: number, term: bigint): void {
    const total = recordBytes(bodyBytes);
    if (this.#buffer === null) {
      this.#buffer = this.#takeSpare(total) ?? uninitialized(Math.max(total, this.#packBytes));
      this.#bytes = new Uint8Array(this.#buffer);
      this.#view = new DataView(this.#buffer);
    }
    assert(this.hasRoom(total), "a record is added where there is room for it");
    beginRecord(this.#view, this.#used, bodyBytes, kind, channel, term);
    let at = this.#used + RECORD_HEADER_BYTES;
    for (const part of parts) {
      this.#bytes.set(part, at);
      at += part.byteLength;
    }
    assert(at === this.#used + RECORD_HEADER_BYTES + bodyBytes, "nobody touches the parts of an append in flight");
    this.#used += total;
    this.#bytes.fill(0, at, this.#used);
  }

  take(): { buffer: ArrayBuffer; used: number } {
    assert(this.#buffer !== null && this.#used > 0, "only a pack with records leaves");
    const taken = { buffer: this.#buffer, used: this.#used };
    this.#buffer = null;
    this.#used = 0;
    return taken;
  }

  /** One large record in a buffer of its own, to be copied in pieces. */
  separate(bodyBytes: number, kind: RecordKind, channel: number, term: bigint): SeparateRecord {
    return new SeparateRecord(uninitialized(recordBytes(bodyBytes)), bodyBytes, kind, channel, term);
  }

  /** The smallest spare buffer that has room, unless it is much too large. */
  #takeSpare(total: number): ArrayBuffer | null {
    let best = -1;
    let bestBytes = 4 * Math.max(total, this.#packBytes) + 1;
    for (const [index, { byteLength }] of this.#spare.entries()) {
      if (byteLength < total || byteLength >= bestBytes) continue;
      best = index;
      bestBytes = byteLength;
    }
    if (best === -1) return null;
    this.#spareBytes -= bestBytes;
    return this.#spare.splice(best, 1)[0] ?? null;
  }

  recycle(buffer: ArrayBuffer): void {
    if (this.#spareBytes + buffer.byteLength > SPARE_BYTES) return;
    this.#spare.push(buffer);
    this.#spareBytes += buffer.byteLength;
  }
}

export class SeparateRecord {
  readonly #buffer: ArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = RECORD_HEADER_BYTES;

  constructor(buffer: ArrayBuffer, bodyBytes: number, kind: RecordKind, channel: number, term: bigint) {
    this.#buffer = buffer;
    this.#bytes = new Uint8Array(buffer);
    this.#end = RECORD_HEADER_BYTES + bodyBytes;
    beginRecord(new DataView(buffer), 0, bodyBytes, kind, channel, term);
    this.#bytes.fill(0, this.#end);
  }

  add(piece: Uint8Array): void {
    this.#bytes.set(piece, this.#at);
    this.#at += piece.byteLength;
  }

  finish(): ArrayBuffer {
    assert(this.#at === this.#end, "nobody touches the parts of an append in flight");
    return this.#buffer;
  }
}
