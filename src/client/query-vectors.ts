/** The vectors of a search as a program has them, to those of a request: what a vector is made of says which type it has. */

import { invalidParameter } from "../base/errors.ts";
import { bytesColumn } from "../model/columns.ts";
import { sparseColumn } from "../model/sparse.ts";
import { DataType } from "../model/types.ts";
import { type DenseVectorType, type VectorValues, bytesOfVectors, vectorValues } from "../model/vectors.ts";
import type { SearchRequest } from "../proxy/requests.ts";
import { sparseBytes } from "./vector-builders.ts";

/** From index to value. */
export type SparseVector = Readonly<Record<number, number>> | ReadonlyMap<number, number>;

/** Of arrays of structs: the row whose vectors are, all together, nearest to these. */
export type VectorList = readonly (Float32Array | readonly number[] | Int8Array | Uint8Array)[];

/**
 * One vector: numbers for FloatVector, Float16Vector and BFloat16Vector, an Int8Array for Int8Vector, the bytes of a BinaryVector, indices
 * with their values for SparseFloatVector. Or a list of vectors, for what was indexed by a MAX_SIM metric.
 */
export type Vector = Float32Array | readonly number[] | Int8Array | Uint8Array | SparseVector | VectorList;

export function searchQueries(vectors: readonly Vector[]): SearchRequest["queries"] {
  const first = vectors[0];
  if (first === undefined) throw invalidParameter("there is no vector to search for");
  if (isList(first)) return listQueries(vectors as readonly VectorList[]);
  const type = typeOf(first);
  if (type === DataType.SparseFloatVector) {
    const entries = vectors.map((vector, query) => {
      const entry = sparseBytes(vector);
      if (entry === null) throw unlike(query);
      return entry;
    });
    return { type, values: sparseColumn(entries), queryCount: vectors.length };
  }
  const { length } = first as ArrayLike<number>;
  const values: VectorValues = vectorValues(type, vectors.length * length);
  for (const [query, vector] of vectors.entries()) {
    if (typeOf(vector) !== type) throw unlike(query);
    const numbers = vector as ArrayLike<number>;
    if (numbers.length !== length) {
      throw invalidParameter(`vector ${query} has ${numbers.length} numbers and the first has ${length}`);
    }
    values.set(numbers, query * length);
  }
  return { type, values, queryCount: vectors.length };
}

/** What is sent has the number of the vectors' type and so much more. */
const LIST_OFFSET = 200;

function isList(vector: Vector): vector is VectorList {
  return Array.isArray(vector) && typeof vector[0] === "object";
}

function listQueries(lists: readonly VectorList[]): SearchRequest["queries"] {
  const all = lists.map((list, query) => {
    if (!isList(list)) throw unlike(query);
    return searchQueries(list);
  });
  const { type } = all[0]!;
  const entries = all.map(({ values, type: own }, query) => {
    if (own !== type || !ArrayBuffer.isView(values)) throw unlike(query);
    return bytesOfVectors(values);
  });
  return {
    type: type + LIST_OFFSET,
    values: bytesColumn(DataType.ArrayOfVector, entries),
    queryCount: lists.length,
  };
}

function typeOf(vector: unknown): DenseVectorType | typeof DataType.SparseFloatVector {
  if (vector instanceof Float32Array || Array.isArray(vector)) return DataType.FloatVector;
  if (vector instanceof Int8Array) return DataType.Int8Vector;
  if (vector instanceof Uint8Array) return DataType.BinaryVector;
  if (typeof vector === "object" && vector !== null && !ArrayBuffer.isView(vector)) return DataType.SparseFloatVector;
  throw invalidParameter(
    "a vector is a Float32Array or an array of numbers, an Int8Array, a Uint8Array of bits, or an object from index to value",
  );
}

function unlike(query: number): Error {
  return invalidParameter(`vector ${query} is neither a Float32Array nor an array of numbers, or unlike the first`);
}
