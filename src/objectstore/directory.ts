/**
 * Objects as files in a directory, each under its key.
 *
 * ```
 * <root>/insert_log/1/2/3           the object insert_log/1/2/3
 * <root>/.elanus/temporary/<random> a file that is being written
 * <root>/.elanus/uploads/<n>/       parts of an unfinished upload
 * ```
 *
 * Always true:
 *  - one process at a time owns the directory (`engine/directory-lock.ts`); what it left unfinished goes at the next opening;
 *  - a file is never changed once it has its name, so that readers and mappings keep what they opened;
 *  - no object is a folder of another: that is refused.
 *
 * Not here: the order of system calls that makes a write durable (`directory-files.ts`).
 */

import { mkdir, open, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { milvusError } from "../base/errors.ts";
import { fileError, systemCode } from "../base/file-error.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { KeyedMutex } from "../base/keyed-mutex.ts";
import { DirectoryFiles } from "./directory-files.ts";
import type { BeforeStep } from "./directory-files.ts";
import { DirectoryUpload, writeFully } from "./directory-upload.ts";
import { walkKeys } from "./directory-walk.ts";
import { checkListing, checkObjectKey, checkPutOptions, cutRange, folderClash, HIDDEN_FOLDER } from "./key.ts";
import { ObjectChanged, ObjectExists, ObjectNotFound } from "./objectstore.ts";
import type { MultipartUpload, ObjectInfo, ObjectStore } from "./objectstore.ts";

/** Files that one call looks at or deletes at a time. */
const PARALLEL_FILES = 16;
const NO_SUCH_FILE: readonly string[] = ["ENOENT", "ENOTDIR", "EISDIR"];

interface PutOptions {
  readonly ifAbsent?: boolean;
  readonly ifMatch?: string;
}

export class DirectoryObjectStore implements ObjectStore {
  readonly #root: string;
  readonly #files: DirectoryFiles;
  readonly #keys = new KeyedMutex();
  readonly #running = new Set<Promise<unknown>>();
  #uploads = 0;
  #isClosed = false;

  static async open(
    root: string,
    runtime: Runtime,
    options: { readonly beforeStep?: BeforeStep } = {},
  ): Promise<DirectoryObjectStore> {
    const path = resolve(root);
    const temporary = join(path, HIDDEN_FOLDER, "temporary");
    try {
      const firstMade = await mkdir(path, { recursive: true });
      await rm(join(path, HIDDEN_FOLDER), { recursive: true, force: true });
      await mkdir(temporary, { recursive: true });
      const files = new DirectoryFiles(path, temporary, runtime, options.beforeStep ?? (() => undefined));
      await files.syncFolder(path);
      // Each folder that was made is named in the one above it.
      const highest = firstMade === undefined ? path : dirname(firstMade);
      for (let above = path; above !== highest;) {
        above = dirname(above);
        await files.syncFolder(above);
      }
      return new DirectoryObjectStore(path, files);
    } catch (error) {
      throw systemCode(error) === "EEXIST"
        ? milvusError("IoInvalidArgument", `cannot keep objects in ${path}: it is a file, not a folder`, {}, error)
        : fileError(error, "keep objects in", path);
    }
  }

  private constructor(root: string, files: DirectoryFiles) {
    this.#root = root;
    this.#files = files;
  }

  async put(key: string, body: Uint8Array | readonly Uint8Array[], options: PutOptions = {}): Promise<ObjectInfo> {
    checkObjectKey(key);
    checkPutOptions(options);
    const chunks = body instanceof Uint8Array ? [body] : body;
    return this.#tracked(() =>
      this.#write(key, options, async (file, beforeWrite) => {
        for (const chunk of chunks) {
          await beforeWrite();
          await writeFully(file, chunk);
        }
      }),
    );
  }

  async get(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    checkObjectKey(key);
    return this.#tracked(async () => {
      const file = await open(this.#pathOf(key), "r").catch((error: unknown) => this.#notFound(error, key));
      try {
        const found = await file.stat();
        if (!found.isFile()) throw new ObjectNotFound(`object ${key} does not exist`);
        const { start, end } = cutRange(range, found.size);
        return await readFully(file, start, end - start, key);
      } catch (error) {
        throw fileError(error, "read", this.#pathOf(key));
      } finally {
        await file.close();
      }
    });
  }

  async head(key: string): Promise<ObjectInfo | null> {
    checkObjectKey(key);
    return this.#tracked(() => this.#info(key));
  }

  async multipart(key: string): Promise<MultipartUpload> {
    checkObjectKey(key);
    return this.#tracked(() => {
      this.#uploads += 1;
      const folder = join(this.#root, HIDDEN_FOLDER, "uploads", String(this.#uploads));
      return DirectoryUpload.begin(key, folder, (write) => this.#tracked(() => this.#write(key, {}, write)));
    });
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<ObjectInfo[]> {
    const limit = options.limit ?? Infinity;
    checkListing(prefix, options.after, limit);
    return this.#tracked(async () => {
      const found: ObjectInfo[] = [];
      let batch: string[] = [];
      const look = async (): Promise<void> => {
        // An object that is deleted meanwhile is not there.
        for (const info of await Promise.all(batch.map((key) => this.#info(key)))) if (info !== null) found.push(info);
        batch = [];
      };
      for await (const key of walkKeys(this.#root, prefix, options.after ?? null)) {
        batch.push(key);
        if (batch.length >= PARALLEL_FILES || found.length + batch.length >= limit) await look();
        if (found.length >= limit) return found;
      }
      await look();
      return found;
    });
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) checkObjectKey(key);
    await this.#tracked(async () => {
      for (let start = 0; start < keys.length; start += PARALLEL_FILES) {
        await this.#deleteSome(keys.slice(start, start + PARALLEL_FILES));
      }
    });
  }

  localPath(key: string): string {
    checkObjectKey(key);
    return this.#pathOf(key);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
  }

  async #write(
    key: string,
    options: PutOptions,
    write: (file: FileHandle, beforeWrite: () => Promise<void>) => Promise<void>,
  ): Promise<ObjectInfo> {
    // Early, to spare the writing; what decides is the same question under the lock.
    await this.#requireMatch(key, options);
    const hidden = await this.#files.writeHidden(write);
    return this.#keys.run(key, async () => {
      const path = this.#pathOf(key);
      try {
        await this.#requireMatch(key, options);
      } catch (error) {
        await this.#files.unlink(hidden);
        throw error;
      }
      const published = this.#files.publish(hidden, path, options.ifAbsent === true);
      await published.catch((error: unknown) => this.#notPublished(error, key));
      const info = await this.#info(key);
      if (info === null) throw milvusError("Storage", `object ${key} vanished from ${path} as it was written`);
      return info;
    });
  }

  async #requireMatch(key: string, options: PutOptions): Promise<void> {
    if (options.ifAbsent !== true && options.ifMatch === undefined) return;
    const current = await this.#info(key);
    if (options.ifAbsent === true && current !== null) throw new ObjectExists(`object ${key} exists`);
    if (options.ifMatch !== undefined && current?.etag !== options.ifMatch)
      throw new ObjectChanged(`object ${key} has changed`);
  }

  async #notPublished(error: unknown, key: string): Promise<never> {
    const code = systemCode(error instanceof Error && error.cause !== undefined ? error.cause : error);
    if (code === "EEXIST" && (await this.#info(key)) !== null) throw new ObjectExists(`object ${key} exists`);
    if (["EEXIST", "EISDIR", "ENOTDIR", "ENOTEMPTY"].includes(code)) throw folderClash(key, "what is there");
    throw error;
  }

  async #info(key: string): Promise<ObjectInfo | null> {
    const path = this.#pathOf(key);
    const found = await stat(path, { bigint: true }).catch((error: unknown) => {
      if (NO_SUCH_FILE.includes(systemCode(error))) return null;
      throw fileError(error, "look at", path);
    });
    if (found === null || !found.isFile()) return null;
    return {
      key,
      bytes: Number(found.size),
      etag: `${found.ino.toString(36)}-${found.size.toString(36)}-${found.mtimeNs.toString(36)}`,
      modifiedMilliseconds: Number(found.mtimeNs / 1_000_000n),
    };
  }

  async #deleteSome(keys: readonly string[]): Promise<void> {
    const folders = new Set<string>();
    const remove = async (key: string): Promise<void> => {
      const path = this.#pathOf(key);
      if (await this.#keys.run(key, () => this.#files.unlink(path))) folders.add(dirname(path));
    };
    await Promise.all(keys.map(remove));
    for (const folder of folders) {
      await this.#files.syncFolder(folder).catch((error: unknown) => {
        // Gone with another deletion, and then what was in it is.
        if (systemCode(error) !== "ENOENT") throw fileError(error, "delete from", folder);
      });
      await this.#files.prune(folder);
    }
  }

  #notFound(error: unknown, key: string): never {
    if (NO_SUCH_FILE.includes(systemCode(error))) throw new ObjectNotFound(`object ${key} does not exist`);
    throw fileError(error, "read", this.#pathOf(key));
  }

  #pathOf(key: string): string {
    return join(this.#root, key);
  }

  async #tracked<T>(action: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw milvusError("ServiceUnavailable", `object store ${this.#root} is closed`);
    const running = action();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }
}

async function readFully(file: FileHandle, start: number, bytes: number, key: string): Promise<Uint8Array> {
  const body = new Uint8Array(bytes);
  for (let offset = 0; offset < bytes;) {
    const { bytesRead } = await file.read(body, offset, bytes - offset, start + offset);
    if (bytesRead === 0) throw milvusError("IoUnexpectEOF", `object ${key} is shorter than it was`);
    offset += bytesRead;
  }
  return body;
}
