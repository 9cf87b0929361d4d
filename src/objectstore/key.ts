/** Which keys and ranges an object store takes: the same everywhere, so that a directory and a bucket hold the same keys. */

import { invalidParameter } from "../base/errors.ts";

const MAXIMUM_KEY_BYTES = 1024;
const MAXIMUM_SEGMENT_BYTES = 255;
export const MAXIMUM_PARTS = 10_000;

/** At the top of a directory store: unfinished writes. No key starts with it. */
export const HIDDEN_FOLDER = ".elanus";

export function checkObjectKey(key: string): void {
  if (!key.isWellFormed() || key.includes("\0"))
    throw invalidParameter(`object key ${JSON.stringify(key)} is no plain text`);
  if (Buffer.byteLength(key) > MAXIMUM_KEY_BYTES)
    throw invalidParameter(`object key of more than ${MAXIMUM_KEY_BYTES} bytes`);
  const segments = key.split("/");
  for (const segment of segments) {
    if (segment === "" || segment === "." || segment === "..") {
      throw invalidParameter(`object key ${JSON.stringify(key)} has a segment ${JSON.stringify(segment)}`);
    }
    if (Buffer.byteLength(segment) > MAXIMUM_SEGMENT_BYTES) {
      throw invalidParameter(`object key ${key} has a segment of more than ${MAXIMUM_SEGMENT_BYTES} bytes`);
    }
  }
  if (segments[0] === HIDDEN_FOLDER) throw invalidParameter(`object keys may not start with ${HIDDEN_FOLDER}`);
}

export function checkListing(prefix: string, after: string | undefined, limit: number): void {
  for (const text of [prefix, after ?? ""]) {
    if (!text.isWellFormed() || text.includes("\0")) throw invalidParameter(`${JSON.stringify(text)} is no plain text`);
  }
  if (limit !== Infinity && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw invalidParameter(`limit must be a positive whole number, got ${limit}`);
  }
}

export function checkPutOptions(options: { readonly ifAbsent?: boolean; readonly ifMatch?: string }): void {
  if (options.ifAbsent === true && options.ifMatch !== undefined) {
    throw invalidParameter("an object cannot be absent and match an etag");
  }
}

/** `[start, end)` cut to an object of `bytes` bytes. */
export function cutRange(
  range: { readonly start: number; readonly end: number } | undefined,
  bytes: number,
): { readonly start: number; readonly end: number } {
  if (range === undefined) return { start: 0, end: bytes };
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw invalidParameter(`no byte range: [${start}, ${end})`);
  }
  return { start: Math.min(start, bytes), end: Math.min(end, bytes) };
}

export function checkPartNumber(number: number): void {
  if (!Number.isSafeInteger(number) || number < 0 || number >= MAXIMUM_PARTS) {
    throw invalidParameter(`parts are numbered from 0 to ${MAXIMUM_PARTS - 1}, got ${number}`);
  }
}

/** Parts of an upload in order; each number from 0 to the last must have come. */
export function inOrder<T>(parts: ReadonlyMap<number, T>, key: string): T[] {
  if (parts.size === 0) throw invalidParameter(`the upload of ${key} has no parts`);
  return Array.from({ length: parts.size }, (_, number) => {
    const part = parts.get(number);
    if (part === undefined) throw invalidParameter(`the upload of ${key} lacks part ${number}`);
    return part;
  });
}

/** The folders that `key` lies in, from the outermost. */
export function foldersOf(key: string): string[] {
  const segments = key.split("/").slice(0, -1);
  return segments.map((_, index) => segments.slice(0, index + 1).join("/"));
}

export function folderClash(key: string, other: string): Error {
  return invalidParameter(`object ${key} cannot lie beside ${other}: one of them would be a folder`);
}
