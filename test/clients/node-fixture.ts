/**
 * A server of its own and the Node SDK connected to it, for the suite, or the file, that asks for them.
 *
 * Always true:
 *  - both are there from the suite's `before` to its `after`, which leaves no process, no connection and no file;
 *  - after `restart` the same directory is served by another process, and `client` is a new connection.
 */

import { after, before } from "node:test";
import type { MilvusClient } from "@zilliz/milvus2-sdk-node";
import { connectNodeClient } from "./node-client.ts";
import { type ServerProcess, dataDirectory, startServerProcess } from "./server-process.ts";

export interface Served {
  readonly client: MilvusClient;
  readonly server: ServerProcess;
  /** "kill": by SIGKILL. */
  restart(how?: "stop" | "kill"): Promise<void>;
}

/** Call it where the suite is declared. `flags`: of `elanus serve`. */
export function serveSuite(flags: readonly string[] = []): Served {
  const data = dataDirectory();
  let server: ServerProcess | null = null;
  let client: MilvusClient | null = null;
  const start = async (): Promise<void> => {
    server = await startServerProcess(data.path, flags);
    client = await connectNodeClient(server.port);
  };
  const end = async (how: "stop" | "kill"): Promise<void> => {
    await client?.closeConnection();
    client = null;
    await server?.[how]();
    server = null;
  };
  before(start);
  after(async () => {
    await end("stop");
    data[Symbol.dispose]();
  });
  return {
    get client() {
      if (client === null) throw new Error("the server is not there outside its suite");
      return client;
    },
    get server() {
      if (server === null) throw new Error("the server is not there outside its suite");
      return server;
    },
    async restart(how = "stop") {
      await end(how);
      await start();
    },
  };
}
