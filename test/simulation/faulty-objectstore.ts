/**
 * One process's view of an object store that others share: slow, failing, sometimes after the effect, sometimes with a wrong bit.
 *
 * Always true: an object is there whole or not at all, as below. An I/O error tells nothing about the effect of a put: who needs to
 * know must look.
 *
 * Closing ends this view alone.
 */

import { milvusError } from "../../src/base/errors.ts";
import type { Runtime } from "../../src/base/host/runtime.ts";
import type { MultipartUpload, ObjectInfo, ObjectStore } from "../../src/objectstore/objectstore.ts";
import { FaultyLine } from "./faults.ts";
import type { FaultErrors, Faults } from "./faults.ts";

export interface ObjectFaults extends Faults {
  /** A read delivers one wrong bit. */
  corrupt: number;
}

const ERRORS: FaultErrors = {
  failed: () => milvusError("IoFailed", "injected: object store refused"),
  unknown: () => milvusError("IoFailed", "injected: no answer from the object store"),
};

export class FaultyObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #runtime: Runtime;
  readonly #faults: Readonly<ObjectFaults>;
  readonly #line: FaultyLine;
  #isClosed = false;

  constructor(inner: ObjectStore, runtime: Runtime, faults: Readonly<ObjectFaults>) {
    this.#inner = inner;
    this.#runtime = runtime;
    this.#faults = faults;
    this.#line = new FaultyLine(runtime, faults);
  }

  crash(): void {
    this.#line.crash();
  }

  put(
    key: string,
    body: Uint8Array | readonly Uint8Array[],
    options?: { readonly ifAbsent?: boolean; readonly ifMatch?: string },
  ): Promise<ObjectInfo> {
    // Copied at once: the caller may reuse his buffers while the call is still on its way.
    const chunks = (body instanceof Uint8Array ? [body] : body).map((chunk) => Uint8Array.from(chunk));
    return this.#call(() => this.#inner.put(key, chunks, options));
  }

  async get(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    const body = await this.#call(() => this.#inner.get(key, range));
    return this.#line.chance(this.#faults.corrupt) ? this.#withWrongBit(body) : body;
  }

  head(key: string): Promise<ObjectInfo | null> {
    return this.#call(() => this.#inner.head(key));
  }

  async multipart(key: string): Promise<MultipartUpload> {
    const upload = await this.#call(() => this.#inner.multipart(key));
    return {
      uploadPart: (number, body) => {
        const part = Uint8Array.from(body);
        return this.#call(() => upload.uploadPart(number, part));
      },
      complete: () => this.#call(() => upload.complete()),
      abort: () => this.#call(() => upload.abort()),
    };
  }

  list(prefix: string, options?: { readonly after?: string; readonly limit?: number }): Promise<ObjectInfo[]> {
    return this.#call(() => this.#inner.list(prefix, options));
  }

  /** One call below per key, so that a crash or an error can leave some of them. */
  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return this.#call(() => this.#inner.delete(keys));
    for (const key of keys) await this.#call(() => this.#inner.delete([key]));
  }

  localPath(key: string): string | null {
    return this.#inner.localPath(key);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async #call<T>(effect: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw milvusError("ServiceUnavailable", "object store is closed");
    return this.#line.call(effect, ERRORS);
  }

  #withWrongBit(body: Uint8Array): Uint8Array {
    if (body.byteLength === 0) return body;
    const wrong = Uint8Array.from(body);
    const place = Math.floor(this.#runtime.random() * body.byteLength);
    wrong[place] = (body[place] ?? 0) ^ (1 << Math.floor(this.#runtime.random() * 8));
    return wrong;
  }
}
