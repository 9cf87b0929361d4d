/** A database in a process of its own, filled once and kept, asked to search and to write. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { keptBuild } from "../index/built.ts";
import type { KnownBuilt } from "../index/built.ts";
import { recallOf } from "../index/curves.ts";
import type { Answer } from "../index/curves.ts";
import type { BenchData } from "../index/data.ts";
import type { DatabaseName, Question, Reply } from "./host.ts";

/** The first of the set. */
export const QUERIES = 300;

export interface Rival {
  readonly name: DatabaseName;
  readonly about: string;
  readonly built: KnownBuilt;
  search(width: number, buckets: number | null, truth: Uint32Array): Promise<Answer>;
  searchMany(width: number, each: number, truth: Uint32Array): Promise<Answer>;
  replace(count: number): Promise<Reply>;
  end(): Promise<void>;
}

/** Filled with the rows of the set, by this run or an earlier one; to be copied before it is used. */
export async function keptDatabase(
  name: DatabaseName,
  data: BenchData,
): Promise<{ readonly folder: string; readonly built: KnownBuilt }> {
  const folder = join(data.folder, `${name}.db`);
  const built = await keptBuild(data.folder, name, false, async () => {
    rmSync(folder, { recursive: true, force: true });
    const { ask } = started(name, folder, data);
    await ask({ ask: "open" });
    const { processorSeconds, seconds } = await ask({ ask: "build" });
    await ask({ ask: "close" });
    return { processorSeconds, wallSeconds: seconds, threads: 0, bytes: bytesIn(folder) };
  });
  return { folder, built };
}

export async function rivalOf(name: DatabaseName, data: BenchData): Promise<Rival> {
  const { folder: kept, built } = await keptDatabase(name, data);
  const working = join(data.folder, `${name}.working`);
  rmSync(working, { recursive: true, force: true });
  cpSync(kept, working, { recursive: true });
  const { ask } = started(name, working, data);
  const { about = "" } = await ask({ ask: "open" });
  return {
    name,
    about,
    built,
    search: async (width, buckets, truth) =>
      answerOf(await ask({ ask: "search", width, buckets, queryCount: QUERIES }), truth),
    searchMany: async (width, each, truth) =>
      answerOf(await ask({ ask: "search many", width, each, queryCount: QUERIES }), truth),
    replace: (count) => ask({ ask: "replace", count }),
    async end() {
      await ask({ ask: "close" });
      rmSync(working, { recursive: true, force: true });
    },
  };
}

function answerOf({ hits, processorSeconds }: Reply, truth: Uint32Array): Answer {
  return { recall: recallOf(Uint32Array.from(hits!), truth), perSecond: QUERIES / processorSeconds };
}

function started(
  name: DatabaseName,
  folder: string,
  data: BenchData,
): { readonly ask: (question: Question) => Promise<Reply> } {
  const child = fork(join(import.meta.dirname, "host.ts"), [name, folder, data.folder], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const ended = once(child, "exit").then(() => [{ error: "its process has ended" }]);
  return {
    async ask(question) {
      const answered = Promise.race([once(child, "message"), ended]) as Promise<[Reply]>;
      child.send(question);
      const [reply] = await answered;
      if (reply.error !== undefined) throw new Error(`${name}, ${question.ask}: ${reply.error}`);
      return reply;
    },
  };
}

function bytesIn(folder: string): number {
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
