/**
 * A server and a client of it for the tests of one `describe`: there before the first, gone after the last, and then no fault may have come
 * up on the way.
 */

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { type Running, TestClient, startServer } from "./server.ts";

export interface Served {
  /** While tests and hooks run, not before. */
  readonly server: Running;
  readonly client: TestClient;
}

/** Called where a `describe` begins. `start`: how the server comes to be, when not as all others. */
export function served(start: () => Promise<Running> = () => startServer()): Served {
  let running: Served | null = null;
  before(async () => {
    const server = await start();
    running = { server, client: new TestClient(server.port) };
  });
  after(async () => {
    running?.client.close();
    await running?.server.close();
    assert.deepEqual(running?.server.faults, []);
  });
  return {
    get server() {
      return running!.server;
    },
    get client() {
      return running!.client;
    },
  };
}
