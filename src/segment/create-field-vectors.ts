/** The place of a field's vectors, by their type. */

import type { Kernel } from "../kernel/kernel.ts";
import type { FieldSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { DenseVectors, type FieldVectors, SparseVectors, fieldLayout } from "./field-vectors.ts";
import { VectorLists } from "./vector-lists.ts";

/** None yet. `lists`: of sparse vectors, where they have no packed ones. */
export function createFieldVectors(kernel: Kernel, field: FieldSchema, { lists } = { lists: true }): FieldVectors {
  switch (field.dataType) {
    case DataType.SparseFloatVector:
      return new SparseVectors(kernel.sparse, { lists });
    case DataType.ArrayOfVector:
      return new VectorLists(kernel, field);
    default:
      return new DenseVectors(kernel, field.dataType, kernel.createRows(fieldLayout(field)));
  }
}
