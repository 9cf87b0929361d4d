/**
 * Hybrid timestamps as Milvus writes them: 46 bits of Unix milliseconds above 18 bits of counter, in one unsigned 64-bit integer.
 *
 * Always true: comparing two timestamps as integers compares them in time; `0n` is before everything.
 */

export type Timestamp = bigint;

export const LOGICAL_BITS = 18n;
export const MAX_TIMESTAMP: Timestamp = (1n << 64n) - 1n;

/** Milliseconds since the Unix epoch and a counter below 2^18, as one timestamp. */
export function composeTimestamp(physicalMilliseconds: number | bigint, logical: number | bigint = 0n): Timestamp {
  return (BigInt(physicalMilliseconds) << LOGICAL_BITS) | BigInt(logical);
}

/** The milliseconds part. */
export function physicalMilliseconds(timestamp: Timestamp): number {
  return Number(timestamp >> LOGICAL_BITS);
}
