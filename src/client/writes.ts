/**
 * Writes as a program asks for them and learns of them: options, rows or columns by the schema that is known, and what a write did.
 */

import { invalidParameter } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { columnRows } from "../model/columns.ts";
import { type CollectionInfo, primaryKeyField } from "../model/schema.ts";
import type { ArrayOperation } from "../proxy/array-operations.ts";
import type { Written } from "./calls.ts";
import { updatedSchema } from "./partial-rows.ts";
import type { CallOptions } from "./read-options.ts";
import { keysOf } from "./result-rows.ts";
import { type ColumnsInput, type InputColumns, columnsOfColumns, columnsOfRows } from "./rows-input.ts";
import type { Key } from "./values.ts";

export interface DeleteResult {
  /** With `ids`: how many were named, there or not. With `filter`: how many rows were found. */
  readonly count: number;
  /** Since when the rows are gone, for `asOf`; null where no key was named. */
  readonly timestamp: Timestamp | null;
}

export interface InsertOptions extends CallOptions {
  /** The partition; `_default` if not given. */
  readonly partition?: string;
  /**
   * With columns: hands whole typed arrays over instead of copying them; they are empty afterwards. For large inserts.
   */
  readonly transfer?: boolean;
  /**
   * A name for this write, up to 128 bytes: sent again under it, after an error that left its outcome open, it takes effect once and gives
   * the same keys. The names of the last 4,096 named writes are remembered.
   */
  readonly idempotencyKey?: string;
}

export interface UpsertOptions extends InsertOptions {
  /**
   * Fields that the rows do not name keep their values; keys of the dynamic field are merged. A key that has no row yet needs all fields
   * that have no default. The collection must be loaded.
   */
  readonly partial?: boolean;
  /**
   * Of a partial update: the arrays of these fields are not replaced; the elements in the rows are appended to them, or every element
   * equal to one of those is removed from them.
   */
  readonly arrayOperations?: Readonly<Record<string, "append" | "remove">>;
}

const ARRAY_OPERATIONS = { append: "ARRAY_APPEND", remove: "ARRAY_REMOVE" } as const satisfies Record<
  string,
  ArrayOperation
>;

/** @throws MilvusError 1100 for an operation that there is not, or without a partial update. */
export function arrayOperationsOf({ partial, arrayOperations = {} }: UpsertOptions): Map<string, ArrayOperation> {
  const entries = Object.entries(arrayOperations);
  if (entries.length > 0 && partial !== true)
    throw invalidParameter("arrayOperations are part of a partial update: say `partial: true`");
  return new Map(
    entries.map(([field, operation]) => {
      if (!Object.hasOwn(ARRAY_OPERATIONS, operation)) {
        throw invalidParameter(`an array operation is "append" or "remove", not ${JSON.stringify(operation)}`);
      }
      return [field, ARRAY_OPERATIONS[operation]];
    }),
  );
}

/** What a write did. The keys are made into values when they are asked for. */
export class WriteResult {
  /** Rows written. */
  readonly count: number;
  /** When they came into being, for `asOf`. */
  readonly timestamp: Timestamp;
  readonly #written: Written;
  #ids: readonly Key[] | null = null;

  constructor(written: Written) {
    this.count = columnRows(written.keys);
    this.timestamp = written.timestamp;
    this.#written = written;
  }

  /** The key of every row, in the order of the rows: those the engine made, with `autoId`. */
  get ids(): readonly Key[] {
    this.#ids ??= keysOf(this.#written.keys);
    return this.#ids;
  }
}

export function updated(collection: CollectionInfo, rows: readonly object[] | ColumnsInput): CollectionInfo {
  return Array.isArray(rows) ? { ...collection, schema: updatedSchema(collection.schema, rows) } : collection;
}

export function inputColumns(
  collection: CollectionInfo,
  rows: readonly object[] | ColumnsInput,
  isUpsert: boolean,
  transfer: boolean,
): InputColumns {
  const { schema, properties } = collection;
  const key = primaryKeyField(schema);
  const takesKeys = properties.some((property) => property.key === "allow_insert_auto_id" && property.value === "true");
  if (Array.isArray(rows)) {
    const hasKey = takesKeys && rows.length > 0 && Object.hasOwn(rows[0] as object, key.name);
    return columnsOfRows(schema, rows as readonly object[], isUpsert || hasKey);
  }
  return columnsOfColumns(schema, rows as ColumnsInput, isUpsert || takesKeys, transfer);
}
