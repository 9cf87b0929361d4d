/** A filter's text to its plan, with the sentence that Milvus wraps a mistake in. */

import { MilvusError } from "../base/errors.ts";
import { castNumbers } from "../expr/cast-numbers.ts";
import { FilterError, planError } from "../expr/failure.ts";
import { parseFilter } from "../expr/filter.ts";
import type { TemplateValues } from "../expr/templates.ts";
import { indexedPlace } from "../index/scalar/json-path.ts";
import type { IndexInfo, LoadConfig } from "../model/catalog.ts";
import type { Filter } from "../model/filter.ts";
import type { CollectionInfo, CollectionSchema } from "../model/schema.ts";
import { TIME_ZONE_KEY, timeZoneOf } from "../model/timestamptz.ts";
import { requireLoadedPlaces } from "./loaded.ts";

/** Null for an empty text. */
export function parsePlanFilter(
  operation: "query" | "delete",
  expression: string,
  collection: Pick<CollectionInfo, "schema" | "properties"> & {
    readonly indexes?: readonly IndexInfo[];
    readonly load?: LoadConfig | null;
  },
  templates: TemplateValues,
  params: ReadonlyMap<string, string> = new Map(),
): Filter | null {
  const { schema, properties } = collection;
  try {
    const zone = params.get(TIME_ZONE_KEY) || timeZoneOf(properties);
    const filter = parseFilter(expression, schema, templates, zone);
    if (filter === null) return null;
    if (collection.load) requireLoadedPlaces(schema, collection.load, filter);
    return withCasts(filter, schema, collection.indexes ?? []);
  } catch (error) {
    if (error instanceof FilterError || error instanceof MilvusError)
      throw planError(operation, expression, error.message);
    throw error;
  }
}

/**
 * An index with a cast function says how its place is to be read, and everybody reads it so: the rows that no index has yet too, so that
 * building it changes no answer.
 */
function withCasts(filter: Filter, { fields }: CollectionSchema, indexes: readonly IndexInfo[]): Filter {
  const cast = new Set<string>();
  for (const { fieldId, userParams } of indexes) {
    const params = new Map(userParams.map(({ key, value }) => [key, value]));
    if ((params.get("json_cast_function") ?? "") === "") continue;
    const field = fields.find((known) => known.fieldId === fieldId);
    if (field !== undefined) cast.add(placeName(fieldId, indexedPlace(field, params).path));
  }
  return cast.size === 0 ? filter : castNumbers(filter, ({ fieldId, path }) => cast.has(placeName(fieldId, path)));
}

function placeName(fieldId: bigint, path: readonly string[]): string {
  return JSON.stringify([String(fieldId), ...path]);
}
