/**
 * The part of a schema that rows of a partial update are about: the key, and the fields that they name.
 *
 * Always true: every row names the same declared fields, because one update changes the same columns of all its rows. Keys of the
 * dynamic field may differ from row to row.
 */

import { invalidParameter } from "../base/errors.ts";
import { type CollectionSchema, type FieldSchema, dynamicField, primaryKeyField } from "../model/schema.ts";
import { structOfField } from "../model/structs.ts";

/** @throws 1100 with the row that names other fields than the first one. */
export function updatedSchema(schema: CollectionSchema, rows: readonly object[]): CollectionSchema {
  const { structs = [] } = schema;
  const isPlain = (field: FieldSchema): boolean => !field.isDynamic && structOfField(schema, field.fieldId) === null;
  const declared = [...schema.fields.filter(isPlain), ...structs].map(({ name }) => name);
  const first = namedIn(rows[0], declared);
  let hasUndeclared = false;
  for (const [row, values] of rows.entries()) {
    const named = namedIn(values, declared);
    const other = declared.find((name) => named.has(name) !== first.has(name));
    if (other !== undefined) {
      const [with_, without] = named.has(other) ? [row, 0] : [0, row];
      throw invalidParameter(
        `a partial update changes the same fields of all its rows, but row ${with_} has ${other} and row ${without} has not`,
      );
    }
    hasUndeclared ||= Object.keys(values ?? {}).length > named.size;
  }
  const key = primaryKeyField(schema);
  const meta = dynamicField(schema);
  const isMeant = (name: string): boolean =>
    first.has(name) || name === key.name || (name === meta?.name && hasUndeclared);
  const named = structs.filter((struct) => first.has(struct.name));
  const isPart = ({ fieldId }: FieldSchema): boolean => named.some(({ fieldIds }) => fieldIds.includes(fieldId));
  return { ...schema, fields: schema.fields.filter((field) => isMeant(field.name) || isPart(field)), structs: named };
}

/** Undefined counts as not named; null is a value. */
function namedIn(row: object | null | undefined, declared: readonly string[]): Set<string> {
  const values = (row ?? {}) as Record<string, unknown>;
  return new Set(declared.filter((name) => Object.hasOwn(values, name) && values[name] !== undefined));
}
