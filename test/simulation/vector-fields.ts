/**
 * The vector fields of the simulated collection, one of each type and one that is null now and then. A row's vectors follow from its value, so an answer tells whether it mixes
 * two rows; scores are small whole numbers or halves of them, so that brute force is exact and ties are common.
 */

import { float16Of, bfloat16Of } from "../../src/base/half.ts";
import { bytesAt, type Column, type VectorColumn } from "../../src/model/columns.ts";
import type { QueryVectors } from "../../src/model/queries.ts";
import { sparseColumn, sparseEntry } from "../../src/model/sparse.ts";
import { DataType, Metric } from "../../src/model/types.ts";
import { type DenseVectorType, type VectorValues, vectorStride, vectorValues } from "../../src/model/vectors.ts";

export interface SimulatedVectors {
  readonly fieldId: bigint;
  readonly name: string;
  readonly dataType: DataType;
  readonly dimension: number;
  readonly nullable: boolean;
  readonly indexType: string;
  readonly metric: Metric;
  columnOf(values: readonly bigint[]): Column;
  /** Whether entry `at` of the column is the vector of a row with that value. */
  isOf(column: Column, at: number, value: bigint): boolean;
  query(point: readonly number[]): QueryVectors;
  /** Null: the row is never a hit. */
  score(point: readonly number[], value: bigint): number | null;
}

/** Points have two coordinates from 0 to 15. */
export const POINT_LIMIT = 16;

function pointOf(value: bigint): readonly [number, number] {
  const mixed = Number((value * 2_654_435_761n) % 4_294_967_291n);
  return [mixed % POINT_LIMIT, Math.floor(mixed / POINT_LIMIT) % POINT_LIMIT];
}

function dense(
  fieldId: bigint,
  name: string,
  dataType: DenseVectorType,
  metric: Metric,
  indexType: string,
  encode: (coordinate: number) => number,
): SimulatedVectors {
  const dimension = dataType === DataType.BinaryVector ? 16 : 2;
  const stride = vectorStride(dataType, dimension);
  const fill = (points: readonly (readonly number[])[]): VectorValues => {
    const values = vectorValues(dataType, points.length * stride);
    values.set(points.flatMap((point) => point.map(encode)));
    return values;
  };
  return {
    fieldId,
    name,
    dataType,
    dimension,
    nullable: false,
    indexType,
    metric,
    columnOf: (values) => ({
      kind: "vector",
      type: dataType,
      dimension,
      values: fill(values.map(pointOf)),
      valid: null,
    }),
    isOf: (column, at, value) => {
      if (column.kind !== "vector" || column.type !== dataType || column.valid?.[at] === 0) return false;
      const seen = column.values.subarray(at * stride, (at + 1) * stride);
      return pointOf(value).every((coordinate, place) => seen[place] === encode(coordinate));
    },
    query: (point) => fill([point]),
    score: (point, value) => {
      const row = pointOf(value);
      if (metric === Metric.HAMMING) return bitsOf(row[0] ^ point[0]!) + bitsOf(row[1] ^ point[1]!);
      return (row[0] - point[0]!) ** 2 + (row[1] - point[1]!) ** 2;
    },
  };
}

function bitsOf(byte: number): number {
  return byte.toString(2).replaceAll("0", "").length;
}

/** Null in every fifth row; one index for each coordinate. */
const WORDS: SimulatedVectors = {
  fieldId: 108n,
  name: "words",
  dataType: DataType.SparseFloatVector,
  dimension: 0,
  nullable: true,
  indexType: "SPARSE_INVERTED_INDEX",
  metric: Metric.IP,
  columnOf: (values) =>
    sparseColumn(
      values.map((value) => wordsOf(value) ?? new Uint8Array()),
      values.some((value) => wordsOf(value) === null)
        ? Uint8Array.from(values, (value) => (wordsOf(value) === null ? 0 : 1))
        : null,
    ),
  isOf: (column, at, value) => {
    if (column.kind !== "bytes" || column.type !== DataType.SparseFloatVector) return false;
    const expected = wordsOf(value);
    if (expected === null) return column.valid?.[at] === 0;
    return column.valid?.[at] !== 0 && Buffer.compare(bytesAt(column, at), expected) === 0;
  },
  query: (point) => sparseColumn([sparseEntry([point[0]!, 100 + point[1]!], [1, 2])]),
  score: (point, value) => {
    const row = pointOf(value);
    if (wordsOf(value) === null) return null;
    const score = (row[0] === point[0] ? weightOf(value) : 0) + (row[1] === point[1] ? 2 : 0);
    return score === 0 ? null : score;
  },
};

function weightOf(value: bigint): number {
  return Number(value % 3n) / 2;
}

function wordsOf(value: bigint): Uint8Array | null {
  if (value % 5n === 0n) return null;
  const [first, second] = pointOf(value);
  return sparseEntry([first, 100 + second], [weightOf(value), 1]);
}

const same = (coordinate: number): number => coordinate;

const isAbsent = (value: bigint): boolean => value % 3n === 0n;
const MAYBE = dense(109n, "maybe", DataType.FloatVector, Metric.L2, "FLAT", same);

export const VECTOR_FIELDS: readonly SimulatedVectors[] = [
  dense(103n, "vector", DataType.FloatVector, Metric.L2, "FLAT", same),
  dense(104n, "half", DataType.Float16Vector, Metric.L2, "FLAT", float16Of),
  dense(105n, "brain", DataType.BFloat16Vector, Metric.L2, "FLAT", bfloat16Of),
  dense(106n, "small", DataType.Int8Vector, Metric.L2, "AUTOINDEX", same),
  dense(107n, "bits", DataType.BinaryVector, Metric.HAMMING, "BIN_FLAT", same),
  WORDS,
  {
    ...MAYBE,
    nullable: true,
    columnOf: (values) => {
      const isThere = Uint8Array.from(values, (value) => +!isAbsent(value));
      const column = MAYBE.columnOf(values) as VectorColumn;
      // What is not there are zeros.
      for (const [at, there] of isThere.entries()) if (there === 0) column.values.fill(0, at * 2, at * 2 + 2);
      return { ...column, valid: isThere.includes(0) ? isThere : null };
    },
    isOf: (column, at, value) => (isAbsent(value) ? column.valid?.[at] === 0 : MAYBE.isOf(column, at, value)),
    score: (point, value) => (isAbsent(value) ? null : MAYBE.score(point, value)),
  },
];
