/**
 * The steps on files that make a write whole and durable: a file is written and synced under a name that nobody looks at, and
 * then appears under its own by one system call; then the folder that names it is synced.
 *
 * Always true:
 *  - what `publish` returned from survives a power cut, with every folder on its way;
 *  - no folder is removed while something is being published.
 */

import { constants } from "node:fs";
import { link, mkdir, open, rename, rmdir, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileError, systemCode } from "../base/file-error.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { ReadWriteLock } from "../base/mutex.ts";

/** A place where tests make a disk fail or a process die. */
export type FileStep = "write" | "sync" | "link" | "rename" | "syncFolder" | "unlink";
export type BeforeStep = (step: FileStep, path: string) => void | Promise<void>;

const MAXIMUM_DURABLE_FOLDERS = 10_000;

export class DirectoryFiles {
  readonly #root: string;
  readonly #temporary: string;
  readonly #runtime: Runtime;
  readonly #before: BeforeStep;
  /** Publishing shares it, pruning excludes. */
  readonly #folders = new ReadWriteLock();
  /** Folders that are known to survive a power cut, with all above them. */
  readonly #durable = new Set<string>();
  #lastMicroseconds = 0;

  constructor(root: string, temporary: string, runtime: Runtime, before: BeforeStep) {
    this.#root = root;
    this.#temporary = temporary;
    this.#runtime = runtime;
    this.#before = before;
  }

  /** Writes and syncs a file that nobody sees; gone again when `write` fails. Resolves to its path. */
  async writeHidden(write: (file: FileHandle, beforeWrite: () => Promise<void>) => Promise<void>): Promise<string> {
    const path = join(this.#temporary, Buffer.from(this.#runtime.randomBytes(12)).toString("hex"));
    return this.#during("write", path, async () => {
      const file = await open(path, "wx");
      try {
        await write(file, async () => this.#before("write", path));
        await this.#stamp(file);
        await this.#before("sync", path);
        await file.sync();
      } catch (error) {
        await file.close();
        await this.#removeQuietly(path);
        throw error;
      }
      await file.close();
      return path;
    });
  }

  /** The hidden file gets its name: over what had it, or, when `isExclusive`, only if nothing had (else EEXIST). */
  async publish(hidden: string, path: string, isExclusive: boolean): Promise<void> {
    try {
      await this.#folders.shared(() =>
        this.#during("write", path, async () => {
          const folder = dirname(path);
          await mkdir(folder, { recursive: true });
          await this.#before(isExclusive ? "link" : "rename", path);
          if (isExclusive) await link(hidden, path);
          else await rename(hidden, path);
          await this.#makeDurable(folder);
          await this.syncFolder(folder);
        }),
      );
    } finally {
      await this.#removeQuietly(hidden);
    }
  }

  /** False when there was no such file. */
  async unlink(path: string): Promise<boolean> {
    return this.#during("delete", path, async () => {
      await this.#before("unlink", path);
      try {
        await unlink(path);
        return true;
      } catch (error) {
        // EISDIR and EPERM of a folder: no object has that name. But EPERM of a file is a refusal.
        if (["ENOENT", "ENOTDIR", "EISDIR"].includes(systemCode(error))) return false;
        throw error;
      }
    });
  }

  /** Removes `folder` and those above it, as far as they are empty. */
  async prune(folder: string): Promise<void> {
    await this.#folders.exclusive(async () => {
      for (let path = folder; path !== this.#root && path.startsWith(this.#root); path = dirname(path)) {
        try {
          await rmdir(path);
        } catch (error) {
          if (systemCode(error) === "ENOENT") continue;
          // Not empty, or not ours to remove: an empty folder more is no harm.
          return;
        }
        this.#durable.delete(path);
      }
    });
  }

  async syncFolder(path: string): Promise<void> {
    await this.#before("syncFolder", path);
    const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** Every folder from the root down to this one is named durably in the one above. */
  async #makeDurable(folder: string): Promise<void> {
    if (folder === this.#root || this.#durable.has(folder)) return;
    await this.#makeDurable(dirname(folder));
    await this.syncFolder(dirname(folder));
    if (this.#durable.size >= MAXIMUM_DURABLE_FOLDERS) this.#durable.clear();
    this.#durable.add(folder);
  }

  /**
   * A modification time that no other file of this store has, to the microsecond: with the inode number, which may be used again
   * at once, it makes the etag.
   */
  async #stamp(file: FileHandle): Promise<void> {
    this.#lastMicroseconds = Math.max(Math.round(this.#runtime.now() * 1000), this.#lastMicroseconds + 1);
    const seconds = this.#lastMicroseconds / 1_000_000;
    await file.utimes(seconds, seconds);
  }

  async #removeQuietly(path: string): Promise<void> {
    // What stays is removed at the next opening.
    await unlink(path).catch(() => undefined);
  }

  async #during<T>(doing: string, path: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw systemCode(error) === "EEXIST" ? error : fileError(error, doing, path);
    }
  }
}
