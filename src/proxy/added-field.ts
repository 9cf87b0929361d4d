/**
 * A field that a collection gets after it was made: what it may be, with Milvus's texts. Rows that are there already get its default, or
 * null, so it must be nullable.
 */

import { invalidParameter } from "../base/errors.ts";
import {
  type CollectionSchema,
  DYNAMIC_FIELD_NAME,
  type FieldSchema,
  type KeyValue,
  vectorFields,
} from "../model/schema.ts";
import { type DataType, isVectorType } from "../model/types.ts";
import { timeZoneOf } from "../model/timestamptz.ts";
import { buildParams } from "../index/parameters.ts";
import type { ProxyContext } from "./context.ts";
import { checkField, fieldSchema } from "./declare-field.ts";
import { MAX_FIELDS, MAX_VECTOR_FIELDS } from "./declare.ts";
import { createIndex } from "./indexes.ts";
import type { DeclaredField, Target } from "./requests.ts";

export const SYSTEM_NAMES: ReadonlySet<string> = new Set(["RowID", "Timestamp", DYNAMIC_FIELD_NAME, "$namespace_id"]);

/** A field, and the index that it is to have; without parameters it has none. */
export interface AddedField {
  readonly field: DeclaredField;
  readonly indexName: string;
  readonly indexParams: readonly KeyValue[];
}

/** All of them, or none. */
export async function addFields(context: ProxyContext, target: Target, added: readonly AddedField[]): Promise<void> {
  const { schema, properties } = await context.describe(target);
  let grown = schema;
  for (const { field, indexParams } of added) {
    const declared = declareAddedField(field, grown, timeZoneOf(properties));
    if (indexParams.length > 0) buildParams(declared, indexParams);
    grown = { ...grown, fields: [...grown.fields, declared] };
  }
  await context.coordinator.addFields({ ...target, fields: grown.fields.slice(schema.fields.length) });
  for (const { field, indexName, indexParams } of added) {
    if (indexParams.length > 0) await createIndex(context, target, field.name, indexName, indexParams);
  }
}

/** No collection has functions yet. */
export async function dropFunction({ describe }: ProxyContext, target: Target, functionName: string): Promise<void> {
  await describe(target);
  throw invalidParameter(functionName === "" ? "function name is empty" : `function not found: ${functionName}`);
}

/** The field without an id: that is given where the collection is changed, together with the check that the name is free. */
function declareAddedField(field: DeclaredField, schema: CollectionSchema, zone: string): FieldSchema {
  const { name } = field;
  if (schema.fields.filter(({ isDynamic }) => !isDynamic).length >= MAX_FIELDS) {
    throw invalidParameter(`The number of fields has reached the maximum value ${MAX_FIELDS}`);
  }
  if (isVectorType(field.dataType as DataType) && vectorFields(schema).length >= MAX_VECTOR_FIELDS) {
    throw invalidParameter(`maximum vector field's number should be limited to ${MAX_VECTOR_FIELDS}`);
  }
  if (SYSTEM_NAMES.has(name)) throw invalidParameter(`not support to add system field, field name = ${name}`);
  if (field.isPrimaryKey) throw invalidParameter(`not support to add pk field, field name = ${name}`);
  if (field.autoId) {
    throw invalidParameter(`only primary field can speficy AutoID with true, field name = ${name}`);
  }
  if (field.isPartitionKey) throw invalidParameter(`not support to add partition key field, field name  = ${name}`);
  if (!field.nullable) throw invalidParameter(`added field must be nullable, please check it, field name = ${name}`);
  if (field.isClusteringKey) {
    const known = schema.fields.find(({ isClusteringKey }) => isClusteringKey);
    if (known !== undefined) {
      throw invalidParameter(`already has another clustering key field, field name: ${known.name}`);
    }
  }
  if (field.isFunctionOutput) throw invalidParameter("functions are not supported yet");
  checkField(field, schema.name);
  return fieldSchema(field, 0n, zone);
}
