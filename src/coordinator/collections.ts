/**
 * Collections, partitions and aliases: what exists under which name. A name is free again the moment its collection is dropped; the id
 * is the identity, and no id is used twice.
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { Operation } from "../metastore/metastore.ts";
import { MessageType } from "../model/message.ts";
import type { CollectionInfo, CollectionSchema, KeyValue, PartitionInfo } from "../model/schema.ts";
import { primaryKeyField } from "../model/schema.ts";
import { CONSISTENCY_LEVEL_KEY, consistencyLevelOf } from "../model/types.ts";
import type { CollectionName, CoordinatorService } from "../rpc/services.ts";
import { alteration, everyChannel } from "./alteration.ts";
import { requireCapacity, requireRoomForCollection } from "./capacity.ts";
import { type Context, metadataChange, putCollection, putJson, updated } from "./context.ts";
import { mergeProperties } from "./databases.ts";
import {
  aliasKey,
  collectionKey,
  droppedKey,
  deletesFlushedKey,
  indexKey,
  loadKey,
  readableFromKey,
  segmentPrefix,
} from "./meta-keys.ts";
import { goneOperations } from "./field-drops.ts";
import { keptProperties, withDynamicField } from "./schema-changes.ts";

export const DEFAULT_PARTITION = "_default";
const MAX_PARTITIONS = 1_024;

type CreateRequest = Parameters<CoordinatorService["createCollection"]>[0];

export function createCollection(context: Context, request: CreateRequest): Promise<void> {
  return context.broadcaster.run(async () => {
    const { catalog } = context;
    const database = catalog.database(request.databaseName);
    const { name } = request.schema;
    if (catalog.alias(database.databaseId, name) !== null) {
      throw milvusError("AliasCollectionNameConfilct", "", { database: database.name, alias: name });
    }
    const existing = catalog.findCollection(database.databaseId, name);
    if (existing !== null) {
      if (sameDeclaration(existing, request)) return null;
      throw invalidParameter(`create duplicate collection with different parameters, collection: ${name}`);
    }
    requireRoomForCollection(catalog, database);
    requireCapacity(catalog, request.shardsNum * Math.max(1, request.partitionCount));
    const collectionId = await context.ids.allocate();
    const timestamp = await context.timestamps.allocate();
    const collection: CollectionInfo = {
      collectionId,
      databaseId: database.databaseId,
      databaseName: database.name,
      schema: request.schema,
      partitions: await initialPartitions(context, request, timestamp),
      shardsNum: request.shardsNum,
      virtualChannels: chooseChannels(context, request.shardsNum).map(
        (channel, shard) => `${channel}_${collectionId}v${shard}`,
      ),
      consistencyLevel: request.consistencyLevel,
      properties: request.properties,
      createdTimestamp: timestamp,
      updateTimestamp: timestamp,
    };
    return everyChannel(collection, { type: MessageType.CreateCollection, collection }, [putCollection(collection)]);
  });
}

/** The id of the dropped collection, or null when there was none. */
export async function dropCollection(context: Context, request: CollectionName): Promise<bigint | null> {
  let dropped: bigint | null = null;
  await context.broadcaster.run(async () => {
    const { catalog } = context;
    const database = catalog.database(request.databaseName);
    const collection = catalog.findCollection(database.databaseId, request.collectionName);
    if (collection === null) return null;
    if (collection.schema.name !== request.collectionName) {
      throw invalidParameter(`cannot drop the collection via alias = ${request.collectionName}`);
    }
    const { collectionId } = collection;
    const aliases = catalog.aliasesOf(collectionId);
    if (aliases.length > 0) {
      throw invalidParameter(
        `unable to drop the collection [${collection.schema.name}] because it has associated aliases [${aliases.join(" ")}], please remove all aliases before dropping the collection`,
      );
    }
    dropped = collectionId;
    return everyChannel(collection, { type: MessageType.DropCollection, collectionId }, [
      { delete: collectionKey(collection.databaseId, collectionId) },
      { delete: loadKey(collectionId) },
      ...catalog.indexes(collectionId).map((index): Operation => ({ delete: indexKey(collectionId, index.indexId) })),
      { deletePrefix: segmentPrefix(collectionId, null) },
      ...collection.virtualChannels.flatMap((channel): Operation[] => [
        { delete: deletesFlushedKey(channel) },
        { delete: readableFromKey(channel) },
      ]),
      putJson(droppedKey(collectionId, null), { collectionId, partitionId: null }),
    ]);
  });
  return dropped;
}

export function renameCollection(
  context: Context,
  request: Parameters<CoordinatorService["renameCollection"]>[0],
): Promise<void> {
  return context.broadcaster.run(async () => {
    const { catalog } = context;
    const database = catalog.database(request.databaseName);
    const target = request.newDatabaseName === "" ? database : catalog.database(request.newDatabaseName);
    if (catalog.alias(database.databaseId, request.oldName) !== null) {
      throw invalidParameter(`unsupported use an alias to rename collection, alias:${request.oldName}`);
    }
    const collection = catalog.collection({ databaseName: database.name, collectionName: request.oldName });
    if (catalog.alias(target.databaseId, request.newName) !== null) {
      throw invalidParameter(`cannot rename collection to an existing alias: ${request.newName}`);
    }
    if (catalog.findCollection(target.databaseId, request.newName) !== null) {
      throw invalidParameter(
        `duplicated new collection name ${target.name}:${request.newName} with other collection name or alias`,
      );
    }
    if (target.databaseId !== database.databaseId) requireRoomForCollection(context.catalog, target);
    const renamed = updated(
      collection,
      {
        databaseId: target.databaseId,
        databaseName: target.name,
        schema: { ...collection.schema, name: request.newName },
      },
      await context.timestamps.allocate(),
    );
    const moved: Operation[] =
      target.databaseId === database.databaseId
        ? []
        : [{ delete: collectionKey(database.databaseId, collection.collectionId) }];
    return everyChannel(collection, { type: MessageType.AlterCollection, collection: renamed }, [
      ...moved,
      putCollection(renamed),
    ]);
  });
}

export function alterCollection(
  context: Context,
  request: CollectionName & { readonly properties: readonly KeyValue[]; readonly deleteKeys: readonly string[] },
): Promise<void> {
  return context.broadcaster.run(async () => {
    const collection = context.catalog.collection(request);
    const properties = mergeProperties(collection.properties, keptProperties(request.properties), request.deleteKeys);
    const description = request.properties.find(({ key }) => key === "collection.description")?.value;
    const described: CollectionSchema =
      description === undefined ? collection.schema : { ...collection.schema, description };
    const schema = withDynamicField(described, request.properties, request.deleteKeys);
    const level = request.properties.find(({ key }) => key === CONSISTENCY_LEVEL_KEY)?.value;
    const consistencyLevel = (level === undefined ? null : consistencyLevelOf(level)) ?? collection.consistencyLevel;
    const altered = await alteration(context, collection, { properties, schema, consistencyLevel });
    const kept = new Set(schema.fields.map(({ fieldId }) => fieldId));
    const gone = collection.schema.fields.map(({ fieldId }) => fieldId).filter((fieldId) => !kept.has(fieldId));
    const operations = goneOperations(context, collection.collectionId, new Set(gone));
    return { ...altered, operations: [...altered.operations, ...operations] };
  });
}

export function createPartition(
  context: Context,
  request: CollectionName & { readonly partitionName: string },
): Promise<void> {
  return context.broadcaster.run(async () => {
    const collection = context.catalog.collection(request);
    if (collection.partitions.some((partition) => partition.name === request.partitionName)) return null;
    if (collection.partitions.length >= MAX_PARTITIONS) {
      throw invalidParameter(
        `partition number (${collection.partitions.length}) exceeds max configuration (${MAX_PARTITIONS})`,
      );
    }
    requireCapacity(context.catalog, collection.shardsNum);
    const timestamp = await context.timestamps.allocate();
    const partition: PartitionInfo = {
      partitionId: await context.ids.allocate(),
      name: request.partitionName,
      createdTimestamp: timestamp,
    };
    const changed = updated(collection, { partitions: [...collection.partitions, partition] }, timestamp);
    return everyChannel(
      collection,
      {
        type: MessageType.CreatePartition,
        collectionId: collection.collectionId,
        partitionId: partition.partitionId,
        partitionName: partition.name,
      },
      [putCollection(changed)],
    );
  });
}

export function dropPartition(
  context: Context,
  request: CollectionName & { readonly partitionName: string },
): Promise<void> {
  return context.broadcaster.run(async () => {
    const { catalog } = context;
    const collection = catalog.collection(request);
    const partition = collection.partitions.find((candidate) => candidate.name === request.partitionName);
    if (partition === undefined) return null;
    const { partitionId } = partition;
    const { collectionId } = collection;
    const changed = updated(
      collection,
      { partitions: collection.partitions.filter((candidate) => candidate !== partition) },
      await context.timestamps.allocate(),
    );
    return everyChannel(
      collection,
      { type: MessageType.DropPartition, collectionId, partitionId, partitionName: partition.name },
      [
        putCollection(changed),
        { deletePrefix: segmentPrefix(collectionId, partitionId) },
        putJson(droppedKey(collectionId, partitionId), { collectionId, partitionId }),
      ],
    );
  });
}

export function createAlias(
  context: Context,
  request: CollectionName & { readonly alias: string },
  alter: boolean,
): Promise<void> {
  return context.broadcaster.run(async () => {
    const { catalog } = context;
    const database = catalog.database(request.databaseName);
    const facts = { database: database.name, alias: request.alias };
    if (catalog.collections(database.databaseId).some((collection) => collection.schema.name === request.alias)) {
      throw milvusError("AliasCollectionNameConfilct", "", facts);
    }
    const collection = catalog.collection(request);
    const known = catalog.alias(database.databaseId, request.alias);
    if (alter && known === null) throw milvusError("AliasNotFound", "", facts);
    if (known?.collectionId === collection.collectionId) return null;
    if (!alter && known !== null) {
      const owner = catalog.collectionById(known.collectionId)?.schema.name ?? "";
      throw milvusError("AliasAlreadyExist", `${request.alias} is alias to another collection: ${owner}`, facts);
    }
    const alias = { databaseId: database.databaseId, alias: request.alias, collectionId: collection.collectionId };
    return metadataChange(context, MessageType.AlterAlias, { alias }, [
      putJson(aliasKey(database.databaseId, request.alias), alias),
    ]);
  });
}

export function dropAlias(
  context: Context,
  request: { readonly databaseName: string; readonly alias: string },
): Promise<void> {
  return context.broadcaster.run(async () => {
    const database = context.catalog.database(request.databaseName);
    if (context.catalog.alias(database.databaseId, request.alias) === null) return null;
    return metadataChange(context, MessageType.DropAlias, { alias: request.alias }, [
      { delete: aliasKey(database.databaseId, request.alias) },
    ]);
  });
}

/** The physical channels with the fewest shards, so that collections spread over all of them. */
function chooseChannels(context: Context, count: number): string[] {
  const load = new Map(context.channels.map((channel) => [channel, 0]));
  for (const collection of context.catalog.collections()) {
    for (const virtualChannel of collection.virtualChannels) {
      const channel = virtualChannel.slice(0, virtualChannel.lastIndexOf("_"));
      load.set(channel, (load.get(channel) ?? 0) + 1);
    }
  }
  const byLoad = [...load].toSorted(([, left], [, right]) => left - right).map(([channel]) => channel);
  // More shards than channels share them: one journal carries any number.
  return Array.from({ length: count }, (_, shard) => byLoad[shard % byLoad.length]!);
}

async function initialPartitions(
  context: Context,
  request: CreateRequest,
  timestamp: bigint,
): Promise<PartitionInfo[]> {
  const hasKey = request.schema.fields.some((field) => field.isPartitionKey);
  const names = hasKey
    ? Array.from({ length: request.partitionCount }, (_, at) => `${DEFAULT_PARTITION}_${at}`)
    : [DEFAULT_PARTITION];
  const firstId = await context.ids.allocate(names.length);
  return names.map((name, at) => ({ partitionId: firstId + BigInt(at), name, createdTimestamp: timestamp }));
}

/** Creating the same collection again is no mistake: retries do it. */
function sameDeclaration(existing: CollectionInfo, request: CreateRequest): boolean {
  const shape = (schema: CollectionSchema): string =>
    JSON.stringify([
      schema.enableDynamicField,
      primaryKeyField(schema).name,
      schema.fields.map((field) => ({
        ...field,
        fieldId: String(field.fieldId),
        defaultValue: String(field.defaultValue),
      })),
    ]);
  return existing.shardsNum === request.shardsNum && shape(existing.schema) === shape(request.schema);
}
