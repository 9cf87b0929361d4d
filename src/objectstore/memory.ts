/** The object store of tests and simulations. As strict about keys as a directory, so that the simulator meets what a disk would. */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { SortedMap } from "../base/sorted-map.ts";
import {
  checkListing,
  checkObjectKey,
  checkPartNumber,
  checkPutOptions,
  cutRange,
  folderClash,
  foldersOf,
  inOrder,
} from "./key.ts";
import { ObjectChanged, ObjectExists, ObjectNotFound } from "./objectstore.ts";
import type { MultipartUpload, ObjectInfo, ObjectStore } from "./objectstore.ts";

interface StoredObject extends ObjectInfo {
  readonly body: Uint8Array;
}

export class MemoryObjectStore implements ObjectStore {
  readonly #runtime: Runtime;
  readonly #objects = new SortedMap<StoredObject>();
  #versions = 0;
  #isClosed = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  async put(
    key: string,
    body: Uint8Array | readonly Uint8Array[],
    options: { readonly ifAbsent?: boolean; readonly ifMatch?: string } = {},
  ): Promise<ObjectInfo> {
    this.#check(key);
    checkPutOptions(options);
    const current = this.#objects.get(key);
    if (options.ifAbsent === true && current !== undefined) throw new ObjectExists(`object ${key} exists`);
    if (options.ifMatch !== undefined && current?.etag !== options.ifMatch)
      throw new ObjectChanged(`object ${key} has changed`);
    return this.#store(key, joined(body instanceof Uint8Array ? [body] : body));
  }

  async get(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    this.#check(key);
    const object = this.#objects.get(key);
    if (object === undefined) throw new ObjectNotFound(`object ${key} does not exist`);
    const { start, end } = cutRange(range, object.bytes);
    return object.body.slice(start, end);
  }

  async head(key: string): Promise<ObjectInfo | null> {
    this.#check(key);
    const object = this.#objects.get(key);
    return object === undefined ? null : infoOf(object);
  }

  async multipart(key: string): Promise<MultipartUpload> {
    this.#check(key);
    const parts = new Map<number, Uint8Array>();
    let isOver = false;
    const requireOpen = (): void => {
      this.#check(key);
      if (isOver) throw invalidParameter(`the upload of ${key} is over`);
    };
    return {
      uploadPart: async (number, body) => {
        checkPartNumber(number);
        requireOpen();
        parts.set(number, Uint8Array.from(body));
      },
      complete: async () => {
        requireOpen();
        const info = this.#store(key, joined(inOrder(parts, key)));
        isOver = true;
        return info;
      },
      abort: async () => {
        isOver = true;
        parts.clear();
      },
    };
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<ObjectInfo[]> {
    const limit = options.limit ?? Infinity;
    checkListing(prefix, options.after, limit);
    this.#requireOpen();
    const found: ObjectInfo[] = [];
    for (const object of this.#objects.under(prefix, options.after ?? null)) {
      if (found.length >= limit) break;
      found.push(infoOf(object));
    }
    return found;
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#check(key);
    for (const key of keys) this.#objects.delete(key);
  }

  localPath(): string | null {
    return null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #store(key: string, body: Uint8Array): ObjectInfo {
    for (const folder of foldersOf(key)) if (this.#objects.get(folder) !== undefined) throw folderClash(key, folder);
    for (const inside of this.#objects.under(`${key}/`)) throw folderClash(key, inside.key);
    this.#versions += 1;
    const info = { key, bytes: body.byteLength, etag: `v${this.#versions}`, modifiedMilliseconds: this.#runtime.now() };
    this.#objects.set(key, { ...info, body });
    return info;
  }

  #check(key: string): void {
    checkObjectKey(key);
    this.#requireOpen();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw milvusError("ServiceUnavailable", "object store is closed");
  }
}

/** Always a copy: the caller may reuse its buffers. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const body = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return body;
}

function infoOf({ key, bytes, etag, modifiedMilliseconds }: StoredObject): ObjectInfo {
  return { key, bytes, etag, modifiedMilliseconds };
}
