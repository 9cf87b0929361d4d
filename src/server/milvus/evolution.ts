/** How a collection changes: fields that come later, and all rows gone at once. */

import { MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, acknowledging, answering, targetOf } from "./method.ts";
import { declaredFieldOf } from "./schema.ts";

const service = MilvusService.method;

export const EVOLUTION: readonly Method[] = [
  acknowledging(service.addCollectionField, (request, scope) =>
    scope.proxy.addField(targetOf(request, scope), declaredFieldOf(request.schema)),
  ),

  answering(service.truncateCollection, async (request, scope) => {
    await scope.proxy.truncateCollection(targetOf(request, scope));
    return {};
  }),
];
