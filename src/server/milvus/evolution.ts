/** How a collection changes: fields that come later. */

import { MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, acknowledging, targetOf } from "./method.ts";
import { declaredFieldOf } from "./schema.ts";

const service = MilvusService.method;

export const EVOLUTION: readonly Method[] = [
  acknowledging(service.addCollectionField, (request, scope) =>
    scope.proxy.addField(targetOf(request, scope), declaredFieldOf(request.schema)),
  ),
];
