/**
 * Reading files whose size and CRC-32 are known: what comes back is what was written, or there is an error that names the file.
 *
 * Always true:
 *  - a file that is shorter, longer or different is a `DataIntegrity` error, one that is not there `IoKeyNotFound`, both with the key;
 *  - reads go in ranges of `RANGE_BYTES`, so that a check needs little memory and no long slice of the event loop.
 */

import { crc32 } from "node:zlib";
import type { Runtime } from "../base/host/runtime.ts";
import { type ErrorFacts, MilvusError, milvusError } from "../base/errors.ts";
import { ObjectNotFound, type ObjectStore } from "../objectstore/objectstore.ts";
import { Pace } from "./pace.ts";

const RANGE_BYTES = 8 * 1024 * 1024;
const STEP_BYTES = 1024 * 1024;

/** What must be known of an immutable file to trust it. */
export interface FileFacts {
  readonly key: string;
  readonly bytes: number;
  readonly crc32: number;
}

export function corruptFile(key: string, reason: string, facts: ErrorFacts = {}, cause?: unknown): MilvusError {
  return milvusError("DataIntegrity", reason, { key, ...facts }, cause);
}

/** A failed read, as an error of the table that names the file. */
export function readFailure(key: string, thrown: unknown): unknown {
  if (thrown instanceof ObjectNotFound) {
    return milvusError("IoKeyNotFound", "a file of a segment is missing", { key }, thrown);
  }
  return thrown;
}

/** Runs a decoder over bytes whose checksum was right; whatever it throws means a file that no writer of ours made. */
export function decodeFile<T>(key: string, decode: () => T): T {
  try {
    return decode();
  } catch (thrown) {
    if (thrown instanceof MilvusError) throw thrown;
    throw corruptFile(
      key,
      `the file cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      {},
      thrown,
    );
  }
}

/** Gives the whole file to `take`, piece by piece, and throws at the end unless size and checksum were right. */
export async function streamChecked(
  store: ObjectStore,
  runtime: Runtime,
  file: FileFacts,
  take: (piece: Uint8Array, offset: number) => void | Promise<void>,
): Promise<void> {
  const pace = new Pace(runtime);
  let crc = 0;
  let offset = 0;
  do {
    const isLast = offset + RANGE_BYTES >= file.bytes;
    // One byte more than there should be, so that a file that grew is noticed.
    const end = isLast ? file.bytes + 1 : offset + RANGE_BYTES;
    let range: Uint8Array;
    try {
      range = await store.get(file.key, { start: offset, end });
    } catch (thrown) {
      throw readFailure(file.key, thrown);
    }
    const expected = Math.min(file.bytes - offset, RANGE_BYTES);
    if (range.byteLength !== expected) {
      throw corruptFile(file.key, "the file has the wrong size", {
        expected: file.bytes,
        actual: range.byteLength > expected ? "more" : offset + range.byteLength,
      });
    }
    for (let start = 0; start < range.byteLength; start += STEP_BYTES) {
      const step = range.subarray(start, start + STEP_BYTES);
      crc = crc32(step, crc);
      const taken = take(step, offset + start);
      if (taken !== undefined) await taken;
      await pace.pause();
    }
    offset += range.byteLength;
  } while (offset < file.bytes);
  if (crc !== file.crc32) {
    throw corruptFile(file.key, "the file has the wrong checksum", {
      expected: file.crc32.toString(16),
      actual: crc.toString(16),
    });
  }
}

export async function readChecked(
  store: ObjectStore,
  runtime: Runtime,
  file: FileFacts,
): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(file.bytes);
  await streamChecked(store, runtime, file, (piece, offset) => whole.set(piece, offset));
  return whole;
}
