/** Which fields a load is about: names to ids, with the rules of which may not be left out. */

import { invalidParameter } from "../base/errors.ts";
import { type CollectionSchema, dynamicField } from "../model/schema.ts";
import { fieldsNamed } from "../model/structs.ts";
import { isVectorType } from "../model/types.ts";

/**
 * Empty: all fields. Undeclared keys come along with whatever is named, unless they are to be skipped.
 *
 * @throws 1100 for names that are none, and for lists without the key, the partition key, the clustering key or a vector.
 */
export function loadFieldIds(schema: CollectionSchema, names: readonly string[], skipDynamicField: boolean): bigint[] {
  const dynamic = dynamicField(schema);
  if (names.length === 0) {
    if (!skipDynamicField || dynamic === null) return [];
    return schema.fields.filter((field) => field !== dynamic).map((field) => field.fieldId);
  }
  const fields = new Set(
    names.flatMap((name) => {
      const named = fieldsNamed(schema, name);
      if (named.length > 0) return named;
      throw invalidParameter(`failed to get field schema by name: fieldName(${name}) not found`);
    }),
  );
  const lacks = (what: string): Error =>
    invalidParameter(`load field list [${names.join(" ")}] does not contain ${what}`);
  for (const field of schema.fields) {
    if (fields.has(field)) continue;
    if (field.isPrimaryKey) throw lacks(`primary key field ${field.name}`);
    if (field.isPartitionKey) throw lacks(`partition key field ${field.name}`);
    if (field.isClusteringKey) throw lacks(`clustering key field ${field.name}`);
  }
  if (![...fields].some((field) => isVectorType(field.dataType))) throw lacks("vector field");
  if (dynamic !== null && !skipDynamicField) fields.add(dynamic);
  return [...fields].map((field) => field.fieldId);
}
