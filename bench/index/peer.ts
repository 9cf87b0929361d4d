/**
 * hnswlib as a process of its own, asked a line at a time, so that its rounds alternate with ours. It comes from PyPI into an
 * environment below the temporary folder; without Python or network there is no peer, and the bench says so.
 */

import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const ENVIRONMENT = join(tmpdir(), "elanus-bench-hnswlib");
const PYTHON = join(ENVIRONMENT, "bin/python");
const PROGRAM = resolve(import.meta.dirname, "hnswlib_peer.py");

export interface Peer {
  build(): Promise<{ readonly seconds: number; readonly bytes: number }>;
  search(ef: number): Promise<{ readonly seconds: number; readonly recall: number }>;
  end(): void;
}

export async function hnswlibPeer(folder: string): Promise<Peer | null> {
  try {
    if (!existsSync(PYTHON)) await run("python3", ["-m", "venv", ENVIRONMENT]);
    await run(PYTHON, ["-m", "pip", "install", "--quiet", "numpy", "hnswlib"]);
  } catch (error) {
    console.log(`no hnswlib: ${(error as Error).message.split("\n", 1)[0]}`);
    return null;
  }
  const child = spawn(PYTHON, [PROGRAM, folder], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async <T>(question: string): Promise<T> => {
    write(child, question);
    const { value, done } = await lines.next();
    if (done === true) throw new Error("hnswlib's process has ended");
    return JSON.parse(value) as T;
  };
  return { build: () => ask("build"), search: (ef) => ask(String(ef)), end: () => child.stdin.end() };
}

function write(child: ChildProcess, line: string): void {
  child.stdin!.write(`${line}\n`);
}
