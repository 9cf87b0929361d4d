/** What the operating system refused, as an error of the table that names the path and what to do. */

import { milvusError } from "./errors.ts";
import type { ErrorName } from "./errors.ts";

const KINDS: Readonly<Record<string, readonly [kind: ErrorName, advice: string]>> = {
  ENOSPC: ["ServiceDiskLimitExceeded", "the disk is full: free space"],
  EDQUOT: ["ServiceDiskLimitExceeded", "the disk quota is used up: free space or raise it"],
  EFBIG: ["ServiceDiskLimitExceeded", "the file is larger than allowed: check the limits of the process"],
  EACCES: ["IoPermissionDenied", "check owner and mode"],
  EPERM: ["IoPermissionDenied", "check owner and mode"],
  EROFS: ["IoPermissionDenied", "the file system is read-only"],
  ENOTDIR: ["IoInvalidArgument", "a part of the path is a file, not a folder"],
  EISDIR: ["IoInvalidArgument", "it is a folder"],
  ENAMETOOLONG: ["IoInvalidArgument", "the name is too long"],
  ENOENT: ["IoKeyNotFound", "it does not exist"],
  EMFILE: ["IoTooManyRequests", "too many open files: raise the limit (ulimit -n)"],
  ENFILE: ["IoTooManyRequests", "too many open files on this machine"],
};

/** The code of a failed system call, such as `ENOENT`; empty for other errors. */
export function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Errors that no system call threw pass as they are. */
export function fileError(error: unknown, doing: string, path: string): unknown {
  const code = systemCode(error);
  if (!/^E[A-Z0-9]+$/.test(code)) return error;
  const [kind, advice] = KINDS[code] ?? ["IoFailed", "see the cause"];
  return milvusError(kind, `cannot ${doing} ${path} (${code}): ${advice}`, {}, error);
}
