/** Segments, as tools look at them: in files, and in memory for reads. */

import { SegmentLevel, SegmentState } from "../wire/generated/common_pb.js";
import { MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, answering, targetOf } from "./method.ts";

const { getPersistentSegmentInfo, getQuerySegmentInfo } = MilvusService.method;

export const SEGMENTS: readonly Method[] = [
  answering(getPersistentSegmentInfo, async (request, scope) => {
    const { collection } = await scope.proxy.describe(targetOf(request, scope));
    const segments = await scope.proxy.flushedSegments(collection);
    return {
      infos: segments.map((segment) => ({
        segmentID: segment.segmentId,
        collectionID: segment.collectionId,
        partitionID: segment.partitionId,
        numRows: BigInt(segment.rowCount),
        state: segment.state as number as SegmentState,
        level: segment.level as number as SegmentLevel,
        isSorted: segment.level !== SegmentLevel.L0,
        storageVersion: BigInt(segment.storageVersion),
      })),
    };
  }),

  answering(getQuerySegmentInfo, async (request, scope) => {
    const { proxy } = scope;
    const { collection, load, indexes } = await scope.proxy.describe(targetOf(request, scope));
    if (load === null) return { infos: [] };
    const inMemory = await proxy.loadedSegments();
    const flushed = await proxy.flushedSegments(collection);
    // Until a merged segment has its indexes, those that it was made of serve.
    const serving = flushed.flatMap((segment) => {
      const own = inMemory.get(segment.segmentId);
      const parents = (segment.compactedFrom ?? []).flatMap((segmentId) => inMemory.get(segmentId) ?? []);
      return (own === undefined ? parents : [own]).map((loaded) => ({ segment, loaded }));
    });
    const sealed = serving.flatMap(({ segment, loaded }) => {
      const [open] = loaded.indexes;
      const index = indexes.find(({ indexId }) => indexId === open?.indexId);
      return [
        {
          ...(index === undefined ? {} : { indexName: index.indexName, indexID: index.indexId }),
          segmentID: loaded.segmentId,
          collectionID: segment.collectionId,
          partitionID: segment.partitionId,
          memSize: BigInt(loaded.memoryBytes),
          numRows: BigInt(loaded.rowCount),
          state: SegmentState.Sealed,
          level: segment.level as number as SegmentLevel,
          isSorted: true,
          storageVersion: BigInt(segment.storageVersion),
        },
      ];
    });
    const known = new Set(flushed.map(({ segmentId }) => segmentId));
    const growing = (await proxy.growingSegments(collection))
      .filter(({ segmentId, partitionId }) => {
        const isServed = load.partitionIds === null || load.partitionIds.includes(partitionId);
        return isServed && !known.has(segmentId);
      })
      .map((segment) => ({
        segmentID: segment.segmentId,
        collectionID: segment.collectionId,
        partitionID: segment.partitionId,
        memSize: BigInt(segment.memoryBytes),
        numRows: BigInt(segment.rowCount),
        state: SegmentState.Growing,
        level: SegmentLevel.L1,
      }));
    return { infos: [...sealed, ...growing] };
  }),
];
