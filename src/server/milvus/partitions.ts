/** Partitions of a collection. */

import { milvusError } from "../../base/errors.ts";
import { physicalMilliseconds } from "../../base/timestamp.ts";
import type { PartitionInfo } from "../../model/schema.ts";
import { LoadState } from "../../model/types.ts";
import { MilvusService, ShowType } from "../wire/generated/milvus_pb.js";
import { type Method, acknowledging, answering, targetOf } from "./method.ts";

const { createPartition, dropPartition, hasPartition, showPartitions, getPartitionStatistics } = MilvusService.method;

export const PARTITIONS: readonly Method[] = [
  acknowledging(createPartition, (request, scope) =>
    scope.proxy.createPartition(targetOf(request, scope), request.partitionName),
  ),

  acknowledging(dropPartition, (request, scope) =>
    scope.proxy.dropPartition(targetOf(request, scope), request.partitionName),
  ),

  answering(hasPartition, async (request, scope) => ({
    value: await scope.proxy.hasPartition(targetOf(request, scope), request.partitionName),
  })),

  answering(showPartitions, async (request, scope) => {
    const { collection, load } = await scope.proxy.describe(targetOf(request, scope), request.collectionID);
    const isLoaded = ({ partitionId }: PartitionInfo): boolean =>
      load !== null && (load.partitionIds === null || load.partitionIds.includes(partitionId));
    const wanted = named(collection.partitions, request.partitionNames);
    const partitions = request.type === ShowType.InMemory ? wanted.filter(isLoaded) : wanted;
    const name = { databaseName: collection.databaseName, collectionName: collection.schema.name };
    const progress = await Promise.all(
      partitions.map(async (partition) => {
        if (!isLoaded(partition)) return 0;
        const { state, progress: percent } = await scope.proxy.loadState(name, [partition.name]);
        return state === LoadState.Loaded ? 100 : percent;
      }),
    );
    return {
      partitionNames: partitions.map((partition) => partition.name),
      partitionIDs: partitions.map(({ partitionId }) => partitionId),
      createdTimestamps: partitions.map(({ createdTimestamp }) => createdTimestamp),
      createdUtcTimestamps: partitions.map(({ createdTimestamp }) => BigInt(physicalMilliseconds(createdTimestamp))),
      inMemoryPercentages: progress.map(BigInt),
    };
  }),

  answering(getPartitionStatistics, async (request, scope) => ({
    stats: [
      {
        key: "row_count",
        value: String(await scope.proxy.rowCount(targetOf(request, scope), request.partitionName)),
      },
    ],
  })),
];

function named(partitions: readonly PartitionInfo[], names: readonly string[]): readonly PartitionInfo[] {
  if (names.length === 0) return partitions;
  return names.map((name) => {
    const partition = partitions.find((candidate) => candidate.name === name);
    if (partition === undefined) throw milvusError("PartitionNotFound", "", { partition: name });
    return partition;
  });
}
