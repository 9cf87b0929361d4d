/**
 * The vectors of a search as they were sent, to vectors that the field can be searched with, with Milvus's texts.
 *
 * Floats are taken for fields of 16-bit floats and rounded. Of a sparse query `drop_ratio_search` takes away the smallest weights.
 */

import { assert } from "../base/assert.ts";
import { invalidParameter } from "../base/errors.ts";
import { type ArrayColumn, type BytesColumn, bytesAt } from "../model/columns.ts";
import { type QueryVectors, isListQueries, isSparseQueries } from "../model/queries.ts";
import type { FieldSchema } from "../model/schema.ts";
import { SPARSE_PAIR_BYTES, sparseColumn } from "../model/sparse.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import {
  type DenseVectorType,
  type VectorValues,
  isDenseVectorType,
  vectorRowBytes,
  viewedVectors,
} from "../model/vectors.ts";
import { notFinite } from "./input-numbers.ts";
import { checkSparse, firstNotFinite, isHalf, roundHalves } from "./input-vectors.ts";
import type { SubSearch } from "./requests.ts";

/** Placeholders of lists of vectors have the number of their vectors' type and so much more. */
const LIST_OFFSET = 200;

/** The type of the vectors in the lists that were sent; null: they are no lists. */
function listedType(sent: SubSearch["queries"]): DenseVectorType | null {
  const type = (sent.type - LIST_OFFSET) as DataType;
  return isDenseVectorType(type) ? type : null;
}

/** `dropRatio`: the share of a sparse query's entries that is not looked at. */
export function queryVectors(field: FieldSchema, sent: SubSearch["queries"], dropRatio: number): QueryVectors {
  if (field.dataType !== DataType.ArrayOfVector) return vectorsOf(field, sent, dropRatio);
  const element = { ...field, dataType: field.elementType };
  const type = listedType(sent);
  return type === null ? vectorsOf(element, sent, 0) : listsOf(element, sent, type);
}

/** Each list is sent as its vectors end to end. */
function listsOf(field: FieldSchema, sent: SubSearch["queries"], type: DenseVectorType): ArrayColumn {
  assert(isSparseQueries(sent.values), "lists are sent as bytes");
  const { offsets: ends, bytes } = sent.values;
  const width = vectorRowBytes(type, field.dimension);
  const offsets = new Uint32Array(ends.length);
  for (let list = 0; list < ends.length - 1; list += 1) {
    const length = ends[list + 1]! - ends[list]!;
    if (length === 0 || length % width !== 0) {
      throw invalidParameter(`vector dimension mismatch, expected vector size(byte) ${width}, actual ${length}.`);
    }
    offsets[list + 1] = offsets[list]! + length / width;
  }
  const values = viewedVectors(type, new Uint8Array(bytes));
  const queryCount = offsets[offsets.length - 1]!;
  const vectors = vectorsOf(field, { type, values, queryCount }, 0) as VectorValues;
  const elements = {
    kind: "vector",
    type: field.dataType,
    dimension: field.dimension,
    values: vectors,
    valid: null,
  } as const;
  return { kind: "array", type: DataType.ArrayOfVector, elementType: field.dataType, offsets, elements, valid: null };
}

function vectorsOf(field: FieldSchema, sent: SubSearch["queries"], dropRatio: number): VectorValues | BytesColumn {
  const isRounded = isHalf(field.dataType) && sent.type === DataType.FloatVector;
  if (sent.type !== field.dataType && !isRounded) {
    throw invalidParameter(
      `vector type must be the same, field ${field.name} - type ${dataTypeName(field.dataType)}, search info type ${listedType(sent) === null ? dataTypeName(sent.type) : `EmbList${dataTypeName(listedType(sent)!)}`}`,
    );
  }
  if (isSparseQueries(sent.values)) return sparseQueries(sent.values, dropRatio);
  if (isListQueries(sent.values)) throw invalidParameter(`field ${field.name} is not searched by lists`);
  const { values } = sent;
  const wanted = vectorRowBytes(sent.type as DataType, field.dimension);
  const actual = sent.valueBytes ?? values.byteLength / sent.queryCount;
  if (actual !== wanted || values.byteLength !== sent.queryCount * wanted) {
    throw invalidParameter(`vector dimension mismatch, expected vector size(byte) ${wanted}, actual ${actual}.`);
  }
  const queries = isRounded ? new Uint16Array(values.length) : values;
  if (isHalf(field.dataType) && isRounded) roundHalves(field.dataType, values, queries as Uint16Array);
  const fault = firstNotFinite(field.dataType, queries);
  if (fault !== null) throw notFinite(fault);
  return queries;
}

function sparseQueries(queries: BytesColumn, dropRatio: number): BytesColumn {
  const { offsets, bytes } = queries;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = offsets.length - 1;
  for (let row = 0; row < rows; row += 1) checkSparse(view, offsets[row]!, offsets[row + 1]!, "allowed");
  if (dropRatio === 0) return queries;
  return sparseColumn(Array.from({ length: rows }, (_, row) => withoutSmallest(bytesAt(queries, row), dropRatio)));
}

/** Without that share of the entries, rounded down, whose values are nearest to 0; of equal ones the later go first. */
function withoutSmallest(entry: Uint8Array, share: number): Uint8Array {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  const count = entry.byteLength / SPARSE_PAIR_BYTES;
  const dropped = Math.floor(count * share);
  if (dropped === 0) return entry;
  const size = (at: number): number => Math.abs(view.getFloat32(at * SPARSE_PAIR_BYTES + 4, true));
  const bySize = Array.from({ length: count }, (_, at) => at).toSorted(
    (left, right) => size(left) - size(right) || right - left,
  );
  const kept = bySize.slice(dropped).toSorted((left, right) => left - right);
  const rest = new Uint8Array(kept.length * SPARSE_PAIR_BYTES);
  for (const [place, at] of kept.entries()) {
    const start = at * SPARSE_PAIR_BYTES;
    rest.set(entry.subarray(start, start + SPARSE_PAIR_BYTES), place * SPARSE_PAIR_BYTES);
  }
  return rest;
}
