/**
 * Libraries from PyPI, each as a process of its own, asked a line at a time, so that their rounds alternate with ours. They come into an
 * environment below the temporary folder; one that cannot be had is left out, and the bench says so.
 */

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const ENVIRONMENT = join(tmpdir(), "elanus-bench-peers");
const PYTHON = join(ENVIRONMENT, "bin/python");
const PROGRAM = resolve(import.meta.dirname, "peers.py");

export const PEERS = ["hnswlib", "rabitqlib", "faiss-cpu", "usearch"] as const;
export type PeerName = (typeof PEERS)[number];

export interface Peer {
  readonly name: PeerName;
  build(): Promise<{ readonly seconds: number; readonly bytes: number }>;
  search(ef: number): Promise<{ readonly seconds: number; readonly recall: number }>;
  end(): void;
}

/** null if it cannot be had. */
export async function peerOf(name: PeerName, folder: string): Promise<Peer | null> {
  try {
    if (!existsSync(PYTHON)) await run("python3", ["-m", "venv", ENVIRONMENT]);
    await run(PYTHON, ["-m", "pip", "install", "--quiet", "numpy", name]);
  } catch (error) {
    console.log(`no ${name}: ${(error as Error).message.split("\n", 1)[0]}`);
    return null;
  }
  const child = spawn(PYTHON, [PROGRAM, name, folder], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async <T>(question: string): Promise<T> => {
    child.stdin.write(`${question}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the process of ${name} has ended`);
    return JSON.parse(value) as T;
  };
  return { name, build: () => ask("build"), search: (ef) => ask(String(ef)), end: () => child.stdin.end() };
}
