/**
 * Arrays of structs as a user declares them: their rules, with Milvus's texts, and the fields that they become.
 *
 * Always true: a struct's sub-fields are null together, so each is nullable iff the struct is.
 */

import { invalidParameter } from "../base/errors.ts";
import type { FieldSchema, StructSchema } from "../model/schema.ts";
import { subFieldName } from "../model/structs.ts";
import { DataType, dataTypeName, isArrayType } from "../model/types.ts";
import { isDenseVectorType } from "../model/vectors.ts";
import { checkArray, checkCapacity, checkDefault, checkDimension, fieldSchema, typeParam } from "./declare-field.ts";
import { checkFieldName } from "./names.ts";
import type { DeclaredField, DeclaredStruct } from "./requests.ts";

export function checkStruct(struct: DeclaredStruct, collection: string): void {
  checkFieldName(struct.name);
  if (struct.fields.length === 0) throw invalidParameter(`struct array field ${struct.name} has no sub-fields`);
  for (const field of struct.fields) checkSubField(field, collection);
  checkCapacities(struct);
  for (const field of struct.fields) {
    if (struct.nullable || !field.nullable) continue;
    throw invalidParameter(
      "sub-field in non-nullable struct cannot be nullable individually, set nullable on the struct instead: " +
        `structName=${struct.name}, subFieldName=${field.name}`,
    );
  }
}

function checkSubField(field: DeclaredField, collection: string): void {
  checkFieldName(field.name);
  const { name, dataType, elementType } = field;
  if (!isArrayType(dataType as DataType)) {
    throw invalidParameter(
      `fields in StructArrayField must be Array or ArrayOfVector, field name = ${name}, field type = ${dataTypeName(dataType)}`,
    );
  }
  const refused = (what: string): Error =>
    invalidParameter(`${what} is not supported for struct field, field name = ${name}`);
  if (field.isPrimaryKey) throw refused("primary key");
  if (field.autoId) throw refused("autoID");
  if (field.isPartitionKey) throw refused("partition key");
  if (field.isClusteringKey) throw refused("clustering key");
  if (elementType === DataType.ArrayOfVector || elementType === DataType.ArrayOfStruct) {
    throw invalidParameter(`nested ${dataTypeName(elementType)} is not supported for field ${name}`);
  }
  if (dataType === DataType.Array) checkArray(field, collection);
  else checkVectors(field, collection);
  checkDefault(field);
}

function checkVectors(field: DeclaredField, collection: string): void {
  if (!isDenseVectorType(field.elementType as DataType)) {
    throw invalidParameter(
      `Unsupported element type ${dataTypeName(field.elementType)} of ArrayOfVector field ${field.name}, ` +
        "only fixed dimension vector types are supported",
    );
  }
  checkDimension({ ...field, dataType: field.elementType });
  checkCapacity(field, collection);
}

function checkCapacities({ name, fields }: DeclaredStruct): void {
  const expected = Number(typeParam(fields[0]!, "max_capacity"));
  for (const field of fields) {
    const capacity = Number(typeParam(field, "max_capacity"));
    if (capacity === expected) continue;
    throw invalidParameter(
      "all sub-fields in struct array field must have the same max_capacity: " +
        `structName=${name}, subFieldName=${field.name}, max_capacity=${capacity}, expected=${expected}`,
    );
  }
}

/** Where a name comes twice; different structs may have sub-fields of the same name. */
export function checkDistinctNames(fields: readonly DeclaredField[], structs: readonly DeclaredStruct[]): void {
  const seen = new Set<string>();
  const take = (name: string): void => {
    if (seen.has(name)) throw invalidParameter(`duplicated field name ${name}`);
    seen.add(name);
  };
  for (const field of fields) take(field.name);
  for (const struct of structs) {
    take(struct.name);
    for (const field of struct.fields) take(subFieldName(struct.name, field.name));
  }
}

/** The struct takes `fieldId`, its sub-fields the ids after it. */
export function structSchema(
  declared: DeclaredStruct,
  fieldId: bigint,
): { readonly struct: StructSchema; readonly fields: readonly FieldSchema[] } {
  const { name, description, nullable, typeParams } = declared;
  const fields = declared.fields.map((field, at) => {
    const stored = { ...field, name: subFieldName(name, field.name), nullable };
    return fieldSchema(stored, fieldId + 1n + BigInt(at), "UTC");
  });
  const fieldIds = fields.map((field) => field.fieldId);
  return { struct: { fieldId, name, description, nullable, typeParams, fieldIds }, fields };
}
