/**
 * Fuzz of requests. The corpus is `corpus/wire.txt`: a line for each kind of answer that a longer run has met, as JSON of the method and the
 * bytes in base64; a request that broke something belongs there.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HostileRequest, Requests } from "./requests.ts";

const CORPUS = join(import.meta.dirname, "corpus/wire.txt");
const MOST_KEPT = 300;
const MOST_BYTES = 600;

export function requestCorpus(): HostileRequest[] {
  const lines = readFileSync(CORPUS, "utf8").split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const { method, bytes } = JSON.parse(line) as { readonly method: string; readonly bytes: string };
      return { method, bytes: new Uint8Array(Buffer.from(bytes, "base64")) };
    });
}

export async function fuzzRequests(seconds: number, seed: number): Promise<void> {
  const requests = new Requests(seed, requestCorpus());
  await requests.corpus();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) await requests.step();
  await requests.close();
  console.log(`${requests.sent} requests, ${requests.interesting.length} kinds of answers: no fault`);
  const kept = requests.interesting.filter(({ bytes }) => bytes.length <= MOST_BYTES).slice(0, MOST_KEPT);
  const lines = kept.map(({ method, bytes }) =>
    JSON.stringify({ method, bytes: Buffer.from(bytes).toString("base64") }),
  );
  writeFileSync(CORPUS, `${lines.join("\n")}\n`);
}
