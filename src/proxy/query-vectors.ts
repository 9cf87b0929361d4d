/**
 * The vectors of a search as they were sent, to vectors that the field can be searched with, with Milvus's texts.
 *
 * Floats are taken for fields of 16-bit floats and rounded. Of a sparse query `drop_ratio_search` takes away the smallest weights.
 */

import { invalidParameter } from "../base/errors.ts";
import { type BytesColumn, bytesAt } from "../model/columns.ts";
import { type QueryVectors, isSparseQueries } from "../model/queries.ts";
import type { FieldSchema } from "../model/schema.ts";
import { SPARSE_PAIR_BYTES, sparseColumn } from "../model/sparse.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { type VectorValues, vectorRowBytes } from "../model/vectors.ts";
import { notFinite } from "./input-numbers.ts";
import { checkSparse, firstNotFinite, isHalf, roundHalves } from "./input-vectors.ts";
import type { SubSearch } from "./requests.ts";

/** `dropRatio`: the share of a sparse query's entries that is not looked at. */
export function queryVectors(field: FieldSchema, sent: SubSearch["queries"], dropRatio: number): QueryVectors {
  const isRounded = isHalf(field.dataType) && sent.type === DataType.FloatVector;
  if (sent.type !== field.dataType && !isRounded) {
    throw invalidParameter(
      `vector type must be the same, field ${field.name} - type ${dataTypeName(field.dataType)}, search info type ${dataTypeName(sent.type)}`,
    );
  }
  if (isSparseQueries(sent.values)) return sparseQueries(sent.values, dropRatio);
  const values: VectorValues = sent.values;
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
