/** What users declared as indexes. Building them is the data node's; here are names, parameters and rules of who may have which. */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { IndexInfo } from "../model/catalog.ts";
import { MessageType } from "../model/message.ts";
import { type KeyValue, fieldByName } from "../model/schema.ts";
import { DataType, isVectorType } from "../model/types.ts";
import type { CollectionName, CoordinatorService } from "../rpc/services.ts";
import { type Context, metadataChange, putJson } from "./context.ts";
import { mergeProperties } from "./databases.ts";
import { indexKey } from "./meta-keys.ts";

type CreateRequest = CollectionName & {
  readonly fieldName: string;
  readonly indexName: string;
  readonly params: readonly KeyValue[];
  readonly paramsAsSent?: readonly KeyValue[];
};

export function createIndex(context: Context, request: CreateRequest): Promise<void> {
  return context.broadcaster.run(async () => {
    const collection = context.catalog.collection(request);
    const field = fieldByName(collection.schema, request.fieldName);
    if (field === null) throw invalidParameter(`cannot create index on non-exist field: ${request.fieldName}`);
    const value = (key: string): string => request.params.find((param) => param.key === key)?.value ?? "";
    const path = field.dataType === DataType.JSON ? value("json_path") : "";
    const indexName = request.indexName === "" ? defaultName(field.name, path) : request.indexName;
    const known = context.catalog.indexes(collection.collectionId);
    for (const index of known) {
      if (index.fieldId === field.fieldId && pathOf(index) === path) {
        if (sameParams(index.userParams, request.params) && index.indexName === indexName) return null;
        throw invalidParameter("CreateIndex failed: at most one distinct index is allowed per field");
      }
      if (index.indexName === indexName) {
        throw invalidParameter("CreateIndex failed: creating multiple indexes on same field is not supported");
      }
    }
    const index: IndexInfo = {
      indexId: await context.ids.allocate(),
      collectionId: collection.collectionId,
      fieldId: field.fieldId,
      fieldName: field.name,
      indexName,
      userParams: request.params,
      paramsAsSent: request.paramsAsSent ?? request.params,
      indexType: value("index_type"),
      metricType: value("metric_type"),
      createdTimestamp: await context.timestamps.allocate(),
    };
    return metadataChange(context, MessageType.CreateIndex, { index }, [
      putJson(indexKey(collection.collectionId, index.indexId), index),
    ]);
  });
}

/** Documents may have an index for each of their places. */
function pathOf({ userParams }: IndexInfo): string {
  return userParams.find(({ key }) => key === "json_path")?.value ?? "";
}

function defaultName(fieldName: string, path: string): string {
  const keys = path.matchAll(/[\w$]+/g).map(([key]) => key);
  return [fieldName, ...[...keys].filter((key, at) => at > 0 || key !== fieldName)].join("/");
}

/** Properties that change nothing of what was built. */
export function alterIndex(context: Context, request: Parameters<CoordinatorService["alterIndex"]>[0]): Promise<void> {
  return context.broadcaster.run(async () => {
    const { collectionId } = context.catalog.collection(request);
    const { indexName, properties, deleteKeys } = request;
    const index = context.catalog.indexes(collectionId).find((candidate) => candidate.indexName === indexName);
    if (index === undefined) throw milvusError("IndexNotFound", "", { indexName });
    const merged = (params: readonly KeyValue[]): KeyValue[] => mergeProperties(params, properties, deleteKeys);
    const altered: IndexInfo = {
      ...index,
      userParams: merged(index.userParams),
      paramsAsSent: merged(index.paramsAsSent ?? index.userParams),
    };
    return metadataChange(context, MessageType.AlterIndex, { index: altered }, [
      putJson(indexKey(collectionId, index.indexId), altered),
    ]);
  });
}

export function dropIndex(context: Context, request: CollectionName & { readonly indexName: string }): Promise<void> {
  return context.broadcaster.run(async () => {
    const { catalog } = context;
    const collection = catalog.collection(request);
    const { collectionId } = collection;
    const indexes = catalog
      .indexes(collectionId)
      .filter((index) => request.indexName === "" || index.indexName === request.indexName);
    if (indexes.length === 0) return null;
    const isVector = (index: IndexInfo): boolean =>
      collection.schema.fields.some((field) => field.fieldId === index.fieldId && isVectorType(field.dataType));
    if (catalog.loadConfig(collectionId) !== null && indexes.some(isVector)) {
      throw invalidParameter(`vector index cannot be dropped on loaded collection: ${collectionId}`);
    }
    return metadataChange(
      context,
      MessageType.DropIndex,
      { collectionId, indexIds: indexes.map((index) => index.indexId) },
      indexes.map((index) => ({ delete: indexKey(collectionId, index.indexId) })),
    );
  });
}

/** An index on every vector field, or the reason why the collection cannot be loaded. */
export function requireVectorIndexes(context: Context, collectionId: bigint): void {
  const collection = context.catalog.collectionById(collectionId);
  const indexes = context.catalog.indexes(collectionId);
  if (collection === null) throw milvusError("CollectionNotFound", "", { collection: collectionId });
  if (indexes.length === 0) throw milvusError("IndexNotFound", "", { collection: collection.schema.name });
  const missing = collection.schema.fields
    .filter((field) => isVectorType(field.dataType) && !indexes.some((index) => index.fieldId === field.fieldId))
    .map((field) => field.name);
  if (missing.length > 0) {
    throw invalidParameter(`there is no vector index on field: [${missing.join(" ")}], please create index firstly`);
  }
}

function sameParams(left: readonly KeyValue[], right: readonly KeyValue[]): boolean {
  const text = (params: readonly KeyValue[]): string =>
    JSON.stringify(params.map(({ key, value }) => [key, value]).toSorted());
  return text(left) === text(right);
}
