/** What watches tell, collected and shortened for comparing; and much of it. */

import assert from "node:assert/strict";
import type { MetaStore, WatchEvent } from "../metastore.ts";
import { text } from "./subject.ts";

/** For `compact`, where the history holds fewer than 200 changes. */
export async function writeMuch(store: MetaStore): Promise<void> {
  for (let count = 0; count < 200; count++) await store.transaction([], [{ put: "much", value: new Uint8Array(10) }]);
}

export async function collect(
  store: MetaStore,
  prefix: string,
  from: bigint,
  count: number,
  stop: AbortSignal,
): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of store.watch(prefix, from, stop)) if (events.push(event) === count) return events;
  return assert.fail(`the watch of ${prefix} ended after ${events.length} of ${count} events`);
}

export function short(event: WatchEvent): string {
  const change = event.kind === "put" ? `${event.entry.key}=${text(event.entry.value)}` : `-${event.key}`;
  return `${event.revision} ${change}`;
}
