/** A server over a directory, and a client of it that writes and reads a collection while its fields change. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import type { EngineLimits } from "../../../engine/limits.ts";
import { CompactionState, ConsistencyLevel } from "../../wire/generated/common_pb.js";
import { type FieldData, type FieldSchema, FieldSchemaSchema } from "../../wire/generated/schema_pb.js";
import {
  type FieldDataInit,
  KEY,
  flush,
  int64s,
  ok,
  params,
  schemaBytes,
  service,
  textField,
  texts,
  until,
  vectorField,
  vectors,
} from "./messages.ts";
import { type Running, TestClient, startServer } from "./server.ts";

export type FieldInit = Exclude<MessageInitShape<typeof FieldSchemaSchema>, FieldSchema>;

/** Values of a column, null where there are none. */
export function values(field: FieldData | undefined): unknown[] {
  assert.ok(field?.field.case === "scalars");
  const data = [...(field.field.value.data.value as { data: Iterable<unknown> }).data];
  return data.map((value, at) => (field.validData.length === 0 || field.validData[at] ? value : null));
}

/** Of `name`, the text field that every collection of `created` has. */
export function named(ids: readonly number[]): FieldDataInit {
  return texts(
    "name",
    ids.map((id) => `n${id}`),
  );
}

export class EvolvingServer {
  readonly #directory = mkdtempSync(join(tmpdir(), "elanus-evolving-"));
  readonly #given: { readonly limits?: Partial<EngineLimits>; readonly isNative?: boolean };
  #running: { readonly server: Running; readonly client: TestClient } | null = null;

  constructor(given: { readonly limits?: Partial<EngineLimits>; readonly isNative?: boolean } = {}) {
    this.#given = given;
  }

  get server(): Running {
    return this.#running!.server;
  }

  get client(): TestClient {
    return this.#running!.client;
  }

  async start(): Promise<void> {
    const server = await startServer({}, 0, { directory: this.#directory, ...this.#given });
    this.#running = { server, client: new TestClient(server.port) };
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.server.close();
    assert.deepEqual(this.server.faults, []);
  }

  async reopen(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** `id`, `vector` of 4 and `name`, over two shards. */
  async created(collectionName: string, more: readonly FieldInit[] = []): Promise<void> {
    const fields = [KEY, vectorField(), textField("name", 20), ...more];
    const schema = schemaBytes({ name: collectionName, fields });
    const consistencyLevel = ConsistencyLevel.Strong;
    ok(await this.client.call(service.createCollection, { collectionName, schema, shardsNum: 2, consistencyLevel }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await this.client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
  }

  async put(
    collectionName: string,
    ids: readonly number[],
    more: readonly FieldDataInit[] = [],
    schemaTimestamp = 0n,
  ): Promise<number> {
    const fieldsData = [int64s("id", ids), vectors(ids.map((id) => [id, 0, 0, 0])), ...more];
    const request = { collectionName, fieldsData, numRows: ids.length, schemaTimestamp };
    return (await this.client.call(service.insert, request)).status!.code;
  }

  /** The reason of a refusal, or nothing. */
  async add(collectionName: string, field: FieldInit): Promise<string> {
    const schema = toBinary(FieldSchemaSchema, create(FieldSchemaSchema, field));
    return (await this.client.call(service.addCollectionField, { collectionName, schema })).reason;
  }

  /** The reason of a refusal, or nothing. */
  async drop(collectionName: string, field: string | bigint): Promise<string> {
    const identifier =
      typeof field === "string"
        ? { case: "fieldName" as const, value: field }
        : { case: "fieldId" as const, value: field };
    const action = { op: { case: "dropRequest" as const, value: { identifier } } };
    const { alterStatus } = await this.client.call(service.alterCollectionSchema, { collectionName, action });
    return alterStatus!.reason;
  }

  /** Columns of scalars by name. */
  async queried(
    collectionName: string,
    expr: string,
    outputFields: string[],
    queryParams: Readonly<Record<string, string>> = {},
  ): Promise<Map<string, unknown[]>> {
    const answer = await this.client.call(service.query, {
      collectionName,
      expr,
      outputFields,
      consistencyLevel: ConsistencyLevel.Strong,
      queryParams: params({ limit: "1000", ...queryParams }),
    });
    ok(answer);
    const scalars = answer.fieldsData.filter(({ field }) => field.case === "scalars");
    return new Map(scalars.map((field) => [field.fieldName, values(field)]));
  }

  flushed(collectionName: string): Promise<void> {
    return flush(this.client, collectionName);
  }

  async compacted(collectionName: string): Promise<void> {
    const asked = await this.client.call(service.manualCompaction, { collectionName });
    ok(asked);
    await until(async () => {
      const state = await this.client.call(service.getCompactionState, { compactionID: asked.compactionID });
      ok(state);
      return state.state === CompactionState.Completed;
    });
  }

  async growing(collectionName: string): Promise<number[]> {
    const { collection } = await this.server.proxy.describe({ databaseName: "", collectionName });
    const growing = await this.server.proxy.growingSegments(collection);
    return growing.map(({ rowCount }) => rowCount).filter((rows) => rows > 0);
  }
}
