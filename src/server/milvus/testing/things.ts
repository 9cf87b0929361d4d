/**
 * A collection for tests of reading, and the same rows in plain objects to read them by brute force.
 *
 *   things   id: Int64 key, near: FloatVector(3) by L2, along: FloatVector(2) by IP, color: VarChar? , size: Int16, big: Int64?,
 *            flag: Bool, weight: Double?, more: JSON (`kind`, and under `deep` a `mix` of types); dynamic; two shards; a part in files of two flushes, a part in memory; some rows
 *            deleted, some written again
 *
 * Vectors are small whole numbers, so that every score is exact in whatever order it is added up.
 */

import assert from "node:assert/strict";
import { DataType } from "../../../model/types.ts";
import { ConsistencyLevel } from "../../wire/generated/common_pb.js";
import type { SearchResults } from "../../wire/generated/milvus_pb.js";
import type { FieldData, IDs } from "../../wire/generated/schema_pb.js";
import {
  type FieldDataInit,
  KEY,
  dynamic,
  flush,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  service,
  textField,
  vectorField,
  vectors,
} from "./messages.ts";
import type { TestClient } from "./server.ts";

export const THINGS = "things";

export interface Thing {
  readonly id: number;
  readonly near: readonly number[];
  readonly along: readonly number[];
  readonly color: string | null;
  readonly size: number;
  readonly big: number | null;
  readonly flag: boolean;
  readonly weight: number | null;
  readonly kind: string;
  /** Undefined: there is no such key. */
  readonly mix: unknown;
}

const MIXED: readonly unknown[] = [1, 1.5, "1", "one", true, false, null, undefined, [1], { a: 1 }, 300, 'ü"', 2 ** 40];

const COLORS = ["red", "green", "blue", "ochre", "rose", null];

export function thing(id: number, version = 0): Thing {
  const mixed = (id * 7919 + version * 104_729) % 10_007;
  return {
    id,
    near: [mixed % 5, (mixed >> 3) % 4, id % 3],
    along: [(mixed % 7) - 3, (id % 5) - 2],
    color: COLORS[(mixed >> 2) % COLORS.length]!,
    size: (mixed % 11) - 5,
    big: mixed % 4 === 0 ? null : (mixed % 13) - 6,
    flag: mixed % 3 === 0,
    weight: mixed % 5 === 0 ? null : (mixed % 17) / 4 - 2,
    kind: `k${mixed % 3}`,
    mix: MIXED[mixed % MIXED.length],
  };
}

/** Makes the collection and answers with the rows that are in it. */
export async function createThings(client: TestClient, count = 300): Promise<readonly Thing[]> {
  const schema = schemaBytes({
    name: THINGS,
    enableDynamicField: true,
    fields: [
      KEY,
      vectorField(3, "near"),
      vectorField(2, "along"),
      { ...textField("color", 16), nullable: true },
      { name: "size", dataType: DataType.Int16 },
      { name: "big", dataType: DataType.Int64, nullable: true },
      { name: "flag", dataType: DataType.Bool },
      { name: "weight", dataType: DataType.Double, nullable: true },
      { name: "more", dataType: DataType.JSON },
    ],
  });
  const consistencyLevel = ConsistencyLevel.Strong;
  ok(await client.call(service.createCollection, { collectionName: THINGS, schema, shardsNum: 2, consistencyLevel }));
  for (const [fieldName, metric] of Object.entries({ near: "L2", along: "IP" })) {
    const extraParams = params({ index_type: "FLAT", metric_type: metric });
    ok(await client.call(service.createIndex, { collectionName: THINGS, fieldName, extraParams }));
  }
  await load(client, THINGS);
  const rows = new Map<number, Thing>();
  const put = async (things: readonly Thing[], isUpsert = false): Promise<void> => {
    const descriptor = isUpsert ? service.upsert : service.insert;
    const request = { collectionName: THINGS, fieldsData: columnsOf(things), numRows: things.length };
    ok(await client.call(descriptor, request));
    for (const one of things) rows.set(one.id, one);
  };
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
  await put(range(0, Math.floor(count / 3)).map((id) => thing(id)));
  await flush(client, THINGS);
  await put(range(Math.floor(count / 3), Math.floor((count * 2) / 3)).map((id) => thing(id)));
  await flush(client, THINGS);
  await put(range(Math.floor((count * 2) / 3), count).map((id) => thing(id)));
  const again = range(0, count).filter((id) => id % 10 === 3);
  await put(
    again.map((id) => thing(id, 1)),
    true,
  );
  const gone = range(0, count).filter((id) => id % 7 === 5);
  ok(await client.call(service.delete, { collectionName: THINGS, expr: `id in [${gone.join(",")}]` }));
  for (const id of gone) rows.delete(id);
  return [...rows.values()].toSorted((left, right) => left.id - right.id);
}

export function columnsOf(things: readonly Thing[]): FieldDataInit[] {
  return [
    int64s(
      "id",
      things.map(({ id }) => id),
    ),
    vectors(
      things.map(({ near }) => near),
      "near",
    ),
    vectors(
      things.map(({ along }) => along),
      "along",
    ),
    scalars(
      "color",
      DataType.VarChar,
      things.map(({ color }) => color),
    ),
    scalars(
      "size",
      DataType.Int16,
      things.map(({ size }) => size),
    ),
    scalars(
      "big",
      DataType.Int64,
      things.map(({ big }) => big),
    ),
    scalars(
      "flag",
      DataType.Bool,
      things.map(({ flag }) => flag),
    ),
    scalars(
      "weight",
      DataType.Double,
      things.map(({ weight }) => weight),
    ),
    scalars(
      "more",
      DataType.JSON,
      things.map(({ kind, mix }) => ({ kind, deep: { mix } })),
    ),
    dynamic(things.map(({ kind, size }) => ({ kind, double: size * 2 }))),
  ];
}

const CASES = {
  [DataType.VarChar]: "stringData",
  [DataType.Int16]: "intData",
  [DataType.Int64]: "longData",
  [DataType.Bool]: "boolData",
  [DataType.Double]: "doubleData",
  [DataType.JSON]: "jsonData",
} as const;

/** Only the present values travel, as clients send nullable columns. */
function scalars(fieldName: string, type: keyof typeof CASES, entries: readonly unknown[]): FieldDataInit {
  const present = entries.filter((entry) => entry !== null);
  const data = present.map((entry) => {
    if (type === DataType.Int64) return BigInt(entry as number);
    return type === DataType.JSON ? new TextEncoder().encode(JSON.stringify(entry)) : entry;
  });
  const isNullable = ["color", "big", "weight"].includes(fieldName);
  return {
    type,
    fieldName,
    field: { case: "scalars", value: { data: { case: CASES[type], value: { data } } } },
    ...(isNullable ? { validData: entries.map((entry) => entry !== null) } : {}),
  } as FieldDataInit;
}

export function distance(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, at) => sum + (value - right[at]!) ** 2, 0);
}

export function product(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, at) => sum + value * right[at]!, 0);
}

/** Best first, ties by key. */
export function ranked(
  rows: readonly Thing[],
  field: "near" | "along",
  query: readonly number[],
): { readonly row: Thing; readonly score: number }[] {
  const score = field === "near" ? distance : product;
  const sign = field === "near" ? 1 : -1;
  return rows
    .map((row) => ({ row, score: score(row[field], query) }))
    .toSorted((left, right) => sign * (left.score - right.score) || left.row.id - right.row.id);
}

export function idsOf(ids: IDs | undefined): number[] {
  const { case: kind, value } = ids?.idField ?? { case: undefined, value: undefined };
  return kind === "intId" ? value.data.map(Number) : [];
}

/** Hits of each query: keys and scores. */
export function hitsOf({ results }: SearchResults): { readonly id: number; readonly score: number }[][] {
  assert.ok(results !== undefined, "an answer has results");
  const ids = idsOf(results.ids);
  let start = 0;
  return results.topks.map((count) => {
    const end = start + Number(count);
    const hits = ids.slice(start, end).map((id, at) => ({ id, score: results.scores[start + at]! }));
    start = end;
    return hits;
  });
}

/** The entries of a column, null where there is none. */
export function valuesOf(fields: readonly FieldData[], name: string): unknown[] {
  const field = fields.find((candidate) => candidate.fieldName === name);
  assert.ok(field !== undefined, `there is a column ${name}`);
  assert.ok(field.field.case === "scalars", `${name} is a column of scalars`);
  const { data } = field.field.value;
  const entries = data.case === undefined ? [] : [...(data.value as unknown as { data: readonly unknown[] }).data];
  const plain = entries.map((entry) => (typeof entry === "bigint" ? Number(entry) : entry));
  if (field.validData.length === 0) return plain;
  if (plain.length === field.validData.length) return plain.map((entry, at) => (field.validData[at]! ? entry : null));
  let next = 0;
  return field.validData.map((isThere) => (isThere ? plain[next++] : null));
}
