/** What the suites are given, and words that they share. */

import type { TestContext } from "node:test";
import { SystemRuntime } from "../../base/host/system.ts";
import type { MetaStore, Operation } from "../metastore.ts";

export interface StoreUnderTest {
  readonly store: MetaStore;
  /** Closes the current store and opens one on the same data; present in stores that outlive their object. */
  readonly reopen?: () => Promise<MetaStore>;
  /** Writes (or asks the store) so that revision 1 is no longer in the history. */
  readonly compact: (store: MetaStore) => Promise<void>;
}

export type MakeStore = (context: TestContext) => Promise<StoreUnderTest>;

export const runtime = new SystemRuntime();
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
export const put = (key: string, value = key): Operation => ({ put: key, value: bytes(value) });
