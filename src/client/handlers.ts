/**
 * How the engine's thread carries out each call: what the proxy offers, and the waiting that a client would otherwise do by asking again.
 */

import { asMilvusError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { Target } from "../proxy/requests.ts";
import { LoadState, SegmentLevel } from "../model/types.ts";
import type { Answer, Argument, CallName } from "./calls.ts";

type Handlers = {
  readonly [Name in CallName]: (engine: Engine, argument: Argument<Name>, signal: AbortSignal) => Promise<Answer<Name>>;
};

const FIRST_PAUSE_MILLISECONDS = 1;
const LONGEST_PAUSE_MILLISECONDS = 50;
const FULL_PROGRESS = 100;

export const HANDLERS: Handlers = {
  async createCollection(engine, { create, indexes, load }, signal) {
    const { proxy } = engine;
    const target: Target = create;
    await proxy.createCollection(create);
    try {
      for (const index of indexes) await proxy.createIndex(target, index.fieldName, index.indexName, index.params);
      if (load) await loaded(engine, target, null, signal);
    } catch (error) {
      // All or nothing: a collection whose indexes were refused would only be in the way of the next attempt.
      await proxy.dropCollection(target).catch(() => undefined);
      throw error;
    }
  },
  dropCollection: ({ proxy }, target) => proxy.dropCollection(target),
  renameCollection: ({ proxy }, request) => proxy.renameCollection(request, request.newName, ""),
  hasCollection: ({ proxy }, target) => proxy.hasCollection(target),
  async listCollections({ proxy }, { databaseName }) {
    const shown = await proxy.showCollections(databaseName);
    return shown.map(({ collection }) => collection.schema.name).toSorted();
  },
  async describeCollection({ proxy }, target) {
    const described = await proxy.describeCollection(target);
    const { state } = await proxy.loadState(target, []);
    return { ...described, isLoaded: state === LoadState.Loaded };
  },
  createIndex: ({ proxy }, { fieldName, indexName, params, ...target }) =>
    proxy.createIndex(target, fieldName, indexName, params),
  dropIndex: ({ proxy }, request) => proxy.dropIndex(request, request.indexName),
  loadCollection: (engine, { partitionNames, ...target }, signal) => loaded(engine, target, partitionNames, signal),
  releaseCollection: ({ proxy }, request) => proxy.releaseCollection(request, request.partitionNames),
  createPartition: ({ proxy }, request) => proxy.createPartition(request, request.partitionName),
  dropPartition: ({ proxy }, request) => proxy.dropPartition(request, request.partitionName),
  createAlias: ({ proxy }, request) => proxy.createAlias(request, request.alias),
  alterAlias: ({ proxy }, request) => proxy.alterAlias(request, request.alias),
  dropAlias: ({ proxy }, { databaseName, alias }) => proxy.dropAlias(databaseName, alias),
  insert: ({ proxy }, request) => proxy.insert(request),
  upsert: (engine, request, signal) => whenLoaded(engine, request, signal, () => engine.proxy.upsert(request)),
  delete: (engine, request, signal) => whenLoaded(engine, request, signal, () => engine.proxy.delete(request)),
  search: (engine, request, signal) => whenLoaded(engine, request, signal, () => engine.proxy.search(request, signal)),
  query: (engine, request, signal) => whenLoaded(engine, request, signal, () => engine.proxy.query(request, signal)),
  hybridSearch: (engine, request, signal) =>
    whenLoaded(engine, request, signal, () => engine.proxy.hybridSearch(request, signal)),
  lend: ({ proxy }, request) => proxy.lend(request),
  timestamp: ({ proxy }) => proxy.allocateTimestamp(),
  addField: ({ proxy }, { field, ...target }) => proxy.addFields(target, [{ field, indexName: "", indexParams: [] }]),
  addStruct: ({ proxy }, { struct, ...target }) => proxy.addStruct(target, struct),
  dropField: ({ proxy }, { fieldName, ...target }) => proxy.dropField(target, { fieldName, fieldId: null }),
  truncateCollection: ({ proxy }, target) => proxy.truncateCollection(target),
  alterCollection: ({ proxy }, { properties, deleteKeys, ...target }) =>
    proxy.alterCollection(target, properties, deleteKeys),
  async flush(engine, target, signal) {
    const flushed = await engine.proxy.flush(target.databaseName, [target.collectionName]);
    for (const { flushTimestamp } of flushed) {
      await until(engine, signal, () => engine.proxy.isFlushed(target, flushTimestamp));
    }
  },
  async count({ proxy }, target) {
    const { collection } = await proxy.describeCollection(target);
    const [rowCount, growing, flushed] = await Promise.all([
      proxy.rowCount(target),
      proxy.growingSegments(collection),
      proxy.flushedSegments(collection),
    ]);
    const known = new Set(flushed.map((segment) => segment.segmentId));
    return {
      rowCount,
      growingSegmentCount: growing.filter((segment) => !known.has(segment.segmentId)).length,
      flushedSegmentCount: flushed.filter((segment) => segment.level !== SegmentLevel.L0).length,
    };
  },
};

async function loaded(
  engine: Engine,
  target: Target,
  partitionNames: readonly string[] | null,
  signal: AbortSignal,
): Promise<void> {
  const { proxy } = engine;
  await proxy.loadCollection(target, { replicaNumber: 1, fieldNames: [], partitionNames });
  await untilLoaded(engine, target, partitionNames ?? [], signal);
}

/** @throws 101 when it is released meanwhile. */
function untilLoaded(
  engine: Engine,
  target: Target,
  partitionNames: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  return until(engine, signal, async () => (await engine.proxy.loadProgress(target, partitionNames)) >= FULL_PROGRESS);
}

/** After an opening, collections that were loaded load again while calls are taken already; a read of such a one waits for it. */
async function whenLoaded<T>(
  engine: Engine,
  { databaseName, collectionName }: Target,
  signal: AbortSignal,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    const error = asMilvusError(thrown);
    if (error.kind !== "CollectionNotLoaded" && error.kind !== "CollectionNotFullyLoaded") throw error;
    const target = { databaseName, collectionName };
    const { state } = await engine.proxy.loadState(target, []);
    if (state !== LoadState.Loading && state !== LoadState.Loaded) throw error;
    await untilLoaded(engine, target, [], signal);
    return await read();
  }
}

async function until({ runtime }: Engine, signal: AbortSignal, isDone: () => Promise<boolean>): Promise<void> {
  for (
    let pause = FIRST_PAUSE_MILLISECONDS;
    !(await isDone());
    pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)
  ) {
    try {
      await runtime.sleep(pause, signal);
    } catch (error) {
      throw asMilvusError(error);
    }
  }
}
