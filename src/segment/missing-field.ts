/**
 * A read asks for a field that the segment does not know: it was dropped between the look at the schema and the read, so whoever asked looks
 * again.
 */

import { type MilvusError, milvusError } from "../base/errors.ts";

export function missingField(fieldId: bigint): MilvusError {
  return milvusError("CollectionSchemaVersionNotReady", "the segment has no such field", { field: fieldId });
}
