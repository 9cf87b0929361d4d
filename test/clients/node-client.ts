/** What the suites of the Node SDK have in common: a quiet client, statuses that are looked at, collections of the usual kind. */

import assert from "node:assert/strict";
import {
  ConsistencyLevelEnum,
  type CreateColWithSchemaAndIndexParamsReq,
  DataType,
  type FieldType,
  MilvusClient,
  type ResStatus,
  type RowData,
} from "@zilliz/milvus2-sdk-node";

const CALL_LIMIT_MILLISECONDS = 60_000;

export async function connectNodeClient(port: number): Promise<MilvusClient> {
  const client = new MilvusClient({
    address: `127.0.0.1:${port}`,
    timeout: CALL_LIMIT_MILLISECONDS,
    logLevel: "error",
  });
  await client.connectPromise;
  return client;
}

type WithStatus = { readonly status: ResStatus };

function statusOf(answer: WithStatus | ResStatus): ResStatus {
  return "status" in answer ? answer.status : answer;
}

/** Gives the answer when it is a success. */
export function succeeded<Answer extends WithStatus | ResStatus>(answer: Answer): Answer {
  const { error_code, code, reason } = statusOf(answer);
  assert.equal(error_code, "Success", reason);
  assert.equal(code, 0, reason);
  return answer;
}

/** Made, with the key `id` before the given fields; reads see every write. */
export async function createKeyed(
  client: MilvusClient,
  collection_name: string,
  fields: readonly FieldType[],
  more: Partial<CreateColWithSchemaAndIndexParamsReq> = {},
): Promise<void> {
  const key = { name: "id", data_type: DataType.Int64, is_primary_key: true };
  const request = { collection_name, fields: [key, ...fields], consistency_level: "Strong", ...more };
  succeeded(await client.createCollection(request as Parameters<MilvusClient["createCollection"]>[0]));
}

/** Loaded, with the first half of the rows in files and the others growing. */
export async function loadHalves(
  client: MilvusClient,
  collection_name: string,
  rows: readonly RowData[],
): Promise<void> {
  const half = Math.floor(rows.length / 2);
  succeeded(await client.loadCollectionSync({ collection_name }));
  succeeded(await client.insert({ collection_name, data: rows.slice(0, half) }));
  succeeded(await client.flushSync({ collection_names: [collection_name] }));
  succeeded(await client.insert({ collection_name, data: rows.slice(half) }));
}

export type Level = "Strong" | "Session" | "Bounded" | "Eventually";

/** The SDK's own `count` takes no level. */
export async function countRows(
  client: MilvusClient,
  collection_name: string,
  filter: string,
  level: Level,
): Promise<number> {
  const counted = await client.query({
    collection_name,
    filter,
    output_fields: ["count(*)"],
    consistency_level: ConsistencyLevelEnum[level],
  });
  return Number(succeeded(counted).data[0]!["count(*)"]);
}

export function refused(answer: WithStatus | ResStatus, text: string, code: number): void {
  const status = statusOf(answer);
  assert.ok(status.reason.includes(text), `expected ${JSON.stringify(text)} in ${JSON.stringify(status.reason)}`);
  assert.equal(status.code, code, status.reason);
}

export type Row = Readonly<Record<string, unknown>>;
