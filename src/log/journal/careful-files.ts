/**
 * CarefulFiles: the file port as the writer needs it. Writes are whole, a full disk is told from other failures, and a failed sync is
 * something that nothing catches.
 */

import type { JournalFiles } from "./files.ts";

/** What is on the disk is no longer known; the process must end. */
export class FailedSync extends Error {
  override readonly name = "FailedSync";
}

/** There was no room; nothing else is wrong. */
export class DiskFull extends Error {
  override readonly name = "DiskFull";
}

const DISK_FULL_CODES = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const ZEROS = new Uint8Array(1024 * 1024);

export function diskFull(detail: string): DiskFull {
  return new DiskFull(
    `the disk is full (${detail}): the journal takes no more records until there is space. ` +
      "Free space or enlarge the disk; writing goes on by itself, and reading was never stopped",
  );
}

export class CarefulFiles {
  readonly #files: JournalFiles;

  constructor(files: JournalFiles) {
    this.#files = files;
  }

  make(path: string): number {
    return orDiskFull(() => this.#files.open(path, "make"), path);
  }

  /** All of it, or `DiskFull` after a part of it. */
  write(file: number, parts: readonly Uint8Array[], position: number, path: string): void {
    let rest = parts.filter((part) => part.byteLength > 0);
    let at = position;
    while (rest.length > 0) {
      const batch = rest;
      const from = at;
      let written = orDiskFull(() => this.#files.write(file, batch, from), path);
      if (written === 0) throw diskFull(`nothing more could be written to ${path}`);
      at += written;
      let whole = 0;
      while (whole < rest.length && written >= (rest[whole] as Uint8Array).byteLength) {
        written -= (rest[whole] as Uint8Array).byteLength;
        whole += 1;
      }
      rest = rest.slice(whole);
      if (written > 0) rest[0] = (rest[0] as Uint8Array).subarray(written);
    }
  }

  /** Zeros at `[from, to)`. */
  writeZeros(file: number, from: number, to: number, path: string): void {
    for (let at = from; at < to; at += ZEROS.byteLength) {
      this.write(file, [ZEROS.subarray(0, Math.min(ZEROS.byteLength, to - at))], at, path);
    }
  }

  sync(file: number, path: string): void {
    orFailedSync(() => this.#files.sync(file), path);
  }

  syncDirectory(path: string): void {
    orFailedSync(() => this.#files.syncDirectory(path), path);
  }
}

function orDiskFull<T>(action: () => T, path: string): T {
  try {
    return action();
  } catch (failure) {
    const code = (failure as NodeJS.ErrnoException).code ?? "";
    throw DISK_FULL_CODES.has(code) ? diskFull(`${code} at ${path}`) : failure;
  }
}

function orFailedSync(action: () => void, path: string): void {
  try {
    action();
  } catch (failure) {
    throw new FailedSync(`${path}: ${String(failure)}`, { cause: failure });
  }
}
