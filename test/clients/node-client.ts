/** What the suites of the Node SDK have in common: a quiet client, and statuses that are looked at. */

import assert from "node:assert/strict";
import { ConsistencyLevelEnum, MilvusClient, type ResStatus } from "@zilliz/milvus2-sdk-node";

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
