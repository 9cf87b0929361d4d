/**
 * Iterators over searches: a client walks through all hits, page by page, best first.
 *
 * The server keeps nothing of an iterator between pages; segments keep hits that they found beyond one. A page asks for what is strictly worse than the last score of the page before, and reads at the
 * timestamp of the first page. The token only tells the client that this server can do it.
 *
 * Always true: pages do not overlap; a page ends where scores differ, so that nothing is lost between pages, unless more hits than a page
 * holds have one and the same score.
 */

import { invalidParameter } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { Hits, VectorPlan } from "../model/plan.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { isDistance } from "../model/types.ts";
import { booleanParam } from "./params.ts";

export const MAX_BATCH = 16_384;
const MAX_FLOAT = 3.4028234663852886e38;
/** Smaller ones are words of old clients: 0 strong, 1 eventually, 2 bounded. */
const LAST_WORD = 2n;
const TOKEN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface SearchPage {
  readonly token: string;
  readonly batchSize: number;
  /** The last score of the page before; null on the first page. */
  readonly lastBound: number | null;
}

/** Null when the search is no page of an iterator. */
export function searchPage(
  params: ReadonlyMap<string, string>,
  queryCount: number,
  runtime: Runtime,
): SearchPage | null {
  if (!booleanParam(params, "search_iter_v2")) return null;
  if (!booleanParam(params, "iterator")) {
    throw invalidParameter("both iterator and search_iter_v2 must be set in the SDK");
  }
  if (queryCount !== 1) throw invalidParameter("search iterator takes exactly one query vector");
  if (!["", "0"].includes(params.get("offset") ?? "")) {
    throw invalidParameter("offset is not supported when using search iterator");
  }
  const batch = params.get("search_iter_batch_size") ?? "";
  if (batch === "") throw invalidParameter("batch size is required");
  const batchSize = Number(batch);
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > MAX_BATCH) {
    throw invalidParameter("batch size is invalid");
  }
  const token = params.get("search_iter_id") ?? "";
  if (token !== "" && !TOKEN.test(token)) throw invalidParameter("invalid token format");
  return { token: token === "" ? newToken(runtime) : token, batchSize, lastBound: lastBound(params) };
}

function lastBound(params: ReadonlyMap<string, string>): number | null {
  const text = params.get("search_iter_last_bound") ?? "";
  if (text === "") return null;
  const bound = Number(text);
  if (Number.isNaN(bound)) throw invalidParameter(`search_iter_last_bound [${text}] is invalid`);
  return Math.fround(bound);
}

/** Also of iterators over queries: a name may stand for another collection on a later page. */
export function checkIteratedCollection(
  collection: CollectionInfo,
  params: ReadonlyMap<string, string>,
  refusal: (given: string) => string,
): void {
  if (!booleanParam(params, "iterator")) return;
  const given = params.get("collection_id") ?? "";
  if (given !== "" && given !== String(collection.collectionId)) throw invalidParameter(refusal(given));
}

/** The timestamp that later pages of an iterator read at; null for the first page, and for everything else. */
export function pageTimestamp(
  params: ReadonlyMap<string, string>,
  guaranteeTimestamp: Timestamp,
  now: Timestamp,
): Timestamp | null {
  if (!booleanParam(params, "iterator") || guaranteeTimestamp <= LAST_WORD) return null;
  return guaranteeTimestamp < now ? guaranteeTimestamp : now;
}

/**
 * One hit more than the page holds, so that its end can be seen. The first page is a ring, too, if one around everything: so indexes know that
 * more will be wanted, and what a page misses never comes.
 */
export function pagePlan(plan: VectorPlan, { batchSize, lastBound: bound }: SearchPage): VectorPlan {
  const k = Math.min(batchSize + 1, MAX_BATCH);
  return bound === null ? { ...firstPlan(plan), k } : { ...plan, k, range: behind(plan, bound) };
}

/** The same of clients that make the rings of later pages themselves. */
export function firstPlan(plan: VectorPlan): VectorPlan {
  if (plan.range !== null && plan.range.inner !== null) return plan;
  const nearest = isDistance(plan.metric) ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return { ...plan, range: behind(plan, nearest) };
}

/** The ring of what is strictly worse than a score. */
export function behind({ metric, range }: VectorPlan, bound: number): NonNullable<VectorPlan["range"]> {
  const ascends = isDistance(metric);
  const next = Number.isFinite(bound) ? neighbour(bound, ascends) : bound;
  const outer = range?.outer ?? (ascends ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
  const given = range?.inner ?? next;
  return { outer, inner: ascends ? Math.max(given, next) : Math.min(given, next) };
}

/** How many of the hits are the page. */
export function pageLength({ scores }: Hits, { batchSize }: SearchPage): number {
  if (scores.length <= batchSize || scores[batchSize] !== scores[batchSize - 1]) {
    return Math.min(scores.length, batchSize);
  }
  const start = scores.indexOf(scores[batchSize]!);
  return start === 0 ? batchSize : start;
}

export function nextBound({ scores }: Hits, { metric }: VectorPlan, { lastBound: bound }: SearchPage): number {
  return scores.at(-1) ?? bound ?? (isDistance(metric) ? -MAX_FLOAT : MAX_FLOAT);
}

/** The next float32 above, or below. */
function neighbour(value: number, above: boolean): number {
  const float = Float32Array.of(value);
  const bits = new Int32Array(float.buffer);
  if (float[0] === 0) bits[0] = above ? 1 : 0x80000001 | 0;
  else bits[0]! += float[0]! > 0 === above ? 1 : -1;
  return float[0]!;
}

function newToken(runtime: Runtime): string {
  const hex = Buffer.from(runtime.randomBytes(16)).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
