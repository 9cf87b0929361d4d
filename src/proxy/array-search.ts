/**
 * What a search of arrays of vectors may ask for. By lists, arrays are compared as wholes, with metrics of their own; by single vectors each
 * element is what a row is in other searches.
 */

import { invalidParameter } from "../base/errors.ts";
import { type Filter, elementPart } from "../model/filter.ts";
import type { VectorPlan } from "../model/plan.ts";
import { isListQueries } from "../model/queries.ts";
import { type CollectionSchema, type FieldSchema, primaryKeyField } from "../model/schema.ts";
import { structOfField } from "../model/structs.ts";
import { DataType, LIST_METRICS, type Metric } from "../model/types.ts";
import { booleanParam, numberParam } from "./params.ts";

export function checkArraySearch(
  field: FieldSchema,
  metric: Metric,
  isOfLists: boolean,
  params: ReadonlyMap<string, string>,
  search: ReadonlyMap<string, unknown>,
): void {
  if (isOfLists !== (LIST_METRICS[metric] !== undefined)) {
    const what = isOfLists ? "embedding lists" : "single vectors";
    throw invalidParameter(`metric type not match: ${what} cannot be searched by ${metric}, field ${field.name}`);
  }
  if (!isOfLists) return;
  const refused = (what: string): Error =>
    invalidParameter(`${what} is not supported for multi-search-multi on embedding list fields`);
  if (numberParam(search, "radius") !== null) throw refused("range search");
  if (booleanParam(params, "iterator")) throw refused("search iterator");
  if (groupNames(params).length > 0) throw refused("group by");
}

function groupNames(params: ReadonlyMap<string, string>): string[] {
  const named = [params.get("group_by_field") ?? "", params.get("group_by_fields") ?? ""];
  return named
    .join(",")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** Whether the hits are elements. */
export function isElementSearch(schema: CollectionSchema, { fieldId, queries }: VectorPlan): boolean {
  const field = schema.fields.find((candidate) => candidate.fieldId === fieldId);
  return field?.dataType === DataType.ArrayOfVector && !isListQueries(queries);
}

/** @throws 1100 where elements are filtered by and not searched, or grouped by what they do not have. */
export function checkElements(
  schema: CollectionSchema,
  vector: VectorPlan,
  filter: Filter | null,
  params: ReadonlyMap<string, string>,
): void {
  const isOfElements = isElementSearch(schema, vector);
  const part = filter === null ? null : elementPart(filter);
  const searched = structOfField(schema, vector.fieldId);
  if (part !== null && !(isOfElements && structOfField(schema, part.field.fieldId) === searched)) {
    throw invalidParameter(
      "element_filter is only supported for element-level search on vector sub-fields of the same struct array; " +
        "use MATCH_ANY/MATCH_* for row-level vector search",
    );
  }
  if (!isOfElements) return;
  const groups = groupNames(params);
  if (groups.some((name) => name !== primaryKeyField(schema).name)) {
    throw invalidParameter("only group by primary key is supported for element-level search");
  }
}
