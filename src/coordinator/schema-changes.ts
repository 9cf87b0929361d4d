/**
 * Changes of a collection's fields.
 *
 * Always true:
 *  - each raises the schema's version, and every channel has the change before the metadata do, so no row comes with a schema that its
 *    channel does not know;
 *  - `$meta`, where there is one, stays the last field; ids are given in the order of the changes, none twice.
 */

import { invalidParameter } from "../base/errors.ts";
import type { CollectionSchema, FieldSchema, KeyValue } from "../model/schema.ts";
import { dynamicField, newDynamicField, nextFieldId } from "../model/schema.ts";
import type { CollectionName } from "../rpc/services.ts";
import { alteration } from "./alteration.ts";
import type { Context } from "./context.ts";

const MAX_FIELDS = 64;
const DYNAMIC_KEY = "dynamicfield.enabled";

/** The field comes without an id. */
export function addField(context: Context, request: CollectionName & { readonly field: FieldSchema }): Promise<void> {
  return context.broadcaster.run(async () => {
    const collection = context.catalog.collection(request);
    const { schema } = collection;
    const { name } = request.field;
    if (schema.fields.some((field) => field.name === name)) throw invalidParameter(`duplicated field name ${name}`);
    const meta = dynamicField(schema);
    const known = schema.fields.filter((field) => field !== meta);
    if (known.length >= MAX_FIELDS) {
      throw invalidParameter(`The number of fields has reached the maximum value ${MAX_FIELDS}`);
    }
    const added = { ...request.field, fieldId: nextFieldId(schema) };
    const fields = [...known, added, ...(meta === null ? [] : [meta])];
    return alteration(context, collection, { schema: { ...schema, fields, version: schema.version + 1 } });
  });
}

/** The schema itself says whether it has the dynamic field. */
export function keptProperties(properties: readonly KeyValue[]): readonly KeyValue[] {
  return properties.filter(({ key }) => key !== DYNAMIC_KEY);
}

/** What altering the property means for the schema: it can be switched on, and stays on. */
export function withDynamicField(
  schema: CollectionSchema,
  properties: readonly KeyValue[],
  deleteKeys: readonly string[],
): CollectionSchema {
  if (deleteKeys.includes(DYNAMIC_KEY)) throw invalidParameter(`cannot delete key ${DYNAMIC_KEY}`);
  const wanted = properties.find(({ key }) => key === DYNAMIC_KEY)?.value.toLowerCase();
  if (wanted === undefined) return schema;
  if (wanted !== "true" && wanted !== "false") {
    throw invalidParameter(`invalid dynamic schema property value: ${wanted}`);
  }
  if (wanted === "false") {
    if (schema.enableDynamicField) throw invalidParameter("dynamic schema cannot supported to be disabled");
    return schema;
  }
  if (schema.enableDynamicField) return schema;
  return {
    ...schema,
    enableDynamicField: true,
    fields: [...schema.fields, newDynamicField(nextFieldId(schema))],
    version: schema.version + 1,
  };
}
