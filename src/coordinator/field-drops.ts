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
import { type CollectionInfo, type FieldSchema, nextFieldId, vectorFields } from "../model/schema.ts";
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
    const dropped = findField(collection, request);
    requireDroppable(collection, dropped);
    const { fieldId } = dropped;
    const altered = await alteration(context, collection, {
      schema: {
        ...schema,
        fields: schema.fields.filter((field) => field !== dropped),
        version: schema.version + 1,
        highestFieldId: nextFieldId(schema) - 1n,
      },
    });
    const indexes = catalog.indexes(collectionId).filter((index) => index.fieldId === fieldId);
    const operations: Operation[] = indexes.map(({ indexId }) => ({ delete: indexKey(collectionId, indexId) }));
    const load = catalog.loadConfig(collectionId);
    if (load?.fieldIds.includes(fieldId) === true) {
      const fieldIds = load.fieldIds.filter((loaded) => loaded !== fieldId);
      operations.push(putJson(loadKey(collectionId), { ...load, fieldIds }));
    }
    return { ...altered, operations: [...altered.operations, ...operations] };
  });
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

function requireDroppable({ schema, properties }: CollectionInfo, field: FieldSchema): void {
  const { name } = field;
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
  if (isVectorType(field.dataType) && vectorFields(schema).length === 1) {
    throw invalidParameter(`cannot drop the last vector field: ${name}`);
  }
}
