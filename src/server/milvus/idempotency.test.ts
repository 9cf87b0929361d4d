import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ConsistencyLevel } from "../wire/generated/common_pb.js";
import type { MutationResult } from "../wire/generated/milvus_pb.js";
import {
  KEY,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  service,
  textField,
  texts,
  vectorField,
  vectors,
} from "./testing/messages.ts";
import { TestClient, startServer } from "./testing/server.ts";

const ROWS = 20;

/** A client of which every call carries the key. */
function keyed(port: number, key: string): TestClient {
  return new TestClient(port, { "idempotency-key": key });
}

async function createRows(client: TestClient, collectionName: string, autoID: boolean): Promise<void> {
  const fields = [{ ...KEY, autoID }, vectorField(), textField("color", 16)];
  const schema = schemaBytes({ name: collectionName, fields, enableDynamicField: false });
  const consistencyLevel = ConsistencyLevel.Strong;
  ok(await client.call(service.createCollection, { collectionName, schema, shardsNum: 3, consistencyLevel }));
  const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
  ok(await client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
  await load(client, collectionName);
}

function fieldsData(rows: number, withKeys: boolean): ReturnType<typeof int64s>[] {
  const ids = Array.from({ length: rows }, (_, row) => row);
  const colors = texts("color", ids.map(String));
  const fields = [vectors(ids.map((id) => [id, 0, 0, 0])), colors];
  return withKeys ? [int64s("id", ids), ...fields] : fields;
}

async function count(client: TestClient, collectionName: string): Promise<number> {
  const request = { collectionName, outputFields: ["count(*)"], useDefaultConsistency: true };
  const answer = await client.call(service.query, request);
  ok(answer);
  const column = answer.fieldsData[0]!.field;
  assert.ok(column.case === "scalars" && column.value.data.case === "longData");
  return Number(column.value.data.value.data[0]);
}

function idsOf(answer: MutationResult): bigint[] {
  ok(answer);
  assert.ok(answer.IDs?.idField.case === "intId");
  return answer.IDs.idField.value.data;
}

async function folder(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "elanus-keys-"));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test("an insert that is sent again gives the same keys, over restarts and flushes", async (context) => {
  const directory = await folder(context);
  const collectionName = "rows";
  const request = { collectionName, fieldsData: fieldsData(ROWS, false), numRows: ROWS };
  let ids: readonly bigint[] = [];
  let timestamp = 0n;
  for (const start of ["first", "after a restart", "after a flush and a restart"]) {
    const server = await startServer({}, 0, { directory });
    const client = new TestClient(server.port);
    const named = keyed(server.port, "batch 1");
    if (start === "first") {
      await createRows(client, collectionName, true);
      const answers = await Promise.all([1, 2, 3].map(() => named.call(service.insert, request)));
      ids = idsOf(answers[0]!);
      timestamp = answers[0]!.timestamp;
      assert.equal(new Set(ids).size, ROWS);
    } else {
      await load(client, collectionName);
    }
    const again = await named.call(service.insert, request);
    assert.deepEqual(idsOf(again), ids, start);
    assert.equal(again.timestamp, timestamp, start);
    assert.equal(await count(client, collectionName), ROWS, start);
    if (start === "after a restart") {
      ok(await client.call(service.flush, { collectionNames: [collectionName] }));
      // Another flush moves the checkpoint behind the record.
      idsOf(await client.call(service.insert, request));
      ok(await client.call(service.flush, { collectionNames: [collectionName] }));
      ok(await client.call(service.delete, { collectionName, expr: `id > ${ids.at(-1)}` }));
    }
    named.close();
    client.close();
    await server.close();
    assert.deepEqual(server.faults, []);
  }
});

test("a name belongs to its collection, and stands for one write", async () => {
  const server = await startServer();
  const client = new TestClient(server.port);
  const named = keyed(server.port, "once");
  for (const name of ["one", "two"]) {
    await createRows(client, name, false);
    const request = { collectionName: name, fieldsData: fieldsData(ROWS, true), numRows: ROWS };
    for (let sent = 0; sent < 2; sent += 1) assert.equal(idsOf(await named.call(service.upsert, request)).length, ROWS);
    assert.equal(await count(client, name), ROWS);
    const other = { ...request, fieldsData: fieldsData(3, true), numRows: 3 };
    const refused = await named.call(service.insert, other);
    assert.equal(refused.status?.code, 1100);
    assert.match(refused.status.reason, /used for another write/);
  }
  const long = keyed(server.port, "x".repeat(129));
  const refused = await long.call(service.insert, {
    collectionName: "one",
    fieldsData: fieldsData(1, true),
    numRows: 1,
  });
  assert.match(refused.status!.reason, /has 129 bytes, and at most 128 are allowed/);
  for (const open of [named, long, client]) open.close();
  await server.close();
  assert.deepEqual(server.faults, []);
});
