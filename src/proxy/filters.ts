/** A filter's text to its plan, with the sentence that Milvus wraps a mistake in. */

import { MilvusError } from "../base/errors.ts";
import { FilterError, planError } from "../expr/failure.ts";
import { parseFilter } from "../expr/filter.ts";
import type { TemplateValues } from "../expr/templates.ts";
import type { Filter } from "../model/filter.ts";
import type { CollectionSchema } from "../model/schema.ts";

/** Null for an empty text. */
export function parsePlanFilter(
  operation: "query" | "delete",
  expression: string,
  schema: CollectionSchema,
  templates: TemplateValues,
): Filter | null {
  try {
    return parseFilter(expression, schema, templates);
  } catch (error) {
    if (error instanceof FilterError || error instanceof MilvusError)
      throw planError(operation, expression, error.message);
    throw error;
  }
}
