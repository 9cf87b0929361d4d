/** The vector fields of the collections that crashes happen to: one of each type, all made of the row's eight numbers. */

import { bfloat16Of, float16Of } from "../../src/base/half.ts";
import { bytesAt, type Column } from "../../src/model/columns.ts";
import type { QueryVectors } from "../../src/model/queries.ts";
import { sparseColumn, sparseEntry } from "../../src/model/sparse.ts";
import { DataType, type Metric } from "../../src/model/types.ts";
import { type DenseVectorType, vectorStride, vectorValues } from "../../src/model/vectors.ts";
import type { InputField } from "../../src/proxy/requests.ts";
import { DIMENSION } from "./operations.ts";

export interface VectorField {
  readonly name: string;
  readonly type: DataType;
  /** Null where there is none. */
  readonly dimension: number | null;
  readonly metric: Metric;
  columnOf(rows: readonly (readonly number[])[]): InputField["column"];
  isOf(column: Column, at: number, numbers: readonly number[]): boolean;
  query(numbers: readonly number[]): QueryVectors;
}

function dense(
  name: string,
  type: DenseVectorType,
  metric: Metric,
  dimension: number,
  encode: (number: number) => number,
): VectorField {
  const stride = vectorStride(type, dimension);
  const valuesOf = (rows: readonly (readonly number[])[]) => {
    const values = vectorValues(type, rows.length * stride);
    values.set(rows.flatMap((numbers) => numbers.map(encode)));
    return values;
  };
  return {
    name,
    type,
    dimension,
    metric,
    columnOf: (rows) => ({ kind: "vector", type, dimension, values: valuesOf(rows) }),
    isOf: (column, at, numbers) =>
      column.kind === "vector" &&
      column.type === type &&
      Buffer.compare(bytesOf(column.values.slice(at * stride, (at + 1) * stride)), bytesOf(valuesOf([numbers]))) === 0,
    query: (numbers) => valuesOf([numbers]),
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function words(numbers: readonly number[]): Uint8Array {
  const weights = numbers.map((number, at) => [Math.abs(number % 1000) * 16 + at, Math.abs(number) + 1] as const);
  const sorted = weights.toSorted(([left], [right]) => left - right);
  return sparseEntry(
    sorted.map(([index]) => index),
    sorted.map(([, weight]) => weight),
  );
}

const WORDS: VectorField = {
  name: "words",
  type: DataType.SparseFloatVector,
  dimension: null,
  metric: "IP",
  columnOf: (rows) => {
    const { offsets, bytes } = sparseColumn(rows.map(words));
    return { kind: "sparse", dimension: 0, offsets, bytes };
  },
  isOf: (column, at, numbers) => column.kind === "bytes" && Buffer.compare(bytesAt(column, at), words(numbers)) === 0,
  query: (numbers) => sparseColumn([words(numbers)]),
};

const byte = (number: number): number => number & 255;

export const VECTOR_FIELDS: readonly VectorField[] = [
  dense("vector", DataType.FloatVector, "L2", DIMENSION, (number) => number),
  dense("half", DataType.Float16Vector, "COSINE", DIMENSION, (number) => float16Of(number % 2048)),
  dense("brain", DataType.BFloat16Vector, "L2", DIMENSION, bfloat16Of),
  dense("small", DataType.Int8Vector, "L2", DIMENSION, (number) => byte(number) - 128),
  dense("bits", DataType.BinaryVector, "HAMMING", DIMENSION * 8, byte),
  WORDS,
];

/** Those in which a row is at no distance from itself, and no other is: the others lose digits. */
export const SEARCHED_FIELDS = VECTOR_FIELDS.filter(({ name }) => name === "vector");
