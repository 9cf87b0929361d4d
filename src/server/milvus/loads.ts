/** Loading collections and partitions for reads, releasing them, and how far a load is. */

import { milvusError } from "../../base/errors.ts";
import { LoadState } from "../wire/generated/common_pb.js";
import { MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, acknowledging, answering, targetOf } from "./method.ts";

const service = MilvusService.method;
const DEFAULT_RESOURCE_GROUP = "__default_resource_group";

export const LOADS: readonly Method[] = [
  acknowledging(service.loadCollection, async (request, scope) => {
    checkResourceGroups(request.resourceGroups);
    await scope.proxy.loadCollection(targetOf(request, scope), {
      replicaNumber: request.replicaNumber,
      fieldNames: request.loadFields,
      skipDynamicField: request.skipLoadDynamicField,
      partitionNames: null,
    });
  }),

  acknowledging(service.releaseCollection, (request, scope) =>
    scope.proxy.releaseCollection(targetOf(request, scope), null),
  ),

  acknowledging(service.loadPartitions, async (request, scope) => {
    checkResourceGroups(request.resourceGroups);
    await scope.proxy.loadCollection(targetOf(request, scope), {
      replicaNumber: request.replicaNumber,
      fieldNames: request.loadFields,
      skipDynamicField: request.skipLoadDynamicField,
      partitionNames: request.partitionNames,
    });
  }),

  acknowledging(service.releasePartitions, (request, scope) =>
    scope.proxy.releaseCollection(targetOf(request, scope), request.partitionNames),
  ),

  answering(service.getLoadState, async (request, scope) => {
    const { state } = await scope.proxy.loadState(targetOf(request, scope), request.partitionNames);
    return { state: state as LoadState };
  }),

  answering(service.getLoadingProgress, async (request, scope) => {
    const progress = BigInt(await scope.proxy.loadProgress(targetOf(request, scope), request.partitionNames));
    // A refresh has nothing to fetch: targets follow every flush by themselves.
    return { progress, refreshProgress: progress };
  }),
];

function checkResourceGroups(names: readonly string[]): void {
  const unknown = names.find((name) => name !== DEFAULT_RESOURCE_GROUP);
  if (unknown !== undefined) throw milvusError("ResourceGroupNotFound", "", { rg: unknown });
}
