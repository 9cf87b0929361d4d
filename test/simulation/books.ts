/**
 * A model of one collection, and the rows that chance writes into it.
 *
 * Always true: the model knows for which stretches of time it knows the rows: a write that was on its way when the process died took
 * effect somewhere in between, if at all.
 */

import { isDeepStrictEqual } from "node:util";
import type { CollectionOptions } from "../../src/client/collection-options.ts";
import type { Timestamp } from "../../src/base/timestamp.ts";
import { WrongAnswer } from "./oracle.ts";

export const BOOKS: CollectionOptions = {
  name: "books",
  fields: [
    { name: "id", type: "Int64", primaryKey: true },
    { name: "place", type: "FloatVector", dimension: 2 },
    { name: "year", type: "Int32", nullable: true },
    { name: "title", type: "VarChar", maxLength: 64 },
    { name: "tags", type: "Array", elementType: "Int64", maxCapacity: 8, nullable: true },
    { name: "facts", type: "JSON", nullable: true },
  ],
  dynamicField: true,
  shards: 2,
  indexes: [{ field: "place", indexType: "FLAT", metricType: "L2" }],
};

/** Fields that are not declared are keys of the dynamic field. */
export interface Book {
  readonly id: number;
  readonly place: readonly number[];
  readonly year: number | null;
  readonly title: string;
  readonly tags: readonly number[] | null;
  readonly facts: object | null;
  readonly [undeclared: string]: unknown;
}

export type Shelf = ReadonlyMap<number, Book>;

interface Stretch {
  /** The first timestamp at which these are the rows. */
  readonly from: Timestamp;
  /** The first at which they may be others; null: they are these still. */
  until: Timestamp | null;
  readonly shelf: Shelf;
}

export class Books {
  readonly #stretches: Stretch[] = [];

  /** The rows as they are. */
  get shelf(): Shelf {
    return this.#stretches.at(-1)?.shelf ?? new Map();
  }

  get first(): Timestamp {
    return this.#stretches[0]!.from;
  }

  /** From `timestamp` on the rows are these; since `changedAfter` they may have been. */
  became(shelf: Shelf, timestamp: Timestamp, changedAfter: Timestamp = timestamp): void {
    const last = this.#stretches.at(-1);
    if (last !== undefined) last.until = changedAfter;
    this.#stretches.push({ from: timestamp, until: null, shelf });
  }

  /** The rows at a time; null where it is not known. */
  at(timestamp: Timestamp): Shelf | null {
    const found = this.#stretches.findLast(({ from }) => from <= timestamp);
    if (found === undefined) return null;
    return found.until === null || timestamp < found.until ? found.shelf : null;
  }
}

export function sameBooks(found: readonly object[], shelf: Shelf): boolean {
  return isDeepStrictEqual(found.map(plain), sorted(shelf));
}

export function checkBooks(found: readonly object[], shelf: Shelf, when: string): void {
  const rows = found.map(plain);
  const expected = sorted(shelf);
  for (const [at, book] of expected.entries()) {
    if (!isDeepStrictEqual(rows[at], book)) {
      throw new WrongAnswer(`${when}: found ${JSON.stringify(rows[at])} where ${JSON.stringify(book)} should be`);
    }
  }
  if (rows.length > expected.length) {
    throw new WrongAnswer(`${when}: found ${JSON.stringify(rows[expected.length])}, which is not there`);
  }
}

/** Nearest first, ties by key. */
export function nearestBooks(shelf: Shelf, point: readonly number[], limit: number): number[] {
  const distance = ({ place }: Book): number => place.reduce((sum, value, at) => sum + (value - point[at]!) ** 2, 0);
  return [...shelf.values()]
    .toSorted((left, right) => distance(left) - distance(right) || left.id - right.id)
    .slice(0, limit)
    .map(({ id }) => id);
}

function sorted(shelf: Shelf): Book[] {
  return [...shelf.values()].toSorted((left, right) => left.id - right.id);
}

/** Without typed arrays. */
function plain(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value,
    ]),
  );
}
