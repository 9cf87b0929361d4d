/**
 * Who owns which log channel. A term is written down before it is used, and only grows.
 */

import { decodeJson, encodeJson } from "../base/json.ts";
import { type Compare, type MetaStore, OutcomeUnknown } from "../metastore/metastore.ts";
import type { StreamingService } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import { pchannelKey } from "./meta-keys.ts";

/** `by-dev-rootcoord-dml_0`…: the names that Milvus gives its channels. */
export function channelNames(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `by-dev-rootcoord-dml_${at}`);
}

/** Gives every channel to the streaming node, under a term higher than any before. */
export async function assignChannels(
  store: MetaStore,
  streaming: Client<StreamingService>,
  channels: readonly string[],
): Promise<void> {
  await Promise.all(
    channels.map(async (channel) => {
      const term = await nextTerm(store, channel);
      await streaming.assignChannel({ channel, term });
    }),
  );
}

async function nextTerm(store: MetaStore, channel: string): Promise<bigint> {
  const key = pchannelKey(channel);
  for (;;) {
    const entry = await store.get(key);
    const term = entry === null ? 1n : decodeJson<{ term: bigint }>(entry.value).term + 1n;
    const unchanged: Compare = entry === null ? { key, exists: false } : { key, modRevision: entry.modRevision };
    try {
      const { succeeded } = await store.transaction([unchanged], [{ put: key, value: encodeJson({ term }) }]);
      if (succeeded) return term;
    } catch (error) {
      // Whether the term was written or not: the next one is above it.
      if (!(error instanceof OutcomeUnknown)) throw error;
    }
  }
}
