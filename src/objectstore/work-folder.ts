/**
 * Files of this process that are being worked on: an index while it is built, one that was fetched to be opened.
 *
 * Always true:
 *  - nothing here outlives the process: the folder is emptied when it is opened, and nothing in it is synced;
 *  - names are one path segment; who makes a file removes it.
 *
 * Not here: anything durable (objectstore).
 */

import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import { fileError } from "../base/file-error.ts";

const PIECE_BYTES = 1024 * 1024;

export class WorkFolder {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async open(path: string): Promise<WorkFolder> {
    try {
      await rm(path, { recursive: true, force: true });
      await mkdir(path, { recursive: true });
    } catch (error) {
      throw fileError(error, "keep work in", path);
    }
    return new WorkFolder(path);
  }

  /** Where the file lies, whether or not it is there yet. */
  path(name: string): string {
    assert(/^[^/\0]+$/.test(name) && !/^\.\.?$/.test(name), "a name in the work folder is one path segment");
    return join(this.#path, name);
  }

  /** The whole file, piece by piece; a piece may be changed once `take` has settled. */
  async read(name: string, take: (piece: Uint8Array) => Promise<void>): Promise<void> {
    const path = this.path(name);
    try {
      const file = await open(path, "r");
      try {
        for (;;) {
          // A piece of its own each time: whoever takes it may keep it.
          const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
          const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, null);
          if (bytesRead === 0) return;
          await take(piece.subarray(0, bytesRead));
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      throw fileError(error, "read", path);
    }
  }

  /** A new file with these pieces, end to end. A failure leaves no file. */
  async write(name: string, fill: (append: (piece: Uint8Array) => Promise<void>) => Promise<void>): Promise<void> {
    const path = this.path(name);
    try {
      const file = await open(path, "w");
      try {
        await fill(async (piece) => {
          for (let from = 0; from < piece.byteLength;) {
            from += (await file.write(piece, from, piece.byteLength - from)).bytesWritten;
          }
        });
      } finally {
        await file.close();
      }
    } catch (error) {
      await this.remove(name);
      throw fileError(error, "write", path);
    }
  }

  /** What is not there need not be removed. */
  async remove(name: string): Promise<void> {
    await rm(this.path(name), { force: true }).catch(() => undefined);
  }
}
