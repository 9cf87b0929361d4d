/** Compactions that are asked for, and how they stand. */

import { milvusError } from "../../base/errors.ts";
import { CompactionState } from "../wire/generated/common_pb.js";
import { MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, answering, databaseOf } from "./method.ts";

const { manualCompaction, getCompactionState, getCompactionStateWithPlans } = MilvusService.method;

/** Clients give sizes in these. */
const MEBIBYTE = 1024 * 1024;
/** As in Milvus: a plan without a result, or without one yet. */
const NO_TARGET = -1n;

export const COMPACTION: readonly Method[] = [
  answering(manualCompaction, async (request, scope) => {
    const target = {
      databaseName: databaseOf(request.dbName, scope),
      collectionName: request.collectionName,
      collectionId: request.collectionID,
    };
    if (request.majorCompaction) {
      const { collection } = await scope.proxy.describe(target);
      const hasKey = collection.schema.fields.some(({ isClusteringKey }) => isClusteringKey);
      throw milvusError(hasKey ? "ClusteringCompactionClusterNotSupport" : "ClusteringCompactionCollectionNotSupport");
    }
    const { compactionId, planCount } = await scope.proxy.compact(target, {
      onlyDeletes: request.l0Compaction,
      partitionId: request.partitionId === 0n ? null : request.partitionId,
      virtualChannel: request.channel === "" ? null : request.channel,
      segmentIds: request.segmentIds.length === 0 ? null : request.segmentIds,
      targetBytes: request.targetSize <= 0n ? null : Number(request.targetSize) * MEBIBYTE,
    });
    return { compactionID: compactionId, compactionPlanCount: planCount };
  }),

  answering(getCompactionState, async (request, { proxy }) => {
    const progress = await proxy.compactionProgress(request.compactionID);
    return {
      state: progress.isCompleted ? CompactionState.Completed : CompactionState.Executing,
      executingPlanNo: BigInt(progress.executing),
      timeoutPlanNo: BigInt(progress.timedOut),
      completedPlanNo: BigInt(progress.completed),
      failedPlanNo: BigInt(progress.failed),
    };
  }),

  answering(getCompactionStateWithPlans, async (request, { proxy }) => {
    const progress = await proxy.compactionProgress(request.compactionID);
    return {
      state: progress.isCompleted ? CompactionState.Completed : CompactionState.Executing,
      mergeInfos: progress.merges.map(({ sources, target }) => ({
        sources: [...sources],
        target: target ?? NO_TARGET,
      })),
    };
  }),
];
