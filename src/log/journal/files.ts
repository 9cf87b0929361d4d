/**
 * The port between the journal's writer and the file system. It blocks: it is used in the writer thread, and by `inspect`.
 *
 * Tests put faults behind it: full disks, short writes, failed syncs.
 */

import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writevSync,
} from "node:fs";
import { dirname, resolve } from "node:path";

export interface JournalFiles {
  /** With its parents, durably. */
  makeDirectory(path: string): void;
  list(directory: string): string[];
  /** `make` makes a new file and fails when it exists; `change` reads and writes; `look` only reads. */
  open(path: string, mode: "make" | "change" | "look"): number;
  size(file: number): number;
  /** Bytes read; fewer than wanted only at the end of the file. */
  read(file: number, into: Uint8Array, position: number): number;
  /** Bytes written; may be fewer than given. */
  write(file: number, parts: readonly Uint8Array[], position: number): number;
  /** Returns only when data and the size of the file are on stable storage. */
  sync(file: number): void;
  syncDirectory(path: string): void;
  remove(path: string): void;
  close(file: number): void;
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

export const nodeFiles: JournalFiles = {
  makeDirectory(path) {
    const firstMade = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (firstMade === undefined) return;
    const top = dirname(resolve(firstMade));
    let parent = dirname(resolve(path));
    for (; parent !== top; parent = dirname(parent)) syncDirectory(parent);
    syncDirectory(top);
  },
  list: (directory) => readdirSync(directory),
  open: (path, mode) => openSync(path, mode === "make" ? "wx+" : mode === "change" ? "r+" : "r", 0o600),
  size: (file) => fstatSync(file).size,
  read(file, into, position) {
    let done = 0;
    while (done < into.byteLength) {
      const count = readSync(file, into, done, into.byteLength - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  },
  write: (file, parts, position) => writevSync(file, parts as Uint8Array[], position),
  sync: (file) => fdatasyncSync(file),
  syncDirectory,
  remove: (path) => unlinkSync(path),
  close: (file) => closeSync(file),
};
