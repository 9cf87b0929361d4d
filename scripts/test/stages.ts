/** The stages before the tests: what is checked without running our code, and the Python that the client tests need. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

export interface Stage {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

export interface StageResult {
  readonly passed: boolean;
  readonly milliseconds: number;
  readonly output: string;
}

const SOURCES = ["src", "test", "scripts", "bench"];
const CLIENT_REQUIREMENTS = "test/clients/requirements.txt";

/** With paths given, format and lint look at those only; types are always checked whole, because they do not stop at a folder. */
export function staticStages(paths: readonly string[]): readonly Stage[] {
  const places = (paths.length > 0 ? paths : SOURCES).filter((path) => existsSync(path));
  const stages: Stage[] = [
    { name: "format", command: "node_modules/.bin/oxfmt", args: ["--check", ...places] },
    { name: "lint", command: "node_modules/.bin/oxlint", args: ["--deny-warnings", ...places] },
    { name: "types", command: "node_modules/.bin/tsc", args: ["--noEmit"] },
  ];
  if (paths.length === 0 && existsSync(CLIENT_REQUIREMENTS)) {
    stages.push({ name: "python clients", command: ".venv/bin/python", args: ["-c", "import pymilvus, pyarrow"] });
  }
  return stages;
}

export function runStage(stage: Stage): Promise<StageResult> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(stage.command, stage.args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const end = (passed: boolean): void => resolve({ passed, milliseconds: performance.now() - started, output });
    child.on("error", (error) => {
      output += `${stage.command} did not start: ${error.message}\n`;
      end(false);
    });
    child.on("close", (status) => end(status === 0));
  });
}
