/**
 * The test run: format, lint, types, then every test file. `npm test` runs all of it, `npm test -- src/log` that part only.
 *
 * Always true:
 *  - every stage runs, also after one has failed, and the exit status is 0 only when all of them passed;
 *  - where CI decides over a commit, the properties draw the same cases each time; elsewhere others each time, unless `--seed` says which;
 *  - each stage's time is printed, and the closing summary of Node's own test runner stands last.
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { findTestFiles } from "./test/files.ts";
import { printResults, stageFailure, stageLine } from "./test/report.ts";
import { runStage, staticStages } from "./test/stages.ts";
import { runTestFiles } from "./test/suites.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "test-name-pattern": { type: "string" }, seed: { type: "string" } },
});
const CI_SEED = 1;
const seed = values.seed !== undefined ? Number(values.seed) : process.env.CI !== undefined ? CI_SEED : undefined;
if (seed !== undefined && !Number.isInteger(seed)) {
  console.error("--seed takes a whole number");
  process.exit(2);
}

const root = resolve(import.meta.dirname, "..");
process.chdir(root);

const missing = positionals.filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.error(`there is no ${missing.join(", ")} in this checkout`);
  process.exit(2);
}

let failures = 0;
for (const stage of staticStages(positionals)) {
  const result = await runStage(stage);
  console.log(stageLine(stage.name, result.passed, result.milliseconds));
  if (!result.passed) {
    failures += 1;
    console.log(stageFailure(result.output));
  }
}

const files = findTestFiles(positionals);
const results = await runTestFiles(files, { namePattern: values["test-name-pattern"], seed });
printResults(results, failures);
if (failures > 0 || !results.passed) process.exitCode = 1;
