/** `elanus serve`: standalone, until it is told to stop. */

import { resolve } from "node:path";
import { DEFAULT_HOST, DEFAULT_PORT, startServer } from "../../server/server.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../failure.ts";
import { kernelText, untilStopped } from "../serving.ts";

export const serve: Command = {
  name: "serve",
  aliases: ["run standalone"],
  summary: "Serve Milvus clients over a data directory",
  options: {
    data: { kind: "text", value: "directory", default: "./data", help: "The data directory, made when there is none" },
    host: { kind: "text", value: "address", default: DEFAULT_HOST, help: "The address to listen on" },
    port: {
      kind: "integer",
      value: "number",
      default: DEFAULT_PORT,
      least: 0,
      most: 65_535,
      help: "The port; 0 takes a free one",
    },
    "limit-found-deletes": {
      kind: "flag",
      help: "Count keys that a delete by filter finds against collection.deleteRate.max.mb",
    },
  },
  async run(invocation) {
    const { terminal } = invocation;
    const directory = resolve(invocation.text("data"));
    const server = await startServer({
      directory,
      host: invocation.text("host"),
      port: invocation.integer("port"),
      limits: { limitsFoundDeletes: invocation.flag("limit-found-deletes") },
      log: (line) => terminal.errors.write(`${line}\n`),
    });
    terminal.output.write(`data in ${directory}; ${kernelText(server.engine.kernel)}\n`);
    terminal.output.write(`listening on ${server.host}:${server.port}\n`);
    await untilStopped(terminal.stop);
    await server.close();
    return EXIT.done;
  },
};
