/** SQLite's result codes as errors that name the file and what to do. */

import { milvusError } from "../base/errors.ts";

/** https://www.sqlite.org/rescode.html, the primary codes in the low byte. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const NOT_A_DATABASE = 26;

/** 0 for what SQLite did not throw. */
export function resultCode(error: unknown): number {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return 0;
  return error.errcode & 0xff;
}

export function isFull(error: unknown): boolean {
  return resultCode(error) === FULL;
}

/** Other errors pass as they are. */
export function sqliteError(error: unknown, path: string): unknown {
  const code = resultCode(error);
  if (code === 0) return error;
  const text = error instanceof Error ? error.message : "";
  switch (code) {
    case BUSY:
    case LOCKED:
      return milvusError(
        "ServiceUnavailable",
        `metadata file ${path} is open elsewhere; stop that process first`,
        {},
        error,
      );
    case READONLY:
      return milvusError("IoPermissionDenied", `metadata file ${path} cannot be written (${text})`, {}, error);
    case CANNOT_OPEN:
      return milvusError(
        "IoPermissionDenied",
        `metadata file ${path} cannot be opened (${text}); check that its folder exists and is writable`,
        {},
        error,
      );
    case CORRUPT:
    case NOT_A_DATABASE:
      return milvusError(
        "DataIntegrity",
        `metadata file ${path} is damaged (${text}); restore it from a backup`,
        {},
        error,
      );
    case FULL:
      return milvusError("ServiceDiskLimitExceeded", `metadata file ${path} cannot grow; free disk space`, {}, error);
    default:
      return milvusError("IoFailed", `metadata file ${path}: ${text} (SQLite result ${code})`, {}, error);
  }
}
