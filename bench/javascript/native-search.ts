/** The program `search.cpp`, compiled by `compile.mjs`, as a process that is asked a line at a time. */

import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const COMPILE = join(import.meta.dirname, "compile.mjs");

export interface Took {
  readonly processorSeconds: number;
  readonly seconds: number;
}

export interface NativeSearch {
  /** All queries, so many a call, so many calls at once. */
  search(each: number, atOnce: number, ef: number): Promise<Took>;
  end(): void;
}

export async function nativeSearch(parameters: readonly string[]): Promise<NativeSearch> {
  const { stdout } = await promisify(execFile)(process.execPath, [COMPILE]);
  const child = spawn(stdout.trim(), parameters, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async search(each, atOnce, ef) {
      child.stdin.write(`${each} ${atOnce} ${ef}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error("the search program has ended");
      const [processorSeconds, seconds] = value.split(" ").map(Number) as [number, number];
      return { processorSeconds, seconds };
    },
    end: () => child.stdin.end(),
  };
}
