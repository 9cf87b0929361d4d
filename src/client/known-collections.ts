/**
 * The collections of which a client knows fields and ids, so that writes and reads need not ask for them each time.
 *
 * Always true: what is known is forgotten with every change that this client makes; changes by others the engine notices, and refuses the write.
 */

import type { CollectionInfo } from "../model/schema.ts";

/** The oldest goes first. */
const MOST_KNOWN = 256;

export class KnownCollections {
  readonly #known = new Map<string, CollectionInfo>();
  readonly #ask: (name: string) => Promise<CollectionInfo>;

  /** `ask`: the engine; its refusal is the refusal of `get`. */
  constructor(ask: (name: string) => Promise<CollectionInfo>) {
    this.#ask = ask;
  }

  /** By name or alias. */
  async get(name: string): Promise<CollectionInfo> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const collection = await this.#ask(name);
    if (this.#known.size >= MOST_KNOWN) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(name, collection);
    return collection;
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  forgetAll(): void {
    this.#known.clear();
  }
}
