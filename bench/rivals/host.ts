/**
 * One database in a process of its own, asked by `rivals.ts` over the channel of `fork`: `host.ts <name> <its folder> <folder of the data>`.
 * Its processor time is that of all its threads.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database, OpenDatabase } from "./database.ts";
import { openElanus } from "./elanus.ts";
import { openLance } from "./lancedb.ts";
import { openZvec } from "./zvec.ts";

export type DatabaseName = "elanus" | "zvec" | "lancedb";

export type Question =
  | { readonly ask: "open" | "build" | "close" }
  /** The first rows again. */
  | { readonly ask: "replace"; readonly count: number }
  | { readonly ask: "search"; readonly width: number; readonly buckets: number | null; readonly queryCount: number }
  | { readonly ask: "search many"; readonly width: number; readonly each: number; readonly queryCount: number };

export interface Reply {
  readonly about?: string;
  readonly error?: string;
  /** Numbers of the hits, ten a query. */
  readonly hits?: readonly number[];
  readonly processorSeconds: number;
  readonly seconds: number;
}

const OPEN: Readonly<Record<DatabaseName, OpenDatabase>> = {
  elanus: openElanus,
  zvec: openZvec,
  lancedb: openLance,
};

const [name, folder, data] = process.argv.slice(2) as [DatabaseName, string, string];
const { metric, dimension } = JSON.parse(readFileSync(join(data, "about.json"), "utf8")) as {
  metric: "COSINE" | "L2";
  dimension: number;
};

function floats(file: string): Float32Array<ArrayBuffer> {
  const bytes = readFileSync(join(data, file));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) as Float32Array<ArrayBuffer>;
}

const queries = floats("queries.f32");
let database: Database | null = null;

function vectorsOf(count: number): Float32Array[] {
  return Array.from({ length: count }, (_, at) => queries.subarray(at * dimension, (at + 1) * dimension));
}

function keep(hits: number[], found: ArrayLike<number>): void {
  for (let place = 0; place < 10; place += 1) hits.push(found[place] ?? -1);
}

async function answer(question: Question): Promise<Partial<Reply>> {
  if (question.ask === "open") {
    database = await OPEN[name](folder, metric, dimension);
    return { about: database.about };
  }
  if (database === null) throw new Error("it is not open");
  switch (question.ask) {
    case "build":
      await database.build({ first: 0, dimension, vectors: floats("rows.f32") });
      return {};
    case "replace": {
      const vectors = floats("rows.f32").slice(0, question.count * dimension);
      await database.replace({ first: 0, dimension, vectors });
      return {};
    }
    case "search": {
      const hits: number[] = [];
      for (const vector of vectorsOf(question.queryCount)) {
        keep(hits, await database.search(vector, question.width, question.buckets));
      }
      return { hits };
    }
    case "search many": {
      const hits: number[] = [];
      const all = vectorsOf(question.queryCount);
      for (let begin = 0; begin < all.length; begin += question.each) {
        const some = all.slice(begin, begin + question.each);
        for (const found of await database.searchMany!(some, question.width)) keep(hits, found);
      }
      return { hits };
    }
    case "close":
      await database.close();
      return {};
  }
}

process.on("message", (question: Question) => {
  const [start, used] = [performance.now(), process.cpuUsage()];
  const send = (part: Partial<Reply>): void => {
    const { user, system } = process.cpuUsage(used);
    const seconds = (performance.now() - start) / 1000;
    process.send!({ ...part, processorSeconds: (user + system) / 1e6, seconds } satisfies Reply, () => {
      if (question.ask === "close") process.exit();
    });
  };
  answer(question).then(send, (error: Error) => send({ error: error.message }));
});
