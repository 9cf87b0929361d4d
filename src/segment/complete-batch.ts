/**
 * Rows that were written with an earlier schema than their segment's: what they do not have is the default of the field, or null. That
 * happens between a change of the schema in the log and in the metadata, and on a replay.
 */

import type { ColumnBatch } from "../model/columns.ts";
import type { CollectionSchema } from "../model/schema.ts";
import { absentColumn } from "./absent-column.ts";

export function completeBatch(batch: ColumnBatch, schema: CollectionSchema): ColumnBatch {
  const absent = schema.fields.filter(({ fieldId }) => !batch.columns.has(fieldId));
  if (absent.length === 0) return batch;
  const columns = new Map(batch.columns);
  for (const field of absent) columns.set(field.fieldId, absentColumn(field, batch.rowCount));
  return { rowCount: batch.rowCount, columns };
}
