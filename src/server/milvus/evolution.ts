/** How a collection changes: fields that come later, properties of fields and indexes, and all rows gone at once. */

import { MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, acknowledging, answering, targetOf } from "./method.ts";
import { declaredFieldOf } from "./schema.ts";

const service = MilvusService.method;

export const EVOLUTION: readonly Method[] = [
  acknowledging(service.addCollectionField, (request, scope) =>
    scope.proxy.addField(targetOf(request, scope), declaredFieldOf(request.schema)),
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
