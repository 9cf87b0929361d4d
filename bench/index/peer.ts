/** Libraries from PyPI, each as a process of its own (`peers.py`), asked a line at a time, so that their rounds alternate with ours. */

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { keptBuild } from "./built.ts";
import type { Built, KnownBuilt } from "./built.ts";
import type { Answer } from "./curves.ts";
import { K } from "./data.ts";
import type { BenchData } from "./data.ts";
import { pythonWith } from "./environment.ts";
import { M } from "./own.ts";

const PROGRAM = join(import.meta.dirname, "peers.py");
const EF_CONSTRUCTION = 200;

export const PEERS = ["hnswlib", "rabitqlib", "faiss-cpu", "usearch"] as const;
export type PeerName = (typeof PEERS)[number];

export interface Peer {
  readonly name: PeerName;
  readonly built: KnownBuilt;
  search(ef: number): Promise<Answer>;
  end(): void;
}

/** null if it cannot be had. */
export async function peerOf(name: PeerName, data: BenchData, threads: number, again: boolean): Promise<Peer | null> {
  let python: string;
  try {
    python = await pythonWith("numpy", name);
  } catch (error) {
    console.log(`no ${name}: ${(error as Error).message.split("\n", 1)[0]}`);
    return null;
  }
  const { metric, dimension, folder } = data;
  const shape = { metric, dimension, k: K, m: M, efConstruction: EF_CONSTRUCTION };
  writeFileSync(join(folder, "shape.json"), JSON.stringify(shape));
  const child = spawn(python, [PROGRAM, name, folder], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: "1" },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async <T>(question: string): Promise<T> => {
    child.stdin.write(`${question}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the process of ${name} has ended`);
    return JSON.parse(value) as T;
  };
  let opened = false;
  const built = await keptBuild(folder, name, again, async () => {
    opened = true;
    return { ...(await ask<Omit<Built, "threads">>(`build ${threads}`)), threads };
  });
  if (!opened) await ask("load");
  const queryCount = data.queries.length / dimension;
  return {
    name,
    built,
    async search(ef) {
      const { seconds, recall } = await ask<{ seconds: number; recall: number }>(`search ${ef}`);
      return { recall, perSecond: queryCount / seconds };
    },
    end: () => child.stdin.end(),
  };
}
