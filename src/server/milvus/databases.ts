/** Databases. The header `dbname` says nothing here: these requests name the database that they are about. */

import { MilvusService } from "../wire/generated/milvus_pb.js";
import { type Method, acknowledging, answering } from "./method.ts";

const { createDatabase, dropDatabase, alterDatabase, listDatabases, describeDatabase } = MilvusService.method;

export const DATABASES: readonly Method[] = [
  acknowledging(createDatabase, ({ dbName, properties }, { proxy }) => proxy.createDatabase(dbName, properties)),

  acknowledging(dropDatabase, ({ dbName }, { proxy }) => proxy.dropDatabase(dbName)),

  acknowledging(alterDatabase, ({ dbName, properties, deleteKeys }, { proxy }) =>
    proxy.alterDatabase(dbName, properties, deleteKeys),
  ),

  answering(listDatabases, async (_request, { proxy }) => {
    const databases = await proxy.listDatabases();
    return {
      dbNames: databases.map(({ name }) => name),
      createdTimestamp: databases.map(({ createdTimestamp }) => createdTimestamp),
      dbIds: databases.map(({ databaseId }) => databaseId),
    };
  }),

  answering(describeDatabase, async ({ dbName }, { proxy }) => {
    const { name, databaseId, createdTimestamp, properties } = await proxy.describeDatabase(dbName);
    return { dbName: name, dbID: databaseId, createdTimestamp, properties: [...properties] };
  }),
];
