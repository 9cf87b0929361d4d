/**
 * Arrays of structs as they were sent, taken apart into the fields that they are stored as, with Milvus's texts.
 *
 * Always true of the result: no struct is left; the sub-fields of each have the same rows, present or not, and in each as many elements.
 * A struct of which nothing was sent is left out, as if it had not been named.
 */

import { invalidParameter } from "../base/errors.ts";
import { type CollectionSchema, type FieldSchema, type StructSchema, fieldByName } from "../model/schema.ts";
import { bareName, structByName, structOfField, subFieldName, subFields } from "../model/structs.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { vectorStride } from "../model/vectors.ts";
import type { InputField } from "./requests.ts";

/** `structs`: those that must be there unless they are nullable. */
export function withoutStructs(
  schema: CollectionSchema,
  fields: readonly InputField[],
  structs: readonly StructSchema[] = schema.structs ?? [],
): readonly InputField[] {
  if (schema.structs === undefined && fields.every(({ subFields: own }) => own === undefined)) return fields;
  const seen = new Set<string>();
  const flat = fields.flatMap((field) => {
    const struct = structByName(schema, field.fieldName);
    if (struct === null) {
      checkIsWhole(schema, field);
      return [field];
    }
    if (seen.has(struct.name)) throw invalidParameter(`duplicated column ${struct.name} found`);
    seen.add(struct.name);
    return takenApart(schema, struct, field);
  });
  const missing = structs.find(({ name, nullable }) => !nullable && !seen.has(name));
  if (missing === undefined) return flat;
  throw invalidParameter(`required struct array field '${missing.name}' is missing in insert data`);
}

/** The sub-fields of a struct come together or not at all. */
function checkIsWhole(schema: CollectionSchema, { fieldName, type }: InputField): void {
  const field = fieldByName(schema, fieldName);
  if (field === null || structOfField(schema, field.fieldId) === null) return;
  throw invalidParameter(
    `fieldName ${fieldName} not exist in collection schema, fieldType ${dataTypeName(type)}, fieldId 0`,
  );
}

function takenApart(schema: CollectionSchema, struct: StructSchema, sent: InputField): readonly InputField[] {
  const { name } = struct;
  const parts = sent.subFields;
  if (parts === undefined) {
    throw invalidParameter(
      `field convert FieldData_StructArrays fail in fieldData, fieldName: ${name}, collectionName:${schema.name}`,
    );
  }
  const declared = subFields(schema, struct);
  if (parts.length !== declared.length) {
    throw invalidParameter(
      `length of fields of struct field mismatch length of the fields in schema, fieldName: ${name}, ` +
        `collectionName:${schema.name}, fieldData fields length:${parts.length}, schema fields length:${declared.length}`,
    );
  }
  if (!checkPresence(struct, parts)) return [];
  if (struct.nullable) checkValidity(name, parts);
  const byName = new Map(declared.map((field) => [bareName(struct, field), field]));
  const counted = parts.map((part) => {
    const field = byName.get(part.fieldName) ?? declared.find((candidate) => candidate.name === part.fieldName);
    if (field === undefined) {
      throw invalidParameter(`sub-field '${part.fieldName}' not found in struct schema '${name}'`);
    }
    return { part, ends: elementEnds(name, field, part) };
  });
  checkRows(name, counted);
  return parts.map((part) =>
    part.fieldName.startsWith(`${name}[`) ? part : { ...part, fieldName: subFieldName(name, part.fieldName) },
  );
}

/** False: nothing was sent for any row. */
function checkPresence({ name }: StructSchema, parts: readonly InputField[]): boolean {
  const present = parts.filter(({ rowCount }) => rowCount > 0).length;
  if (present === parts.length) return true;
  if (present > 0) {
    throw invalidParameter(
      `inconsistent sub-field data in struct '${name}': ${present} of ${parts.length} sub-fields have data, ` +
        "all must be present or all absent",
    );
  }
  for (const { fieldName, valid } of parts) {
    const row = valid?.findIndex((flag) => flag !== 0) ?? -1;
    if (row < 0) continue;
    throw invalidParameter(
      `sub-field '${fieldName}' in struct '${name}' claims row ${row} is valid but no payload is provided`,
    );
  }
  return false;
}

function checkValidity(name: string, parts: readonly InputField[]): void {
  const [first, ...others] = parts.map(({ fieldName, valid }) => ({ fieldName, valid: valid ?? new Uint8Array() }));
  for (const other of others) {
    if (other.valid.length !== first!.valid.length) {
      throw invalidParameter(
        `sub-field ValidData length mismatch in struct '${name}': '${first!.fieldName}' has ${first!.valid.length}, ` +
          `'${other.fieldName}' has ${other.valid.length}`,
      );
    }
    const row = other.valid.findIndex((flag, at) => (flag === 0) !== (first!.valid[at] === 0));
    if (row < 0) continue;
    throw invalidParameter(
      `sub-field ValidData mismatch in struct '${name}' at row ${row}: ` +
        `'${first!.fieldName}'=${first!.valid[row] !== 0}, '${other.fieldName}'=${other.valid[row] !== 0}`,
    );
  }
}

interface Ends {
  readonly offsets: Uint32Array;
  /** Entries of an element. */
  readonly width: number;
}

function elementEnds(struct: string, field: FieldSchema, { column, fieldName }: InputField): Ends {
  const isVectors = field.dataType === DataType.ArrayOfVector;
  if (isVectors && column?.kind === "vectors") {
    return { offsets: column.offsets, width: vectorStride(field.elementType, field.dimension) };
  }
  if (!isVectors && column?.kind === "array") return { offsets: column.offsets, width: 1 };
  const what = isVectors ? "vector" : "scalar";
  throw invalidParameter(`${what} array data is nil in struct field '${struct}', sub-field '${fieldName}'`);
}

function checkRows(struct: string, counted: readonly { readonly part: InputField; readonly ends: Ends }[]): void {
  const first = counted[0]!;
  const { rowCount } = first.part;
  for (const { part } of counted) {
    if (part.rowCount === rowCount) continue;
    throw invalidParameter(
      `inconsistent array length in struct field '${struct}': expected ${rowCount}, got ${part.rowCount} for sub-field '${part.fieldName}'`,
    );
  }
  for (const { part, ends } of counted) {
    for (let row = 0; row < rowCount; row += 1) {
      const entries = ends.offsets[row + 1]! - ends.offsets[row]!;
      if (entries % ends.width !== 0) {
        throw invalidParameter(
          `struct '${struct}' row ${row} sub-field '${part.fieldName}': ` +
            `payload length ${entries} is not divisible by vector width ${ends.width}`,
        );
      }
      const wanted = (first.ends.offsets[row + 1]! - first.ends.offsets[row]!) / first.ends.width;
      const count = entries / ends.width;
      if (count === wanted) continue;
      throw invalidParameter(
        `inconsistent struct element count in struct '${struct}' at row ${row}: ` +
          `'${first.part.fieldName}' has ${wanted}, '${part.fieldName}' has ${count}`,
      );
    }
  }
}
