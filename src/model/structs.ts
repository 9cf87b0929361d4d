/**
 * Arrays of structs and the fields that they are made of.
 *
 * Always true: the stored name of sub-field `b` of struct `a` is `a[b]`, which no other field can have: names of fields have no brackets.
 */

import { present } from "../base/assert.ts";
import { type CollectionSchema, type FieldSchema, type StructSchema, fieldByName } from "./schema.ts";

export function subFieldName(structName: string, name: string): string {
  return `${structName}[${name}]`;
}

/** The name that the sub-field was declared with. */
export function bareName({ name }: Pick<StructSchema, "name">, field: Pick<FieldSchema, "name">): string {
  return field.name.slice(name.length + 1, -1);
}

export function structByName(schema: CollectionSchema, name: string): StructSchema | null {
  return schema.structs?.find((struct) => struct.name === name) ?? null;
}

/** The struct that the field is a part of. */
export function structOfField(schema: CollectionSchema, fieldId: bigint): StructSchema | null {
  return schema.structs?.find(({ fieldIds }) => fieldIds.includes(fieldId)) ?? null;
}

export function subFields(schema: CollectionSchema, struct: StructSchema): FieldSchema[] {
  return struct.fieldIds.map((fieldId) =>
    present(
      schema.fields.find((field) => field.fieldId === fieldId),
      "a sub-field is a field of the schema",
    ),
  );
}

/** What a name stands for: a field, or all sub-fields of a struct; none: nothing has this name. */
export function fieldsNamed(schema: CollectionSchema, name: string): readonly FieldSchema[] {
  const field = fieldByName(schema, name);
  if (field !== null) return [field];
  const struct = structByName(schema, name);
  return struct === null ? [] : subFields(schema, struct);
}
