/** Indexes: declared on fields, and how far they are. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DescribedIndex } from "../../proxy/indexes.ts";
import { IndexState } from "../wire/generated/common_pb.js";
import { type IndexDescriptionSchema, MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, type Scope, acknowledging, answering, targetOf } from "./method.ts";

const service = MilvusService.method;

export const INDEXES: readonly Method[] = [
  acknowledging(service.createIndex, (request, scope) =>
    scope.proxy.createIndex(
      targetOf(request, scope),
      request.fieldName,
      request.indexName,
      request.extraParams.map(({ key, value }) => ({ key, value })),
    ),
  ),

  acknowledging(service.dropIndex, async (request, scope) => {
    const target = targetOf(request, scope);
    for (const indexName of await dropped(request, scope)) await scope.proxy.dropIndex(target, indexName);
  }),

  answering(service.describeIndex, async (request, scope) => ({
    indexDescriptions: (await described(request, request.fieldName, scope)).map(description),
  })),

  answering(service.getIndexStatistics, async (request, scope) => ({
    indexDescriptions: (await described(request, "", scope)).map(description),
  })),

  answering(service.getIndexState, async (request, scope) => {
    const [first] = await described(request, request.fieldName, scope);
    if (first === undefined) return { state: IndexState.IndexStateNone };
    return { state: IndexState[first.progress.state], failReason: first.progress.reason };
  }),

  answering(service.getIndexBuildProgress, async (request, scope) => {
    const [first] = await described(request, request.fieldName, scope);
    const { indexedRows = 0, totalRows = 0 } = first?.progress ?? {};
    return { indexedRows: BigInt(indexedRows), totalRows: BigInt(totalRows) };
  }),
];

function described(
  request: { readonly dbName: string; readonly collectionName: string; readonly indexName: string },
  fieldName: string,
  scope: Scope,
): Promise<readonly DescribedIndex[]> {
  return scope.proxy.describeIndexes(targetOf(request, scope), request.indexName, fieldName);
}

/** By name; else those of the field; else all, which an empty name says. What is not there need not be dropped. */
async function dropped(
  request: {
    readonly dbName: string;
    readonly collectionName: string;
    readonly indexName: string;
    readonly fieldName: string;
  },
  scope: Scope,
): Promise<readonly string[]> {
  if (request.indexName !== "" || request.fieldName === "") return [request.indexName];
  const { indexes } = await scope.proxy.describe(targetOf(request, scope));
  return indexes.filter(({ fieldName }) => fieldName === request.fieldName).map(({ indexName }) => indexName);
}

function description({ index, progress }: DescribedIndex): MessageInitShape<typeof IndexDescriptionSchema> {
  return {
    indexName: index.indexName,
    indexID: index.indexId,
    params: [...(index.paramsAsSent ?? index.userParams)],
    fieldName: index.fieldName,
    indexedRows: BigInt(progress.indexedRows),
    totalRows: BigInt(progress.totalRows),
    pendingIndexRows: BigInt(progress.pendingRows),
    state: IndexState[progress.state],
    indexStateFailReason: progress.reason,
  };
}
