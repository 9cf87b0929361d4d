/**
 * Arrays of vectors as they were sent to a column that fits the schema: whole vectors, of the field's dimension, of numbers, and no more
 * in an array than its capacity. An entry that is not there has none.
 */

import type { Kernel } from "../kernel/kernel.ts";
import { type ArrayColumn, type VectorColumn, emptyArrays } from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { vectorStride, vectorValues } from "../model/vectors.ts";
import type { Pace } from "../storage/pace.ts";
import { checkCapacities } from "./input-arrays.ts";
import { type InputVectors, convertVectors } from "./input-vectors.ts";
import type { InputField } from "./requests.ts";

export type InputVectorArrays = Extract<NonNullable<InputField["column"]>, { kind: "vectors" }>;
type Vectors = NonNullable<InputVectorArrays["vectors"]>;

/** `valid`: which entries are there; what the others hold is dropped unseen. */
export async function convertVectorArrays(
  field: FieldSchema,
  sent: InputVectorArrays,
  valid: Uint8Array | null,
  kernel: Kernel,
  pace: Pace | null,
  mismatch: () => Error,
): Promise<ArrayColumn> {
  const { dataType: type, elementType, dimension } = field;
  const { offsets: ends, vectors } = presentVectors(sent, valid);
  if (vectors === null) return emptyArrays(field, ends.length - 1, null);
  const stride = vectorStride(elementType, dimension);
  if (ends.some((end) => end % stride !== 0)) throw mismatch();
  const offsets = ends.map((end) => end / stride);
  checkCapacities(field, offsets);
  const element = { ...field, dataType: elementType, elementType: DataType.None, nullable: false };
  const column: InputVectors = { kind: "vector", dimension: sent.dimension || dimension, ...vectors };
  const count = offsets[offsets.length - 1]!;
  const elements = (await convertVectors(element, column, count, null, kernel, pace, mismatch)) as VectorColumn;
  return { kind: "array", type, elementType, offsets, elements, valid: null };
}

function presentVectors(
  { offsets, vectors }: InputVectorArrays,
  valid: Uint8Array | null,
): { readonly offsets: Uint32Array; readonly vectors: Vectors | null } {
  const hasUnseen = valid?.some((flag, row) => flag === 0 && offsets[row] !== offsets[row + 1]) ?? false;
  if (!hasUnseen || vectors === null) return { offsets, vectors };
  const kept = new Uint32Array(offsets.length);
  const values = vectorValues(vectors.type, vectors.values.length);
  for (let row = 0; row < offsets.length - 1; row += 1) {
    const own = vectors.values.subarray(offsets[row], valid![row] === 0 ? offsets[row] : offsets[row + 1]);
    values.set(own, kept[row]);
    kept[row + 1] = kept[row]! + own.length;
  }
  return { offsets: kept, vectors: { type: vectors.type, values: values.subarray(0, kept[kept.length - 1]) } };
}
