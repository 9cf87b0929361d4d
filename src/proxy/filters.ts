/** A filter's text to its plan, with the sentence that Milvus wraps a mistake in. */

import { MilvusError } from "../base/errors.ts";
import { FilterError, planError } from "../expr/failure.ts";
import { parseFilter } from "../expr/filter.ts";
import type { TemplateValues } from "../expr/templates.ts";
import type { Filter } from "../model/filter.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { TIME_ZONE_KEY, timeZoneOf } from "../model/timestamptz.ts";

/** Null for an empty text. */
export function parsePlanFilter(
  operation: "query" | "delete",
  expression: string,
  { schema, properties }: Pick<CollectionInfo, "schema" | "properties">,
  templates: TemplateValues,
  params: ReadonlyMap<string, string> = new Map(),
): Filter | null {
  try {
    return parseFilter(expression, schema, templates, params.get(TIME_ZONE_KEY) || timeZoneOf(properties));
  } catch (error) {
    if (error instanceof FilterError || error instanceof MilvusError)
      throw planError(operation, expression, error.message);
    throw error;
  }
}
