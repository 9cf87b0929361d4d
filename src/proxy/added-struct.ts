/** An array of structs that a collection gets after it was made: rows that are there already have null in it. */

import { invalidParameter } from "../base/errors.ts";
import { vectorFields } from "../model/schema.ts";
import { isVectorType } from "../model/types.ts";
import { SYSTEM_NAMES } from "./added-field.ts";
import type { ProxyContext } from "./context.ts";
import { checkDistinctNames, checkStruct, structSchema } from "./declare-structs.ts";
import { MAX_FIELDS, MAX_VECTOR_FIELDS } from "./declare.ts";
import type { DeclaredStruct, Target } from "./requests.ts";

export async function addStruct(context: ProxyContext, target: Target, declared: DeclaredStruct): Promise<void> {
  const { schema } = await context.describe(target);
  const { name } = declared;
  if (SYSTEM_NAMES.has(name)) throw invalidParameter(`not support to add system field, field name = ${name}`);
  if (!declared.nullable) throw invalidParameter(`added field must be nullable, please check it, field name = ${name}`);
  checkStruct(declared, schema.name);
  checkDistinctNames([], [declared]);
  const { struct, fields } = structSchema(declared, 0n);
  if (schema.fields.filter(({ isDynamic }) => !isDynamic).length + fields.length > MAX_FIELDS) {
    throw invalidParameter(`The number of fields has reached the maximum value ${MAX_FIELDS}`);
  }
  const vectors = fields.filter(({ dataType }) => isVectorType(dataType)).length;
  if (vectorFields(schema).length + vectors > MAX_VECTOR_FIELDS) {
    throw invalidParameter(`maximum vector field's number should be limited to ${MAX_VECTOR_FIELDS}`);
  }
  await context.coordinator.addFields({ ...target, struct, fields });
}
