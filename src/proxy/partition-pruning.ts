/**
 * Which partitions a read has to look into, by what its filter says of the partition key.
 *
 * Always true: a row that passes the filter is in one of the partitions; nothing is pruned that is not certain.
 */

import { invalidParameter } from "../base/errors.ts";
import type { Constant, Filter } from "../model/filter.ts";
import type { CollectionInfo, FieldSchema } from "../model/schema.ts";
import { bucketsOf } from "./hash.ts";
import { keyColumn } from "./key-column.ts";
import { orderedPartitionIds, partitionKeyField, partitionsForRead } from "./partitions.ts";
import { isIsolated } from "./properties.ts";

/** Null: all. */
export function partitionsOfFilter(
  collection: CollectionInfo,
  names: readonly string[],
  filter: Filter | null,
): readonly bigint[] | null {
  const named = partitionsForRead(collection, names);
  const key = partitionKeyField(collection);
  if (named !== null || key === null || filter === null) return named;
  const values = possibleKeys(filter, key);
  if (values === null) return null;
  const ids = orderedPartitionIds(collection);
  const wanted = new Set(bucketsOf(keyColumn(key.dataType, values), ids.length));
  // A filter that allows no key at all still needs a place to find nothing in.
  return wanted.size === 0 ? ids.slice(0, 1) : Array.from(wanted, (at) => ids[at]!);
}

/** With isolation, a search names exactly one partition key: what an index of its own for every key needs. */
export function checkIsolation(collection: CollectionInfo, filter: Filter | null): void {
  const key = partitionKeyField(collection);
  if (key === null || !isIsolated(collection)) return;
  const state = filter === null ? "absent" : isolationOf(filter, key);
  if (state === "one") return;
  if (state === "absent") {
    throw invalidParameter(
      "partition key not found in expr or the expr is invalid when validating partition key isolation",
    );
  }
  throw invalidParameter(`partition key isolation does not support ${state}`);
}

/** What the partition key may be in a row that passes; null: anything. */
function possibleKeys(filter: Filter, key: FieldSchema): (bigint | string)[] | null {
  switch (filter.kind) {
    case "compare":
      return isKey(filter.field, key) && filter.operator === "==" ? [keyValue(filter.value)] : null;
    case "in":
      return isKey(filter.field, key) ? filter.values.map(keyValue) : null;
    case "and": {
      const lists = filter.operands.map((operand) => possibleKeys(operand, key)).filter((list) => list !== null);
      return lists.length === 0 ? null : lists.reduce((least, list) => (list.length < least.length ? list : least));
    }
    case "or": {
      const lists = filter.operands.map((operand) => possibleKeys(operand, key));
      return lists.every((list) => list !== null) ? lists.flat() : null;
    }
    default:
      return null;
  }
}

type Isolation = "one" | "absent" | "IN" | "OR" | "NOT" | `partition key ${string}`;

function isolationOf(filter: Filter, key: FieldSchema): Isolation {
  switch (filter.kind) {
    case "compare":
      if (!isKey(filter.field, key)) return "absent";
      return filter.operator === "==" ? "one" : `partition key ${filter.operator}`;
    case "in":
      if (!isKey(filter.field, key)) return "absent";
      return filter.values.length === 1 ? "one" : "IN";
    case "range":
      return isKey(filter.field, key) ? "partition key range" : "absent";
    case "and": {
      const states = filter.operands.map((operand) => isolationOf(operand, key)).filter((state) => state !== "absent");
      return states.find((state) => state !== "one") ?? states[0] ?? "absent";
    }
    case "or":
      return filter.operands.some((operand) => isolationOf(operand, key) !== "absent") ? "OR" : "absent";
    case "not":
      return isolationOf(filter.operand, key) === "absent" ? "absent" : "NOT";
    default:
      return "absent";
  }
}

function isKey(field: { readonly fieldId: bigint; readonly path: readonly string[] }, key: FieldSchema): boolean {
  return field.fieldId === key.fieldId && field.path.length === 0;
}

/** The typing rules gave it the class of the field. */
function keyValue(value: Constant): bigint | string {
  return value as bigint | string;
}
