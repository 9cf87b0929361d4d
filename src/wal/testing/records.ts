/** What tests of the log ask of records and errors again and again. */

import { MilvusError } from "../../base/errors.ts";
import type { PlacedRecord } from "../transactions.ts";
import { keysOf } from "./messages.ts";

export function keysIn(records: readonly PlacedRecord[]): bigint[] {
  return records.flatMap(({ record }) => keysOf(record));
}

export function isKind(kind: string): (error: unknown) => boolean {
  return (error) => error instanceof MilvusError && error.kind === kind;
}

export function range(from: number, to: number): bigint[] {
  return Array.from({ length: to - from }, (_, at) => BigInt(from + at));
}
