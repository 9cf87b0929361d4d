/**
 * A server with one loaded collection, for requests that must not change it. Whatever a case sends, afterwards the server answers every
 * question about its state byte for byte as before.
 *
 *   books   id: Int64 key, vector: FloatVector(4), title: VarChar(8), pages: Int64; L2; not dynamic; rows 1, 2, 3; alias `read`
 */

import assert from "node:assert/strict";
import { DataType } from "../../src/model/types.ts";
import { ConsistencyLevel, type Status } from "../../src/server/wire/generated/common_pb.js";
import {
  KEY,
  type FieldDataInit,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  textField,
  texts,
  vectorField,
  vectors,
} from "../../src/server/milvus/testing/messages.ts";
import { type Running, TestClient, startServer } from "../../src/server/milvus/testing/server.ts";
import type { GrpcServerOptions } from "../../src/server/grpc/server.ts";

export const BOOKS = "books";

/** A collection of one vector, declared by its fields and loaded. */
export interface FixtureCollection {
  readonly name: string;
  readonly fields: NonNullable<Parameters<typeof schemaBytes>[0]["fields"]>;
}

export interface Fixture {
  readonly server: Running;
  readonly client: TestClient;
  close(): Promise<void>;
}

/** With `books`. */
export async function openFixture(options: Partial<GrpcServerOptions> = {}): Promise<Fixture> {
  const fields = [KEY, vectorField(), textField("title", 8), { name: "pages", dataType: DataType.Int64 }];
  const fixture = await openWith({ name: BOOKS, fields }, options);
  const { client } = fixture;
  ok(await client.call(service.createAlias, { collectionName: BOOKS, alias: "read" }));
  ok(await client.call(service.insert, { collectionName: BOOKS, fieldsData: goodColumns(), numRows: 3 }));
  return fixture;
}

/** With a collection of the caller's, empty. */
export async function openWith(
  { name, fields }: FixtureCollection,
  options: Partial<GrpcServerOptions> = {},
): Promise<Fixture> {
  const server = await startServer(options);
  const client = new TestClient(server.port);
  const schema = schemaBytes({ name, fields });
  const consistencyLevel = ConsistencyLevel.Strong;
  ok(await client.call(service.createCollection, { collectionName: name, schema, consistencyLevel }));
  const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
  ok(await client.call(service.createIndex, { collectionName: name, fieldName: "vector", extraParams }));
  await load(client, name);
  return {
    server,
    client,
    close: async () => {
      client.close();
      await server.close();
      assert.deepEqual(server.faults, [], "no input is a fault of the server");
    },
  };
}

/** Three good rows, with some columns put in place of others of the same name. */
export function goodColumns(...instead: readonly FieldDataInit[]): FieldDataInit[] {
  const columns = [
    int64s("id", [1, 2, 3]),
    vectors([
      [1, 0, 0, 0],
      [2, 0, 0, 0],
      [3, 0, 0, 0],
    ]),
    texts("title", ["one", "two", "three"]),
    int64s("pages", [10, 20, 30]),
  ];
  const replaced = columns.map((column) => instead.find(({ fieldName }) => fieldName === column.fieldName) ?? column);
  const added = instead.filter(({ fieldName }) => !columns.some((column) => column.fieldName === fieldName));
  return [...replaced, ...added];
}

/** What the server says of all that it has; two snapshots are equal iff nothing changed between them. */
export async function snapshot(client: TestClient): Promise<unknown> {
  const databases = await client.call(service.listDatabases, {});
  const shown = await client.call(service.showCollections, {});
  const described = await Promise.all(
    shown.collectionNames.map((collectionName) => client.call(service.describeCollection, { collectionName })),
  );
  const indexes = await client.call(service.describeIndex, { collectionName: BOOKS });
  const partitions = await client.call(service.showPartitions, { collectionName: BOOKS });
  const all = await client.call(service.query, {
    collectionName: BOOKS,
    expr: "id >= 0",
    outputFields: ["*"],
    consistencyLevel: ConsistencyLevel.Strong,
  });
  const found = await client.call(service.search, searchFor(BOOKS, [[2, 0, 0, 0]], { topk: "10" }));
  for (const answer of [databases, shown, ...described, indexes, partitions, all, found]) ok(answer);
  return {
    databases: databases.dbNames,
    shown: { ...shown, status: undefined },
    described,
    indexes: indexes.indexDescriptions,
    partitions: { ...partitions, status: undefined },
    rows: all.fieldsData,
    hits: found.results,
  };
}

export interface Refusal {
  readonly name: string;
  readonly code: number;
  /** The whole text. */
  readonly text: string | RegExp;
  readonly send: (client: TestClient) => Promise<{ readonly status?: Status | undefined } | Status>;
}

/** Sends it, holds the answer against what Milvus says, and shows that nothing changed. */
export async function checkRefusal({ client }: Fixture, { code, text, send }: Refusal): Promise<void> {
  const before = await snapshot(client);
  const answer = await send(client);
  const status = "code" in answer ? answer : answer.status;
  assert.ok(status !== undefined, "the answer has a status");
  if (typeof text === "string") assert.equal(status.reason, text);
  else assert.match(status.reason, text);
  assert.equal(status.code, code);
  assert.equal(status.detail, status.reason);
  assert.notEqual(status.errorCode, 0);
  assert.equal(status.retriable, false);
  assert.deepEqual(await snapshot(client), before, "a refused request changes nothing");
}
