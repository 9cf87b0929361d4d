/**
 * An upload in parts to a directory: each part is a file in a hidden folder, and completing copies them, through one small buffer,
 * into the file that is then published.
 *
 * Always true: a part counts once it is whole; of two sendings of one number the one that began last counts.
 */

import { mkdir, open, rm, unlink, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import { invalidParameter } from "../base/errors.ts";
import { fileError } from "../base/file-error.ts";
import { checkPartNumber, inOrder } from "./key.ts";
import type { MultipartUpload, ObjectInfo } from "./objectstore.ts";

const COPY_BYTES = 1024 * 1024;

interface Part {
  readonly turn: number;
  readonly path: string;
}

/** Writes the object with what `write` puts into the file. */
export type Publish = (
  write: (file: FileHandle, beforeWrite: () => Promise<void>) => Promise<void>,
) => Promise<ObjectInfo>;

export class DirectoryUpload implements MultipartUpload {
  readonly #key: string;
  readonly #folder: string;
  readonly #publish: Publish;
  readonly #parts = new Map<number, Part>();
  readonly #sending = new Set<Promise<void>>();
  #turns = 0;
  #isOver = false;
  #isAborted = false;
  #completing: Promise<ObjectInfo> | null = null;

  static async begin(key: string, folder: string, publish: Publish): Promise<DirectoryUpload> {
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw fileError(error, "create", folder);
    });
    return new DirectoryUpload(key, folder, publish);
  }

  private constructor(key: string, folder: string, publish: Publish) {
    this.#key = key;
    this.#folder = folder;
    this.#publish = publish;
  }

  async uploadPart(number: number, body: Uint8Array): Promise<void> {
    checkPartNumber(number);
    this.#requireOpen();
    const sending = this.#send(number, body);
    this.#sending.add(sending);
    try {
      await sending;
    } finally {
      this.#sending.delete(sending);
    }
  }

  async complete(): Promise<ObjectInfo> {
    this.#requireOpen();
    this.#isOver = true;
    this.#completing = this.#join();
    try {
      return await this.#completing;
    } catch (error) {
      // Parts may be sent again or come late; only success and abort end an upload.
      if (!this.#isAborted) this.#isOver = false;
      throw error;
    }
  }

  /** One that is being completed is completed first. */
  async abort(): Promise<void> {
    this.#isOver = true;
    this.#isAborted = true;
    await Promise.allSettled([...this.#sending, this.#completing]);
    await this.#clean();
  }

  async #join(): Promise<ObjectInfo> {
    await Promise.all(this.#sending);
    const parts = inOrder(this.#parts, this.#key);
    const info = await this.#publish(async (file, beforeWrite) => {
      const buffer = new Uint8Array(COPY_BYTES);
      for (const part of parts) await append(part.path, file, buffer, beforeWrite);
    });
    await this.#clean();
    return info;
  }

  async #send(number: number, body: Uint8Array): Promise<void> {
    this.#turns += 1;
    const part = { turn: this.#turns, path: join(this.#folder, `${number}-${this.#turns}`) };
    try {
      await writeFile(part.path, body, { flag: "wx" });
    } catch (error) {
      await unlink(part.path).catch(() => undefined);
      throw fileError(error, "write", part.path);
    }
    const current = this.#parts.get(number);
    const isLatest = current === undefined || current.turn < part.turn;
    if (isLatest) this.#parts.set(number, part);
    const dropped = isLatest ? current : part;
    if (dropped !== undefined) await unlink(dropped.path).catch(() => undefined);
  }

  /** What cannot be removed now is removed at the next opening. */
  async #clean(): Promise<void> {
    this.#parts.clear();
    await rm(this.#folder, { recursive: true, force: true }).catch(() => undefined);
  }

  #requireOpen(): void {
    if (this.#isOver) throw invalidParameter(`the upload of ${this.#key} is over`);
  }
}

async function append(
  path: string,
  target: FileHandle,
  buffer: Uint8Array,
  beforeWrite: () => Promise<void>,
): Promise<void> {
  const part = await open(path, "r");
  try {
    for (;;) {
      const { bytesRead } = await part.read(buffer, 0, buffer.byteLength, null);
      if (bytesRead === 0) return;
      await beforeWrite();
      await writeFully(target, buffer.subarray(0, bytesRead));
    }
  } finally {
    await part.close();
  }
}

/** At the current position, whatever number of system calls it takes. */
export async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.byteLength - offset, null);
    assert(bytesWritten > 0, "a write that does not fail writes something");
    offset += bytesWritten;
  }
}
