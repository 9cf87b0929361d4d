/**
 * Runs a case in Python: a script of `python/` in the repository's own environment, against a server.
 *
 * Always true: a script that fails, does not end, or prints no JSON is an error that carries what it printed. So is a missing environment:
 * nothing is skipped.
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const PYTHON = join(ROOT, ".venv/bin/python");
const CASE_LIMIT_MILLISECONDS = 120_000;

/** What the script said it saw. */
export type Seen = Readonly<Record<string, unknown>>;

/** Throws a sentence that tells what to do when there is no Python to run. */
export function requirePython(python: string = PYTHON): void {
  if (!existsSync(python)) {
    throw new Error(`the Python clients need ${python}: run "node scripts/setup.mjs" (it needs python3 and PyPI)`);
  }
}

export interface PythonCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How a script is run, by whoever speaks with it. */
export function pythonCommand(script: string, args: readonly string[]): PythonCommand {
  requirePython();
  return {
    command: PYTHON,
    args: ["-W", "ignore", join(import.meta.dirname, "python", `${script}.py`), ...args],
    env: {
      PATH: process.env["PATH"] ?? "",
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUTF8: "1",
      // numpy's threads would take the server's cores.
      OPENBLAS_NUM_THREADS: "1",
      GRPC_VERBOSITY: "NONE",
    },
  };
}

export async function runPython(script: string, port: number, ...more: readonly string[]): Promise<Seen> {
  const { command, args, env } = pythonCommand(script, [`127.0.0.1:${port}`, ...more]);
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: CASE_LIMIT_MILLISECONDS,
    killSignal: "SIGKILL",
    env,
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const how = await new Promise<string>((resolveEnd) => {
    child.once("error", (error) => resolveEnd(error.message));
    child.once("close", (status, signal) => resolveEnd(signal ?? `status ${status}`));
  });
  if (how !== "status 0") throw new Error(`${script}.py ended with ${how}\n${output}${errors}`);
  const line = output.trimEnd().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(line) as Seen;
  } catch {
    throw new Error(`${script}.py printed no JSON at its end:\n${output}${errors}`);
  }
}
