/**
 * What a collection may be asked for in a second, and what an administrator has shut: properties of the collection and of its database.
 *
 *     collection.insertRate.max.mb    rows written, upserts included
 *     collection.deleteRate.max.mb    deletes
 *     collection.searchRate.max.vps   vectors searched for
 *     collection.queryRate.max.qps    queries
 *     database.force.deny.writing     true: no writes
 *     database.force.deny.reading     true: no searches and queries
 *
 * A rate is a bucket of tokens that holds a second of it. As in Milvus a request goes through while there is any token, and may take
 * more than there are: the next ones wait for the debt. So a request larger than a second's worth is slowed down and not shut out.
 *
 * Always true: nothing waits here; who comes too early gets code 8, which clients take for "again, later".
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { type CollectionInfo, propertyValue } from "../model/schema.ts";
import type { DescribedCollection } from "../rpc/services.ts";

const MEGABYTE = 1024 * 1024;
/** Buckets that are remembered; a forgotten one is full again. */
const MAX_BUCKETS = 16_384;

/** By what is counted: the property and what one of its units is. */
const RATES = {
  insertBytes: { key: "collection.insertRate.max.mb", unit: MEGABYTE },
  deleteBytes: { key: "collection.deleteRate.max.mb", unit: MEGABYTE },
  searchVectors: { key: "collection.searchRate.max.vps", unit: 1 },
  queries: { key: "collection.queryRate.max.qps", unit: 1 },
} as const;

export type Counted = keyof typeof RATES;

const RATE_KEYS: ReadonlySet<string> = new Set(Object.values(RATES).map(({ key }) => key));
const WRITES: ReadonlySet<Counted> = new Set(["insertBytes", "deleteBytes"]);
const DENY_WRITING = "database.force.deny.writing";
const DENY_READING = "database.force.deny.reading";

/** A rate that is no number would limit nothing, and nobody would know. */
export function checkRate(key: string, value: string): void {
  if (!RATE_KEYS.has(key) || (value.trim() !== "" && Number.isFinite(Number(value)))) return;
  throw invalidParameter(`invalid ${key} value: ${value}, expected a number; a negative one is no limit`);
}

interface Bucket {
  tokens: number;
  /** When they were counted, monotonic milliseconds. */
  at: number;
}

export class Quotas {
  readonly #runtime: Runtime;
  /** The one that was asked for longest ago comes first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Takes `amount` of what is counted, before anything is written or searched for.
   *
   * @throws MilvusError 8 above the rate, 9 where it is shut.
   */
  take({ collection, databaseProperties }: DescribedCollection, counted: Counted, amount: number): void {
    const denial = WRITES.has(counted) ? DENY_WRITING : DENY_READING;
    if (databaseProperties.length > 0 && propertyValue(databaseProperties, denial)?.toLowerCase() === "true") {
      throw milvusError("ServiceQuotaExceeded", "", { reason: "access has been disabled by the administrator" });
    }
    if (collection.properties.length > 0) this.#take(collection, counted, amount);
  }

  /** Whether nothing is said of it, so that nobody need count. */
  isFree({ collection, databaseProperties }: DescribedCollection, counted: Counted): boolean {
    const denial = WRITES.has(counted) ? DENY_WRITING : DENY_READING;
    return (
      propertyValue(databaseProperties, denial) === null &&
      propertyValue(collection.properties, RATES[counted].key) === null
    );
  }

  #take(collection: CollectionInfo, counted: Counted, amount: number): void {
    const { key, unit } = RATES[counted];
    const said = propertyValue(collection.properties, key);
    if (said === null || !(Number(said) >= 0)) return;
    const rate = Number(said) * unit;
    const now = this.#runtime.monotonic();
    const name = `${collection.collectionId}:${counted}`;
    const bucket = this.#buckets.get(name) ?? { tokens: rate, at: now };
    const tokens = Math.min(rate, bucket.tokens + ((now - bucket.at) / 1_000) * rate);
    const isLetIn = tokens > 0;
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens: isLetIn ? tokens - amount : tokens, at: now });
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value!);
    if (isLetIn) return;
    throw milvusError("ServiceRateLimit", "request is rejected by grpc RateLimiter middleware, please retry later", {
      rate: shownRate(rate),
    });
  }
}

/** As Go prints a float: plainly up to six digits, else with an exponent of two digits at least. */
function shownRate(rate: number): string {
  const text = rate.toExponential();
  const exponent = Number(text.slice(text.indexOf("e") + 1));
  return exponent >= -4 && exponent < 6 ? String(rate) : text.replace(/e([+-])(\d)$/, "e$10$2");
}
