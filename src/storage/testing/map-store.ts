/**
 * An object store in a Map, with what the tests of this folder need: bytes that can be damaged, and a log of what was asked.
 *
 * Not here: the conformance of real stores (objectstore).
 */

import {
  type MultipartUpload,
  ObjectExists,
  type ObjectInfo,
  ObjectNotFound,
  type ObjectStore,
} from "../../objectstore/objectstore.ts";

export class MapStore implements ObjectStore {
  readonly files = new Map<string, Uint8Array>();
  readonly uploads: { readonly key: string; readonly parts: number[]; state: "open" | "complete" | "aborted" }[] = [];
  /** Throws instead of storing, when it returns an error. */
  failure: (key: string) => Error | null = () => null;

  async put(
    key: string,
    body: Uint8Array | readonly Uint8Array[],
    options?: { readonly ifAbsent?: boolean },
  ): Promise<ObjectInfo> {
    const failure = this.failure(key);
    if (failure !== null) throw failure;
    if (options?.ifAbsent === true && this.files.has(key)) throw new ObjectExists(key);
    this.files.set(key, Buffer.concat(body instanceof Uint8Array ? [body] : body));
    return this.#info(key);
  }

  async get(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    const file = this.files.get(key);
    if (file === undefined) throw new ObjectNotFound(key);
    return Uint8Array.from(range === undefined ? file : file.subarray(range.start, range.end));
  }

  async head(key: string): Promise<ObjectInfo | null> {
    return this.files.has(key) ? this.#info(key) : null;
  }

  async multipart(key: string): Promise<MultipartUpload> {
    const parts: Uint8Array[] = [];
    const upload: (typeof this.uploads)[number] = { key, parts: [], state: "open" };
    this.uploads.push(upload);
    return {
      uploadPart: async (number, body) => {
        const failure = this.failure(key);
        if (failure !== null) throw failure;
        parts[number] = Uint8Array.from(body);
        upload.parts[number] = body.byteLength;
      },
      complete: async () => {
        upload.state = "complete";
        return this.put(key, parts);
      },
      abort: async () => {
        upload.state = "aborted";
      },
    };
  }

  async list(prefix: string): Promise<ObjectInfo[]> {
    return [...this.files.keys()]
      .filter((key) => key.startsWith(prefix))
      .toSorted()
      .map((key) => this.#info(key));
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.files.delete(key);
  }

  localPath(): string | null {
    return null;
  }

  async close(): Promise<void> {}

  #info(key: string): ObjectInfo {
    return { key, bytes: this.files.get(key)!.byteLength, etag: "", modifiedMilliseconds: 0 };
  }
}
