/**
 * Changes of a collection's fields.
 *
 * Always true:
 *  - each change of which fields there are raises the schema's version, and every channel has it before the metadata do, so no row comes
 *    with a schema that its channel does not know;
 *  - `$meta`, where there is one, stays the last field; ids are given in the order of the changes, none twice.
 *
 * Not here: fields that go (`field-drops.ts`).
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { CollectionSchema, FieldSchema, KeyValue, StructSchema } from "../model/schema.ts";
import { dynamicField, newDynamicField, nextFieldId } from "../model/schema.ts";
import type { CollectionName, CoordinatorService } from "../rpc/services.ts";
import { CONSISTENCY_LEVEL_KEY } from "../model/types.ts";
import { alteration } from "./alteration.ts";
import type { Context } from "./context.ts";
import { mergeProperties } from "./databases.ts";

const MAX_FIELDS = 64;
/** Rows from before get their default each, in one column a segment. */
const MAX_DEFAULT_COLUMN_BYTES = 1 << 30;
const DESCRIPTION_KEY = "field.description";
const DYNAMIC_KEY = "dynamicfield.enabled";

/** The fields come without ids, and all together; with a `struct`, which has none either, they are its sub-fields. */
export function addFields(
  context: Context,
  request: CollectionName & { readonly fields: readonly FieldSchema[]; readonly struct?: StructSchema },
): Promise<void> {
  return context.broadcaster.run(async () => {
    const collection = context.catalog.collection(request);
    const { schema } = collection;
    const meta = dynamicField(schema);
    const known = schema.fields.filter((field) => field !== meta);
    const { struct } = request;
    const first = nextFieldId(schema) + (struct === undefined ? 0n : 1n);
    const named = [...schema.fields, ...(schema.structs ?? [])];
    if (struct !== undefined && named.some(({ name }) => name === struct.name)) {
      throw invalidParameter(`duplicated field name ${struct.name}`);
    }
    for (const [at, field] of request.fields.entries()) {
      const taken = [...named, ...request.fields.slice(0, at)];
      if (taken.some(({ name }) => name === field.name)) throw invalidParameter(`duplicated field name ${field.name}`);
      if (known.length + at >= MAX_FIELDS) {
        throw invalidParameter(`The number of fields has reached the maximum value ${MAX_FIELDS}`);
      }
      await requireRoomForDefault(context, collection.collectionId, field);
    }
    const added = request.fields.map((field, at) => ({ ...field, fieldId: first + BigInt(at) }));
    const fields = [...known, ...added, ...(meta === null ? [] : [meta])];
    const made = { ...schema, fields, version: schema.version + 1 };
    if (struct === undefined) return alteration(context, collection, { schema: made });
    const fieldIds = added.map(({ fieldId }) => fieldId);
    const structs = [...(schema.structs ?? []), { ...struct, fieldId: first - 1n, fieldIds }];
    return alteration(context, collection, { schema: { ...made, structs } });
  });
}

async function requireRoomForDefault(context: Context, collectionId: bigint, field: FieldSchema): Promise<void> {
  if (typeof field.defaultValue !== "string") return;
  const { segments: growing } = await context.streaming.growingSegments({ collectionId });
  const rows = [...context.catalog.segments(collectionId), ...growing].map(({ rowCount }) => rowCount);
  const most = rows.reduce((left, right) => Math.max(left, right), 0);
  const bytes = Buffer.byteLength(field.defaultValue);
  if (bytes * most <= MAX_DEFAULT_COLUMN_BYTES) return;
  throw invalidParameter(
    `a default value of ${bytes} bytes is too large for a segment that has ${most} rows already, field name = ${field.name}`,
  );
}

/** What a field is like, not which fields there are: nothing that was written becomes different by it. */
export function alterField(context: Context, request: Parameters<CoordinatorService["alterField"]>[0]): Promise<void> {
  return context.broadcaster.run(async () => {
    const collection = context.catalog.collection(request);
    const { schema } = collection;
    const { fieldName, properties, deleteKeys } = request;
    if (!schema.fields.some(({ name }) => name === fieldName)) {
      throw milvusError("FieldNotFound", "", { field: fieldName });
    }
    const given = (wanted: string): string | null => properties.find(({ key }) => key === wanted)?.value ?? null;
    const params = properties.filter(({ key }) => key !== DESCRIPTION_KEY);
    const altered = (field: FieldSchema): FieldSchema => ({
      ...field,
      description: given(DESCRIPTION_KEY) ?? field.description,
      maxLengthBytes: Number(given("max_length") ?? field.maxLengthBytes),
      typeParams: mergeProperties(field.typeParams, params, deleteKeys),
    });
    const fields = schema.fields.map((field) => (field.name === fieldName ? altered(field) : field));
    return alteration(context, collection, { schema: { ...schema, fields } });
  });
}

/** The collection and its schema themselves say the others. */
export function keptProperties(properties: readonly KeyValue[]): readonly KeyValue[] {
  return properties.filter(({ key }) => key !== DYNAMIC_KEY && key !== CONSISTENCY_LEVEL_KEY);
}

/** What altering the property means for the schema: the dynamic field comes or goes, and what it held does not come back. */
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
  if ((wanted === "true") === schema.enableDynamicField) return schema;
  const version = schema.version + 1;
  if (wanted === "true") {
    const fields = [...schema.fields, newDynamicField(nextFieldId(schema))];
    return { ...schema, enableDynamicField: true, fields, version };
  }
  const fields = schema.fields.filter(({ isDynamic }) => !isDynamic);
  return { ...schema, enableDynamicField: false, fields, version, highestFieldId: nextFieldId(schema) - 1n };
}
