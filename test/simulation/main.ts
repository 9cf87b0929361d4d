/**
 * `npm run sim -- [--seeds N] [--scenario name] [--from seed]`: runs scenarios under seeds, each twice, and says how it went.
 *
 * A failing seed is printed with the command that shows it again; the exit status is 1 when any failed.
 */

import { parseArgs } from "node:util";
import { SCENARIOS } from "./catalogue.ts";
import { type Scenario, runTwice } from "./scenario.ts";

const DEFAULT_SEEDS = 20;
const FAILURES_SHOWN = 3;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: String(DEFAULT_SEEDS) },
    from: { type: "string", default: "0" },
    scenario: { type: "string" },
  },
});

const seeds = wholeNumber("seeds", values.seeds, 1);
const first = wholeNumber("from", values.from, 0);
const chosen = SCENARIOS.filter(({ name }) => values.scenario === undefined || name === values.scenario);
if (chosen.length === 0) {
  console.error(`there is no scenario ${values.scenario}; there are ${SCENARIOS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
for (const scenario of chosen) {
  const result = await runSeeds(scenario);
  passed += result.passed;
  failed += result.failed;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function runSeeds(scenario: Scenario): Promise<{ readonly passed: number; readonly failed: number }> {
  const start = performance.now();
  let operations = 0;
  let crashes = 0;
  const failures: string[] = [];
  for (let seed = first; seed < first + seeds; seed += 1) {
    try {
      const outcome = await runTwice(scenario, seed);
      operations += outcome.operations;
      crashes += outcome.crashes;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  const milliseconds = Math.round(performance.now() - start);
  const verdict = failures.length === 0 ? "ok" : `${failures.length} FAILED`;
  console.log(
    `${scenario.name.padEnd(6)} ${seeds} seeds, ${operations} operations, ${crashes} crashes, ${milliseconds} ms: ${verdict}`,
  );
  for (const failure of failures.slice(0, FAILURES_SHOWN)) console.log(failure);
  return { passed: seeds - failures.length, failed: failures.length };
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= least) return number;
  console.error(`--${name} takes a whole number from ${least}, not ${text}`);
  process.exit(2);
}
