/** Collections: making, finding, telling, changing, dropping. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { asMilvusError, milvusError } from "../../base/errors.ts";
import { physicalMilliseconds } from "../../base/timestamp.ts";
import { type CollectionInfo, physicalChannel } from "../../model/schema.ts";
import { type ConsistencyLevel, LoadState } from "../../model/types.ts";
import type { Proxy } from "../../proxy/proxy.ts";
import type { DescribedCollection, ShownCollection } from "../../rpc/services.ts";
import { type DescribeCollectionResponseSchema, MilvusService, ShowType } from "../wire/generated/milvus_pb.js";
import { statusOf } from "../wire/status.ts";
import { type Method, type Scope, acknowledging, answering, databaseOf, targetOf } from "./method.ts";
import { declaredSchema, toldProperties, wireSchema } from "./schema.ts";

const service = MilvusService.method;

export const COLLECTIONS: readonly Method[] = [
  acknowledging(service.createCollection, (request, scope) =>
    scope.proxy.createCollection({
      ...targetOf(request, scope),
      schema: declaredSchema(request.schema),
      shardsNum: request.shardsNum,
      consistencyLevel: request.consistencyLevel as ConsistencyLevel,
      properties: request.properties.map(({ key, value }) => ({ key, value })),
      partitionCount: Number(request.numPartitions),
    }),
  ),

  acknowledging(service.dropCollection, (request, scope) => scope.proxy.dropCollection(targetOf(request, scope))),

  answering(service.hasCollection, async (request, scope) => ({
    value: await scope.proxy.hasCollection(targetOf(request, scope)),
  })),

  answering(service.describeCollection, (request, scope) =>
    describe(request.dbName, request.collectionName, request.collectionID, scope),
  ),

  answering(service.batchDescribeCollection, async (request, scope) => {
    const asked =
      request.collectionName.length > 0
        ? request.collectionName.map((name) => ({ name, id: 0n }))
        : request.collectionID.map((id) => ({ name: "", id }));
    const responses = await Promise.all(
      asked.map(async ({ name, id }) => {
        try {
          return { ...(await describe(request.dbName, name, id, scope)), status: statusOf(null) };
        } catch (thrown) {
          return { status: statusOf(asMilvusError(thrown)) };
        }
      }),
    );
    return { responses };
  }),

  answering(service.showCollections, async (request, scope) => {
    const databaseName = databaseOf(request.dbName, scope);
    const shown = await scope.proxy.showCollections(databaseName);
    const found = request.type === ShowType.InMemory ? inMemory(shown, request.collectionNames) : shown;
    const states = await Promise.all(found.map((entry) => loaded(scope.proxy, databaseName, entry)));
    const collections = found.map(({ collection }) => collection);
    return {
      collectionNames: collections.map(({ schema }) => schema.name),
      collectionIds: collections.map(({ collectionId }) => collectionId),
      createdTimestamps: collections.map(({ createdTimestamp }) => createdTimestamp),
      createdUtcTimestamps: collections.map(createdMilliseconds),
      inMemoryPercentages: states.map(({ progress }) => BigInt(progress)),
      queryServiceAvailable: states.map(({ state }) => state === LoadState.Loaded),
      shardsNum: collections.map(({ shardsNum }) => shardsNum),
    };
  }),

  acknowledging(service.renameCollection, (request, scope) =>
    scope.proxy.renameCollection(
      { databaseName: databaseOf(request.dbName, scope), collectionName: request.oldName },
      request.newName,
      request.newDBName,
    ),
  ),

  acknowledging(service.alterCollection, (request, scope) =>
    scope.proxy.alterCollection(
      targetOf(request, scope),
      request.properties.map(({ key, value }) => ({ key, value })),
      request.deleteKeys,
    ),
  ),

  answering(service.getCollectionStatistics, async (request, scope) => ({
    stats: [{ key: "row_count", value: String(await scope.proxy.rowCount(targetOf(request, scope))) }],
  })),
];

type Described = Omit<MessageInitShape<typeof DescribeCollectionResponseSchema>, "status" | "$typeName">;

async function describe(
  databaseName: string,
  collectionName: string,
  collectionId: bigint,
  scope: Scope,
): Promise<Described> {
  // An id is unique in all databases: only a name needs one.
  const database = collectionName === "" ? databaseName : databaseOf(databaseName, scope);
  return described(await scope.proxy.describeCollection({ databaseName: database, collectionName }, collectionId));
}

function described({ collection, aliases }: DescribedCollection): Described {
  return {
    schema: wireSchema(collection),
    collectionID: collection.collectionId,
    collectionName: collection.schema.name,
    virtualChannelNames: [...collection.virtualChannels],
    physicalChannelNames: collection.virtualChannels.map(physicalChannel),
    createdTimestamp: collection.createdTimestamp,
    createdUtcTimestamp: createdMilliseconds(collection),
    shardsNum: collection.shardsNum,
    aliases: [...aliases],
    consistencyLevel: collection.consistencyLevel,
    properties: toldProperties(collection),
    dbName: collection.databaseName,
    dbId: collection.databaseId,
    numPartitions: BigInt(collection.partitions.length),
    updateTimestamp: collection.updateTimestamp,
    updateTimestampStr: String(collection.updateTimestamp),
  };
}

function createdMilliseconds({ createdTimestamp }: CollectionInfo): bigint {
  return BigInt(physicalMilliseconds(createdTimestamp));
}

/** The loaded ones; by name, it is an error when one of them is not. */
function inMemory(shown: readonly ShownCollection[], names: readonly string[]): readonly ShownCollection[] {
  const there = shown.filter(({ loadState }) => loadState !== LoadState.NotLoad);
  if (names.length === 0) return there;
  return names.map((name) => {
    const entry = there.find(({ collection }) => collection.schema.name === name);
    if (entry === undefined) throw milvusError("CollectionNotLoaded", "", { collection: name });
    return entry;
  });
}

async function loaded(
  proxy: Proxy,
  databaseName: string,
  { collection, loadState }: ShownCollection,
): Promise<{ readonly state: LoadState; readonly progress: number }> {
  if (loadState === LoadState.NotLoad) return { state: loadState, progress: 0 };
  return proxy.loadState({ databaseName, collectionName: collection.schema.name }, []);
}
