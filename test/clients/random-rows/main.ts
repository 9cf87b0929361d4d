/**
 * More of `random-rows.test.ts`, by hand:
 *
 *   npm run rows -- [--seed N] [--runs N] [--rows N] [--clients python|node|both]
 *
 * Seeds count up from the first; without `--seed` that is another one each time. Ends with status 1 at the first run that fails.
 */

import { parseArgs } from "node:util";
import { ACROSS_CARRIES, CLIENTS } from "./clients.ts";
import { type Journey, runJourney } from "./journey.ts";
import { seedOfRun } from "./seed.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(seedOfRun()) },
    runs: { type: "string", default: "10" },
    rows: { type: "string", default: "200" },
    clients: { type: "string" },
  },
});
const [first, runs, rowCount] = [values.seed, values.runs, values.rows].map(Number) as [number, number, number];
const { node, python } = CLIENTS;
const both = [python.client, node.client];
const WAYS: Readonly<Record<string, Pick<Journey, "writers" | "readers" | "carried">>> = {
  python: { writers: [python.client], readers: [python.client], carried: python.carried },
  node: { writers: [node.client], readers: [node.client], carried: node.carried },
  both: { writers: both, readers: both, carried: ACROSS_CARRIES },
};
const ways = values.clients === undefined ? Object.keys(WAYS) : [values.clients];
if (ways.some((way) => WAYS[way] === undefined) || ![first, runs, rowCount].every(Number.isSafeInteger)) {
  process.stderr.write("--clients is python, node or both; --seed, --runs and --rows take whole numbers\n");
  process.exit(2);
}
try {
  for (let seed = first; seed < first + runs; seed += 1) {
    for (const way of ways) {
      process.stdout.write(`seed ${seed}, ${way}: `);
      process.stdout.write(`${JSON.stringify(await runJourney({ seed, rowCount, ...WAYS[way]! }))}\n`);
    }
  }
} finally {
  for (const client of both) await client.close();
}
