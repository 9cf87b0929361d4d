/** `npm run fuzz -- filter --minutes 10 --seed 7`: hostile input for a bounded time; a fault ends it with the input that showed it. */

import { parseArgs } from "node:util";
import { fuzzFilters } from "./filter.ts";
import { fuzzRequests } from "./wire.ts";

const MOST_MINUTES = 24 * 60;
const KINDS: Readonly<Record<string, (seconds: number, seed: number) => void | Promise<void>>> = {
  filter: fuzzFilters,
  wire: fuzzRequests,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const kind = KINDS[positionals[0] ?? ""];
if (kind === undefined || !(minutes > 0 && minutes <= MOST_MINUTES) || !Number.isSafeInteger(seed)) {
  console.error(`usage: npm run fuzz -- ${Object.keys(KINDS).join(" | ")} [--minutes 1] [--seed 7]`);
  process.exit(2);
}
console.log(`fuzz ${positionals[0]}: ${minutes} minutes, seed ${seed}`);
await kind(minutes * 60, seed);
