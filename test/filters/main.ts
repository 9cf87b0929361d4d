/**
 * `npm run filters -- [--count N] [--seed S] [--from number]`: random filters over random rows, in the evaluator and in the programs of every kernel
 * and instruction set, against the row-by-row oracle.
 *
 * A case that fails is printed with the command that shows it again; the exit status is 1 when any failed, or when some part of the language
 * did not come up although there were cases enough.
 */

import { parseArgs } from "node:util";
import { programRunners } from "../../src/expr/testing/agreement.ts";
import { loadKernel } from "../../src/kernel/load.ts";
import { checkCase } from "./cases.ts";
import { CaseCounts, EXPECTED_FORMS, EXPECTED_LEAVES } from "./counts.ts";

const DEFAULT_COUNT = 10_000;
const MOST_COUNT = 100_000_000;
const REPORTED_EVERY = 10_000;
const FAILURES_SHOWN = 3;
/** Of so many cases the rarest leaf has its share. */
const CASES_FOR_ONE = 100;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: String(DEFAULT_COUNT) },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
  },
});
const count = wholeNumber("count", values.count, 1, MOST_COUNT);
const seed = wholeNumber("seed", values.seed, 0, 2 ** 32 - 1);
const first = wholeNumber("from", values.from, 0, 2 ** 32 - 1);

const runners = programRunners(loadKernel());
const counts = new CaseCounts();
const start = performance.now();
let failed = 0;
console.log(`${count} filters, seed ${seed}: ${runners.map(({ name }) => name).join(", ")}`);
for (let number = first; number < first + count; number += 1) {
  try {
    await checkCase(seed, number, runners, counts);
  } catch (error) {
    failed += 1;
    if (failed <= FAILURES_SHOWN) {
      console.log(error instanceof Error ? error.message : String(error));
      console.log(`again: npm run filters -- --seed ${seed} --from ${number} --count 1`);
    }
  }
  const done = number - first + 1;
  if (done % REPORTED_EVERY === 0) console.log(`${done} filters, ${failed} failed, ${seconds()} s`);
}
const missing = report();
process.exitCode = failed > 0 || missing > 0 ? 1 : 0;

/** Returns how much of the language was too rare. */
function report(): number {
  const { filters, rows, passing, unknown } = counts;
  const least = Math.floor(count / CASES_FOR_ONE);
  const tables = [
    ["leaves", EXPECTED_LEAVES, counts.leaves],
    ["ways of writing", EXPECTED_FORMS, counts.forms],
  ] as const;
  let rare = 0;
  for (const [title, expected, found] of tables) {
    const names = [...new Set([...expected, ...found.keys()])];
    const shown = names.map((name) => ({ name, times: found.get(name) ?? 0 }));
    console.log(`${title}: ${shown.map(({ name, times }) => `${name} ${times}`).join(", ")}`);
    for (const { name, times } of shown) {
      if (!expected.includes(name) || times >= least) continue;
      rare += 1;
      console.log(`too rare: ${name}, ${times} times; ${least} were to be expected`);
    }
  }
  const asked = [...counts.askedFilters].map(([name, times]) => `${name} ${times}`).join(", ");
  console.log(`filters asked of: ${asked}`);
  console.log(
    `${filters} filters, ${rows} rows, ${passing} of them passed, ${unknown} first rows unknown, ${seconds()} s: ${failed === 0 ? "ok" : `${failed} FAILED`}`,
  );
  return rare;
}

function seconds(): number {
  return Math.round((performance.now() - start) / 1000);
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
  console.error(`--${name} takes a whole number from ${least} to ${most}, not ${text}`);
  process.exit(2);
}
