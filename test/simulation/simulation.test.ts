/** A fast cut of the simulation; `npm run sim` runs more seeds. */

import { describe, test } from "node:test";
import { SCENARIOS } from "./catalogue.ts";
import { runTwice } from "./scenario.ts";

const SEEDS = 3;
/** Far from the seeds that `npm run sim` begins with. */
const FIRST_SEED = 100_000;

describe("simulation", () => {
  for (const scenario of SCENARIOS) {
    test(`${scenario.name}: ${scenario.about}`, async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) await runTwice(scenario, seed);
    });
  }
});
