/** How a collection changes: fields that come later or go, properties of fields and indexes, and all rows gone at once. */

import { invalidParameter } from "../../base/errors.ts";
import type { Target } from "../../proxy/requests.ts";
import { type AlterCollectionSchemaRequest, MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, type Scope, acknowledging, answering, targetOf, telling } from "./method.ts";
import { declaredField, declaredFieldOf, declaredStruct } from "./schema.ts";

const service = MilvusService.method;

export const EVOLUTION: readonly Method[] = [
  acknowledging(service.addCollectionField, (request, scope) =>
    scope.proxy.addFields(targetOf(request, scope), [
      { field: declaredFieldOf(request.schema), indexName: "", indexParams: [] },
    ]),
  ),

  acknowledging(service.addCollectionStructField, (request, scope) => {
    const struct = request.structArrayFieldSchema;
    if (struct === undefined) throw invalidParameter("no struct field to add");
    return scope.proxy.addStruct(targetOf(request, scope), declaredStruct(struct));
  }),

  telling(
    service.alterCollectionSchema,
    (request, scope) => alterSchema(request, targetOf(request, scope), scope),
    (alterStatus) => ({ alterStatus }),
  ),

  acknowledging(service.alterCollectionField, (request, scope) =>
    scope.proxy.alterField(
      targetOf(request, scope),
      request.fieldName,
      request.properties.map(({ key, value }) => ({ key, value })),
      request.deleteKeys,
    ),
  ),

  acknowledging(service.alterIndex, (request, scope) =>
    scope.proxy.alterIndex(
      targetOf(request, scope),
      request.indexName,
      request.extraParams.map(({ key, value }) => ({ key, value })),
      request.deleteKeys,
    ),
  ),

  answering(service.truncateCollection, async (request, scope) => {
    await scope.proxy.truncateCollection(targetOf(request, scope));
    return {};
  }),
];

async function alterSchema({ action }: AlterCollectionSchemaRequest, target: Target, { proxy }: Scope): Promise<void> {
  switch (action?.op.case) {
    case "addRequest": {
      const { fieldInfos, funcSchema } = action.op.value;
      if (funcSchema.length > 0) throw invalidParameter("functions are not supported yet");
      const fields = fieldInfos.flatMap(({ fieldSchema, indexName, extraParams }) => {
        if (fieldSchema === undefined) return [];
        const indexParams = extraParams.map(({ key, value }) => ({ key, value }));
        return [{ field: declaredField(fieldSchema), indexName, indexParams }];
      });
      if (fields.length === 0) throw invalidParameter("no field or function to add");
      return proxy.addFields(target, fields);
    }
    case "dropRequest": {
      const { identifier } = action.op.value;
      if (identifier.case === "functionName") return proxy.dropFunction(target, identifier.value);
      const fieldId = identifier.case === "fieldId" ? identifier.value : null;
      return proxy.dropField(target, { fieldName: identifier.case === "fieldName" ? identifier.value : "", fieldId });
    }
    default:
      throw invalidParameter("nothing to add and nothing to drop");
  }
}
