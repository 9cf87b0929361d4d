/** Flush: closing what grows, and whether its files are there. */

import { MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, answering, databaseOf } from "./method.ts";

const { flush, flushAll, getFlushState, getFlushAllState } = MilvusService.method;

export const FLUSHES: readonly Method[] = [
  answering(flush, async (request, scope) => {
    const databaseName = databaseOf(request.dbName, scope);
    const flushed = await scope.proxy.flush(databaseName, request.collectionNames);
    // Keyed by the names that were asked for, which may be aliases.
    const byName = <Value>(pick: (collection: (typeof flushed)[number]) => Value): Record<string, Value> =>
      Object.fromEntries(request.collectionNames.map((name, at) => [name, pick(flushed[at]!)]));
    return {
      dbName: databaseName,
      collSegIDs: byName(({ segmentIds }) => ({ data: [...segmentIds] })),
      flushCollSegIDs: byName(({ flushedSegmentIds }) => ({ data: [...flushedSegmentIds] })),
      collSealTimes: byName(({ sealSeconds }) => sealSeconds),
      collFlushTs: byName(({ flushTimestamp }) => flushTimestamp),
    };
  }),

  answering(getFlushState, async (request, scope) => {
    const { proxy } = scope;
    if (request.segmentIDs.length > 0 && !(await proxy.areSegmentsFlushed(request.segmentIDs))) {
      return { flushed: false };
    }
    if (request.flushTs === 0n || request.collectionName === "") return { flushed: true };
    const target = { databaseName: databaseOf(request.dbName, scope), collectionName: request.collectionName };
    return { flushed: await proxy.isFlushed(target, request.flushTs) };
  }),

  answering(flushAll, async (_request, { proxy }) => ({ flushAllTs: await proxy.flushAll() })),

  answering(getFlushAllState, async (request, { proxy }) => ({
    flushed: await proxy.isEverythingFlushed(request.flushAllTs),
  })),
];
