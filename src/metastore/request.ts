/**
 * What may be asked of a metadata store: one set of limits for every implementation, so that a program that works on a local file
 * works on etcd too.
 *
 * Not here: whether the compares hold.
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { Compare, Operation } from "./metastore.ts";

export const MAXIMUM_OPERATIONS = 128;
export const MAXIMUM_KEY_BYTES = 4096;
/** Keys and values of one transaction together. */
export const MAXIMUM_TRANSACTION_BYTES = 8 * 1024 * 1024;

export function checkKey(key: string): void {
  if (key === "") throw invalidParameter("a metadata key may not be empty");
  checkPrefix(key);
}

/** Like a key, but may be empty. */
export function checkPrefix(prefix: string): void {
  if (!prefix.isWellFormed()) throw invalidParameter(`metadata key ${JSON.stringify(prefix)} has a lone surrogate`);
  if (prefix.length > MAXIMUM_KEY_BYTES || Buffer.byteLength(prefix) > MAXIMUM_KEY_BYTES) {
    throw invalidParameter(`metadata key of more than ${MAXIMUM_KEY_BYTES} bytes: ${prefix.slice(0, 64)}…`);
  }
}

export function checkLimit(limit: number): void {
  if (!(limit === Infinity || (Number.isSafeInteger(limit) && limit > 0))) {
    throw invalidParameter(`limit must be a positive whole number, got ${limit}`);
  }
}

/** The longest time that a timer can hold. */
const MAXIMUM_LEASE_MILLISECONDS = 2 ** 31 - 1;

export function checkLeaseLength(milliseconds: number): void {
  if (!(milliseconds > 0 && milliseconds <= MAXIMUM_LEASE_MILLISECONDS)) {
    throw invalidParameter(`a lease lasts 1 to ${MAXIMUM_LEASE_MILLISECONDS} ms, got ${milliseconds}`);
  }
}

export function checkCompares(compares: readonly Compare[]): void {
  if (compares.length > MAXIMUM_OPERATIONS) throw tooLarge(`${compares.length} compares`, `${MAXIMUM_OPERATIONS}`);
  for (const compare of compares) checkKey(compare.key);
}

/**
 * One branch of a transaction. No two operations may speak of one key (except two deletes), so that their order never matters:
 * etcd refuses that as well.
 */
export function checkOperations(operations: readonly Operation[]): void {
  if (operations.length > MAXIMUM_OPERATIONS)
    throw tooLarge(`${operations.length} operations`, `${MAXIMUM_OPERATIONS}`);
  const puts = new Set<string>();
  let bytes = 0;
  for (const operation of operations) {
    if ("put" in operation) {
      checkKey(operation.put);
      if (puts.has(operation.put)) throw invalidParameter(`a transaction puts key ${operation.put} twice`);
      puts.add(operation.put);
      bytes += Buffer.byteLength(operation.put) + operation.value.byteLength;
    } else if ("delete" in operation) checkKey(operation.delete);
    else checkPrefix(operation.deletePrefix);
  }
  if (bytes > MAXIMUM_TRANSACTION_BYTES) throw tooLarge(`${bytes} bytes`, `${MAXIMUM_TRANSACTION_BYTES}`);
  checkDeletes(operations, puts);
}

function checkDeletes(operations: readonly Operation[], puts: ReadonlySet<string>): void {
  for (const operation of operations) {
    if ("delete" in operation && puts.has(operation.delete)) {
      throw invalidParameter(`a transaction puts and deletes key ${operation.delete}`);
    }
    if (!("deletePrefix" in operation)) continue;
    for (const key of puts) {
      if (!key.startsWith(operation.deletePrefix)) continue;
      throw invalidParameter(`a transaction puts key ${key} and deletes everything under ${operation.deletePrefix}`);
    }
  }
}

function tooLarge(actual: string, limit: string): Error {
  return milvusError("ParameterTooLarge", "metadata transaction", { limit, actual });
}

/** The caller may reuse its buffers as soon as the call returned. (`slice` of a Buffer would be no copy.) */
export function copyOperations(operations: readonly Operation[]): Operation[] {
  return operations.map((operation) =>
    "put" in operation ? { ...operation, value: Uint8Array.from(operation.value) } : operation,
  );
}

export function copyCompares(compares: readonly Compare[]): Compare[] {
  return compares.map((compare) =>
    "value" in compare ? { ...compare, value: Uint8Array.from(compare.value) } : compare,
  );
}
