/**
 * A field that a collection is to have no longer: whether it may go, and what goes with it.
 *
 * Always true:
 *  - its name is free at once, its id never again, so that what files still have of it comes back under no name;
 *  - its indexes and its place in the load go in the transaction that takes it out of the schema.
 */

import { invalidParameter } from "../base/errors.ts";
import type { Operation } from "../metastore/metastore.ts";
import { TTL_FIELD_KEY } from "../model/expiry.ts";
import {
  type CollectionInfo,
  type FieldSchema,
  type StructSchema,
  nextFieldId,
  vectorFields,
} from "../model/schema.ts";
import { structOfField, subFields } from "../model/structs.ts";
import { isVectorType } from "../model/types.ts";
import type { CollectionName, DroppedFieldName } from "../rpc/services.ts";
import { alteration } from "./alteration.ts";
import { type Context, putJson } from "./context.ts";
import { indexKey, loadKey } from "./meta-keys.ts";

const SYSTEM_NAMES: ReadonlySet<string> = new Set(["RowID", "Timestamp", "$namespace_id"]);

export function dropField(context: Context, request: CollectionName & DroppedFieldName): Promise<void> {
  return context.broadcaster.run(async () => {
    const { catalog } = context;
    const collection = catalog.collection(request);
    const { collectionId, schema } = collection;
    const struct = findStruct(collection, request);
    const dropped = struct === null ? [findField(collection, request)] : subFields(schema, struct);
    for (const field of dropped) requireDroppable(collection, field, dropped, struct !== null);
    const isDropped = (fieldId: bigint): boolean => dropped.some((field) => field.fieldId === fieldId);
    const structs = schema.structs?.filter((kept) => kept !== struct) ?? [];
    const { structs: _, ...rest } = schema;
    const altered = await alteration(context, collection, {
      schema: {
        ...rest,
        fields: schema.fields.filter(({ fieldId }) => !isDropped(fieldId)),
        ...(structs.length === 0 ? {} : { structs }),
        version: schema.version + 1,
        highestFieldId: nextFieldId(schema) - 1n,
      },
    });
    const indexes = catalog.indexes(collectionId).filter(({ fieldId }) => isDropped(fieldId));
    const operations: Operation[] = indexes.map(({ indexId }) => ({ delete: indexKey(collectionId, indexId) }));
    const load = catalog.loadConfig(collectionId);
    if (load?.fieldIds.some(isDropped) === true) {
      const fieldIds = load.fieldIds.filter((loaded) => !isDropped(loaded));
      operations.push(putJson(loadKey(collectionId), { ...load, fieldIds }));
    }
    return { ...altered, operations: [...altered.operations, ...operations] };
  });
}

/** An array of structs goes as a whole. */
function findStruct({ schema }: CollectionInfo, { fieldName, fieldId }: DroppedFieldName): StructSchema | null {
  const found = schema.structs?.find((struct) =>
    fieldId === null ? struct.name === fieldName : struct.fieldId === fieldId,
  );
  return found ?? null;
}

function findField({ schema }: CollectionInfo, { fieldName, fieldId }: DroppedFieldName): FieldSchema {
  if (fieldId === null && fieldName === "") throw invalidParameter("field name is empty");
  if (fieldId === null && SYSTEM_NAMES.has(fieldName)) throw invalidParameter(`cannot drop system field: ${fieldName}`);
  const found = schema.fields.find((field) =>
    fieldId === null ? field.name === fieldName : field.fieldId === fieldId,
  );
  if (found === undefined) throw invalidParameter(`field not found: ${fieldId ?? fieldName}`);
  return found;
}

/** `all`: what goes together; `isWhole`: as all of a struct. */
function requireDroppable(
  { schema, properties }: CollectionInfo,
  field: FieldSchema,
  all: readonly FieldSchema[],
  isWhole: boolean,
): void {
  const { name } = field;
  const struct = structOfField(schema, field.fieldId);
  if (struct !== null && !isWhole) {
    throw invalidParameter(`cannot drop sub-field ${name}, drop the struct field ${struct.name} instead`);
  }
  if (field.isPrimaryKey) throw invalidParameter(`cannot drop primary key field: ${name}`);
  if (field.isPartitionKey) throw invalidParameter(`cannot drop partition key field: ${name}`);
  if (field.isClusteringKey) throw invalidParameter(`cannot drop clustering key field: ${name}`);
  if (field.isDynamic) {
    throw invalidParameter(`cannot drop dynamic field: ${name}, use AlterCollection to disable dynamic schema instead`);
  }
  const naming = properties.find(({ key, value }) => key === TTL_FIELD_KEY && value === name);
  if (naming !== undefined) {
    throw invalidParameter(
      `cannot drop field ${name} because it is referenced by collection property ${naming.key}, drop the property first`,
    );
  }
  const left = vectorFields(schema).filter((vector) => !all.includes(vector));
  if (isVectorType(field.dataType) && left.length === 0) {
    throw invalidParameter(`cannot drop the last vector field: ${name}`);
  }
}
