/** Aliases: other names of collections, each unique in its database. */

import { MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, acknowledging, answering, databaseOf, targetOf } from "./method.ts";

const { createAlias, dropAlias, alterAlias, describeAlias, listAliases } = MilvusService.method;

export const ALIASES: readonly Method[] = [
  acknowledging(createAlias, (request, scope) => scope.proxy.createAlias(targetOf(request, scope), request.alias)),

  acknowledging(dropAlias, (request, scope) => scope.proxy.dropAlias(databaseOf(request.dbName, scope), request.alias)),

  acknowledging(alterAlias, (request, scope) => scope.proxy.alterAlias(targetOf(request, scope), request.alias)),

  answering(describeAlias, async (request, scope) => {
    const databaseName = databaseOf(request.dbName, scope);
    const collection = await scope.proxy.describeAlias(databaseName, request.alias);
    return { dbName: databaseName === "" ? "default" : databaseName, alias: request.alias, collection };
  }),

  answering(listAliases, async (request, scope) => {
    const target = targetOf(request, scope);
    return {
      dbName: target.databaseName === "" ? "default" : target.databaseName,
      collectionName: request.collectionName,
      aliases: [...(await scope.proxy.listAliases(target))],
    };
  }),
];
