/** The table that the benches of filters ask: keys in no order, so that no branch can be predicted. */

import { bytesColumn, type Column, type FixedColumn } from "../../src/model/columns.ts";
import type { CollectionSchema, FieldSchema } from "../../src/model/schema.ts";
import { DataType } from "../../src/model/types.ts";

export function benchField(fieldId: bigint, name: string, dataType: DataType, isDynamic = false): FieldSchema {
  return {
    fieldId,
    name,
    description: "",
    dataType,
    elementType: DataType.None,
    isPrimaryKey: fieldId === 100n,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic,
    nullable: false,
    defaultValue: null,
    typeParams: [],
    dimension: 0,
    maxLengthBytes: 0,
  };
}

export const SCHEMA: CollectionSchema = {
  name: "bench",
  description: "",
  enableDynamicField: true,
  version: 0,
  fields: [
    benchField(100n, "id", DataType.Int64),
    benchField(101n, "price", DataType.Float),
    benchField(102n, "name", DataType.VarChar),
    benchField(103n, "doc", DataType.JSON),
    benchField(104n, "$meta", DataType.JSON, true),
    benchField(105n, "a", DataType.Int64),
    benchField(106n, "b", DataType.Int64),
    benchField(107n, "place", DataType.Geometry),
  ],
};

/** Ids of any number of rows. */
export function ids(rowCount: number): FixedColumn & { readonly values: BigInt64Array } {
  const values = new BigInt64Array(rowCount);
  const halves = new Uint32Array(values.buffer);
  for (let row = 0; row < rowCount; row += 1) halves[row * 2] = (Math.imul(row, 0x9e3779b1) >>> 0) % rowCount;
  return { kind: "fixed", type: DataType.Int64, values, valid: null };
}

function small(mixed: Uint32Array, modulus: number): FixedColumn {
  const values = BigInt64Array.from(mixed, (value) => BigInt(value % modulus));
  return { kind: "fixed", type: DataType.Int64, values, valid: null };
}

/** Documents of about 190 bytes, for the first `documentCount` rows. */
export function table(rowCount: number, documentCount: number): Map<bigint, Column> {
  const mixed = Uint32Array.from({ length: rowCount }, (_, row) => (Math.imul(row, 0x9e3779b1) >>> 0) % rowCount);
  const prices = Float32Array.from(mixed, (value) => value / rowCount);
  const names: string[] = [];
  const documents: string[] = [];
  for (const [row, value] of mixed.entries()) {
    names.push(`name-${value % 5000}`);
    if (row < documentCount) documents.push(documentText(value));
  }
  return new Map<bigint, Column>([
    [100n, ids(rowCount)],
    [101n, { kind: "fixed", type: DataType.Float, values: prices, valid: null }],
    [102n, bytesColumn(DataType.VarChar, names)],
    [103n, bytesColumn(DataType.JSON, documents)],
    [104n, bytesColumn(DataType.JSON, [])],
    [105n, small(mixed, 11)],
    [106n, small(mixed, 997)],
  ]);
}

function documentText(value: number): string {
  const color = value % 3 === 0 ? "red" : "blue";
  return JSON.stringify({
    title: `thing number ${value}, of the many that are here`,
    tags: ["a", "b"],
    maker: { name: `maker ${value % 77}`, city: "somewhere", since: 1900 + (value % 100) },
    size: value % 1000,
    color,
    weight: value / 7,
  });
}
