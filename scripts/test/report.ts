/** What the test run prints: a line a stage, every failure with its place, the slowest files, then the runner's summary, last. */

import { inspect } from "node:util";
import { relative } from "node:path";
import type { Results } from "./suites.ts";

const SLOW_FILES = 5;
const SLOW_MILLISECONDS = 2_000;
const STAGE_OUTPUT_LINES = 120;

export function stageLine(name: string, passed: boolean, milliseconds: number): string {
  return `${passed ? "✔" : "✖"} ${name.padEnd(16)} ${(milliseconds / 1000).toFixed(1).padStart(6)} s${passed ? "" : "  FAILED"}`;
}

/** The start of a failed stage's output, which is where compilers put the first cause. */
export function stageFailure(output: string): string {
  const lines = output.trimEnd().split("\n");
  const shown = lines.slice(0, STAGE_OUTPUT_LINES);
  if (lines.length > shown.length) shown.push(`… ${lines.length - shown.length} more lines`);
  return shown.map((line) => `    ${line}`).join("\n");
}

export function printResults(results: Results, failedStages: number): void {
  console.log(stageLine(`${results.files} test files`, results.passed, results.milliseconds));
  const slow = [...results.durations]
    .filter(([, milliseconds]) => milliseconds > SLOW_MILLISECONDS)
    .toSorted((left, right) => right[1] - left[1])
    .slice(0, SLOW_FILES);
  for (const [file, milliseconds] of slow) {
    console.log(`    ${(milliseconds / 1000).toFixed(1).padStart(6)} s ${here(file)}`);
  }
  for (const name of results.skipped) console.log(`    skipped: ${here(name)}`);
  for (const failure of results.failures) {
    console.log(`\n✖ ${here(failure.file)}: ${here(failure.name)}`);
    console.log(stageFailure(inspect(failure.error)));
  }
  for (const file of new Set(results.failures.map((failure) => failure.file))) {
    const output = results.output.get(file);
    if (output !== undefined) console.log(`\n  what ${here(file)} printed, its end:\n${stageFailure(output)}`);
  }
  if (results.files === 0) console.log("there is no test file under these paths");
  if (failedStages > 0) console.log(`\n✖ ${failedStages} of the stages before the tests failed; see above`);
  console.log("");
  for (const line of results.summary) console.log(`ℹ ${line}`);
}

function here(path: string): string {
  return path.startsWith("/") ? relative(process.cwd(), path) : path;
}
