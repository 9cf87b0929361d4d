/** A few seeds of scenarios, for the ordinary run of the tests; `npm run sim` runs more. Two files run them beside each other. */

import { describe, test } from "node:test";
import { SCENARIOS } from "./catalogue.ts";
import { runTwice, type Scenario } from "./scenario.ts";

/** Rows have a field of every type, so that a seed costs what two did before. */
const SEEDS = 2;
/** Far from the seeds that `npm run sim` begins with. */
const FIRST_SEED = 100_000;

export function fastCut(title: string, isMeant: (scenario: Scenario) => boolean): void {
  describe(title, () => {
    for (const scenario of SCENARIOS.filter(isMeant)) {
      test(`${scenario.name}: ${scenario.about}`, async () => {
        for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) await runTwice(scenario, seed);
      });
    }
  });
}

/** Deletes, views and compactions by their letters in the catalogue of faults; the other file has all others. */
export function isAboutSegments({ name }: Scenario): boolean {
  return /^[DHM]\d/.test(name);
}
