import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { transportConformance } from "./conformance.ts";
import { InProcessTransport } from "./in-process.ts";

transportConformance("in-process, isolated", async () => {
  const awake = setInterval(() => undefined, 1_000);
  return {
    transport: new InProcessTransport(new SystemRuntime(), { isolate: true }),
    close: async () => clearInterval(awake),
  };
});

test("without isolation messages are handed over as they are", async () => {
  const transport = new InProcessTransport(new SystemRuntime());
  const seen: object[] = [];
  transport.serve<{ take(request: object): Promise<object> }>("s", {
    take: async (request) => {
      seen.push(request);
      return request;
    },
  });
  const request = { large: new Float32Array(4) };
  const answer = await transport.client<{ take(request: object): Promise<object> }>("s").take(request);
  assert.equal(seen[0], request);
  assert.equal(answer, request);
});
