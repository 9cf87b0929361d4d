/**
 * What the child does to the engine, in words that the parent can follow: every operation is told in full before it begins.
 *
 * Always true:
 *  - an operation's id is larger than every id before it, also over restarts; the rows that it writes carry it as their version, so a
 *    row that is read tells which write it is;
 *  - keys belong to lanes, and operations of a lane do not depend on each other's order: one at a time, or a pair that commutes;
 *  - the partition of a key follows from its number, so that no two partitions have a row of the same key.
 *
 * Not here: doing it (`child.ts`), and what has to be there afterwards (`model.ts`).
 */

import { bytesColumn } from "../../src/model/columns.ts";
import { DataType } from "../../src/model/types.ts";
import { bucketsOf } from "../../src/proxy/hash.ts";

export const PARTITIONS = ["_default", "second", "third"] as const;
export const SHARDS = 2;
/** Numbers below are upserted and deleted again and again; those from here on are inserted once. */
export const FIRST_FRESH_NUMBER = 1000;
export const DIMENSION = 8;

export interface LaneInfo {
  readonly lane: number;
  readonly collection: "numbers" | "words";
}

/** Two lanes a collection: one has keys of type Int64, the other VarChar. */
export const LANES: readonly LaneInfo[] = [
  { lane: 0, collection: "numbers" },
  { lane: 1, collection: "numbers" },
  { lane: 2, collection: "words" },
  { lane: 3, collection: "words" },
];

export interface WriteRows {
  readonly kind: "insert" | "upsert";
  readonly id: number;
  readonly lane: number;
  readonly partition: number;
  readonly numbers: readonly number[];
}

export interface DeleteKeys {
  readonly kind: "delete";
  readonly id: number;
  readonly lane: number;
  /** Null: in every partition. */
  readonly partition: number | null;
  readonly numbers: readonly number[];
}

/** Deletes the rows of the lane whose version is at most `bound`, found by reading. */
export interface DeleteOlder {
  readonly kind: "deleteOlder";
  readonly id: number;
  readonly lane: number;
  readonly partition: number | null;
  readonly bound: number;
}

export interface SideChange {
  readonly kind: "createSide" | "fillSide" | "dropSide";
  readonly id: number;
  readonly name: string;
  readonly rows: number;
}

/** What changes the form of the rows and not the rows. */
export interface Flush {
  readonly kind: "flush" | "compact";
  readonly id: number;
  readonly collection: string;
}

export type LaneOperation = WriteRows | DeleteKeys | DeleteOlder;
export type Operation = LaneOperation | SideChange | Flush;

export interface SideState {
  readonly name: string;
  /** Null: not loaded, so that nobody can count. */
  readonly rows: number | null;
}

/** Everything that the child read. */
export interface CollectionState {
  readonly collection: string;
  /** Lane, number, version; every row that came, twice when it came twice. */
  readonly rows: readonly (readonly [lane: number, number: number, version: number])[];
  readonly count: number;
  /** Rows by partition, as `count(*)` says. */
  readonly partitionCounts: readonly number[];
  /** For the vector of a row that was read: the hits, nearest first. */
  readonly searches: readonly {
    readonly lane: number;
    readonly number: number;
    readonly version: number;
    readonly distance: number;
    readonly hits: readonly (readonly [lane: number, number: number])[];
  }[];
}

/** One a line on the child's output. */
export type ChildMessage =
  | { readonly type: "opening" | "ready" | "closing" | "closed" }
  | { readonly type: "log"; readonly line: string }
  | { readonly type: "state"; readonly collections: readonly CollectionState[]; readonly sides: readonly SideState[] }
  | { readonly type: "begin"; readonly operation: Operation }
  | { readonly type: "end"; readonly id: number }
  | { readonly type: "failed"; readonly id: number; readonly text: string };

/** How the child is started. */
export interface ChildOptions {
  readonly directory: string;
  readonly seed: number;
  readonly firstId: number;
  /** By lane: the smallest number that no insert has used. */
  readonly freshNumbers: readonly number[];
  /** Never: nothing compacts or is flushed by its age either, so that the log is all there is. */
  readonly flushes: "often" | "sometimes" | "never";
  /** Close after this many milliseconds of work; null: work until killed; 0: only read. */
  readonly closeAfterMilliseconds: number | null;
  readonly readInOneGo: boolean;
  /** Says that a write is done before it is: what the parent must notice. */
  readonly acknowledgeEarly: boolean;
}

export function partitionOf(number: number): number {
  return number % PARTITIONS.length;
}

/** Above 2^31, so that both halves of the key count. */
export function integerKey(lane: number, number: number): bigint {
  return BigInt(lane) * 10_000_000_000n + BigInt(number);
}

/** Fixed width, so that the order of bytes is the order of numbers; and not all ASCII. */
export function textKey(lane: number, number: number): string {
  return `ключ-${lane}-${String(number).padStart(9, "0")}`;
}

/** Whole numbers below 2^24, which floats hold exactly: only the row itself is at distance 0. */
export function vectorOf(lane: number, number: number, version: number): number[] {
  return [lane, number, version, number % 7, version % 11, 1, 0, -lane];
}

export function shardsOf(lane: number, numbers: readonly number[]): Uint32Array {
  if (LANES[lane]!.collection === "words") {
    return bucketsOf(
      bytesColumn(
        DataType.VarChar,
        numbers.map((number) => textKey(lane, number)),
      ),
      SHARDS,
    );
  }
  const values = BigInt64Array.from(numbers, (number) => integerKey(lane, number));
  return bucketsOf({ kind: "fixed", type: DataType.Int64, values, valid: null }, SHARDS);
}

/** A small generator of numbers from 0 to 1, the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
