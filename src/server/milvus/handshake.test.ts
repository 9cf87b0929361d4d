import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { StateCode } from "../wire/generated/common_pb.js";
import { BUILD_TAGS } from "./service.ts";
import { ok, service } from "./testing/messages.ts";
import { type Running, TestClient, startServer } from "./testing/server.ts";

describe("the first words", () => {
  let server: Running;
  let client: TestClient;

  before(async () => {
    server = await startServer();
    client = new TestClient(server.port, { authorization: "bm9ib2R5Om5vdGhpbmc=" });
  });

  after(async () => {
    client.close();
    await server.close();
    assert.deepEqual(server.faults, []);
  });

  test("every client gets an identifier of its own, whatever its credentials", async () => {
    const clientInfo = { sdkType: "Python", sdkVersion: "3.0.2" };
    const first = await client.call(service.connect, { clientInfo });
    const second = await client.call(service.connect, {});
    ok(first);
    ok(second);
    assert.ok(first.identifier > 0n);
    assert.ok(second.identifier > first.identifier);
    assert.equal(first.serverInfo!.buildTags, BUILD_TAGS);
    assert.equal(first.serverInfo!.deployMode, "STANDALONE");
  });

  test("the version is one that clients can compare", async () => {
    const answer = await client.call(service.getVersion, {});
    ok(answer);
    assert.match(answer.version, /^v\d+\.\d+\.\d+-elanus$/);
  });

  test("a known database in the header is welcome", async () => {
    const other = new TestClient(server.port, { dbname: "default" });
    ok(await other.call(service.connect, {}));
    other.close();
  });

  test("health is what the coordinator says", async () => {
    const answer = await client.call(service.checkHealth, {});
    ok(answer);
    assert.deepEqual([answer.isHealthy, answer.reasons], [true, []]);
    const states = await client.call(service.getComponentStates, {});
    ok(states);
    assert.equal(states.state!.stateCode, StateCode.Healthy);
  });

  test("timestamps grow and follow the clock", async () => {
    const first = await client.call(service.allocTimestamp, {});
    const second = await client.call(service.allocTimestamp, {});
    ok(first);
    assert.ok(second.timestamp > first.timestamp);
    assert.ok(Math.abs(Number(first.timestamp >> 18n) - Date.now()) < 60_000);
  });
});
