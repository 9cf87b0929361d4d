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
  type CollectionSchema,
  type FieldSchema,
  nextFieldId,
  type StructSchema,
  vectorFields,
} from "../model/schema.ts";
import type { CollectionName, DroppedFieldName } from "../rpc/services.ts";
import { alteration } from "./alteration.ts";
import { type Context, putJson } from "./context.ts";
import { indexKey, loadKey } from "./meta-keys.ts";

const SYSTEM_NAMES: ReadonlySet<string> = new Set(["RowID", "Timestamp", "$namespace_id"]);

/** A field, or an array of structs with all its sub-fields. */
interface Dropped {
  readonly fields: readonly FieldSchema[];
  readonly struct: StructSchema | null;
}

export function dropField(context: Context, request: CollectionName & DroppedFieldName): Promise<void> {
  return context.broadcaster.run(async () => {
    const collection = context.catalog.collection(request);
    const { collectionId, schema } = collection;
    const dropped = findDropped(schema, request);
    requireDroppable(collection, dropped);
    const gone = new Set(dropped.fields.map(({ fieldId }) => fieldId));
    const structs = (schema.structs ?? []).filter((struct) => struct !== dropped.struct);
    const altered = await alteration(context, collection, {
      schema: {
        ...schema,
        fields: schema.fields.filter(({ fieldId }) => !gone.has(fieldId)),
        ...(dropped.struct === null ? {} : { structs }),
        version: schema.version + 1,
        highestFieldId: nextFieldId(schema) - 1n,
      },
    });
    return { ...altered, operations: [...altered.operations, ...goneOperations(context, collectionId, gone)] };
  });
}

/** What goes with fields: their indexes, and their place in the load. */
export function goneOperations({ catalog }: Context, collectionId: bigint, gone: ReadonlySet<bigint>): Operation[] {
  const indexes = catalog.indexes(collectionId).filter(({ fieldId }) => gone.has(fieldId));
  const operations: Operation[] = indexes.map(({ indexId }) => ({ delete: indexKey(collectionId, indexId) }));
  const load = catalog.loadConfig(collectionId);
  if (load?.fieldIds.some((fieldId) => gone.has(fieldId)) === true) {
    const fieldIds = load.fieldIds.filter((fieldId) => !gone.has(fieldId));
    operations.push(putJson(loadKey(collectionId), { ...load, fieldIds }));
  }
  return operations;
}

function findDropped(schema: CollectionSchema, { fieldName, fieldId }: DroppedFieldName): Dropped {
  if (fieldId === null && fieldName === "") throw invalidParameter("field name is empty");
  if (fieldId === null && SYSTEM_NAMES.has(fieldName)) throw invalidParameter(`cannot drop system field: ${fieldName}`);
  const isMeant = (field: { readonly name: string; readonly fieldId: bigint }): boolean =>
    fieldId === null ? field.name === fieldName : field.fieldId === fieldId;
  const struct = schema.structs?.find(isMeant);
  if (struct !== undefined) {
    return { fields: schema.fields.filter((field) => struct.fieldIds.includes(field.fieldId)), struct };
  }
  const field = schema.fields.find(isMeant);
  if (field === undefined) throw invalidParameter(`field not found: ${fieldId ?? fieldName}`);
  const parent = schema.structs?.find(({ fieldIds }) => fieldIds.includes(field.fieldId));
  if (parent !== undefined) {
    const sub = field.name.slice(parent.name.length + 1, -1);
    throw invalidParameter(`cannot drop sub-field of struct array field: ${parent.name}.${sub}`);
  }
  return { fields: [field], struct: null };
}

function requireDroppable({ schema, properties }: CollectionInfo, { fields, struct }: Dropped): void {
  const leavesVectors = vectorFields(schema).some((field) => !fields.includes(field));
  if (struct !== null) {
    if (leavesVectors) return;
    throw invalidParameter(
      `cannot drop struct array field ${struct.name}: it would leave no vector field in the collection`,
    );
  }
  const field = fields[0]!;
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
  if (!leavesVectors) throw invalidParameter(`cannot drop the last vector field: ${name}`);
}
