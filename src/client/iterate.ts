/**
 * Walking through all rows, or all hits, a page at a time.
 *
 * Always true: every page sees the database as it was when the walk began, whatever is written meanwhile; a row comes once.
 */

import { invalidParameter } from "../base/errors.ts";
import type { SearchRequest } from "../proxy/requests.ts";
import type { IterateOptions } from "./read-options.ts";
import type { Key } from "./values.ts";

const MAX_BATCH = 16_384;
export const DEFAULT_BATCH = 1_000;
/** The variable of a page's own condition. */
const AFTER_VARIABLE = "elanus_after";

export function checkedBatch(size: number | undefined): number {
  const batch = size ?? DEFAULT_BATCH;
  if (Number.isInteger(batch) && batch >= 1 && batch <= MAX_BATCH) return batch;
  throw invalidParameter(`batchSize is a whole number from 1 to ${MAX_BATCH}, not ${String(size)}`);
}

/** Pages of rows in the order of their keys. `ask` gives the first `limit` rows behind a key; null: from the beginning. */
export async function* walkRows<Row>(
  ask: (after: Key | null, limit: number) => Promise<readonly Row[]>,
  keyOf: (row: Row) => Key,
  batchSize: number,
): AsyncGenerator<Row[]> {
  for (let after: Key | null = null; ;) {
    const page: readonly Row[] = await ask(after, batchSize);
    if (page.length > 0) yield [...page];
    if (page.length < batchSize) return;
    after = keyOf(page.at(-1)!);
  }
}

/** The same rows, but only those behind a key; null: all of them. */
export function rowsBehind(options: IterateOptions, keyName: string, after: Key | null): IterateOptions {
  if (after === null) return options;
  const { filter = "", filterParams } = options;
  const behind = `${keyName} > {${AFTER_VARIABLE}}`;
  const value = typeof after === "number" ? BigInt(after) : after;
  return {
    ...options,
    filter: filter === "" ? behind : `(${filter}) and ${behind}`,
    filterParams: { ...filterParams, [AFTER_VARIABLE]: value },
  };
}

/** A search as a page of an iterator: hits that are worse than the bound. */
export function pageOf(request: SearchRequest, batchSize: number, bound: number | null): SearchRequest {
  const params = new Map([
    ...request.params,
    ["iterator", "True"],
    ["search_iter_v2", "True"],
    ["search_iter_batch_size", String(batchSize)],
    ...(bound === null ? [] : [["search_iter_last_bound", String(bound)] as const]),
  ]);
  return { ...request, params };
}

/** Pages of hits, best first. `ask` gives those that are worse than the bound, which the page before told. */
export async function* walkHits<Hit>(
  ask: (bound: number | null) => Promise<{ readonly hits: Hit[]; readonly bound: number | null }>,
  limit: number,
): AsyncGenerator<Hit[]> {
  let left = limit;
  for (let bound: number | null = null; left > 0;) {
    const page: { readonly hits: Hit[]; readonly bound: number | null } = await ask(bound);
    if (page.hits.length === 0) return;
    yield page.hits.slice(0, left);
    left -= page.hits.length;
    bound = page.bound;
  }
}
