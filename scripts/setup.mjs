/**
 * Set-up: brings a fresh clone to where a program of the repository can run, then runs it with Node 24.
 *
 *     node scripts/setup.mjs                          only the set-up
 *     node scripts/setup.mjs run <file.ts> [args…]    the set-up, then that file
 *
 * Always true:
 *  - runs on Node 20 with nothing installed: plain JavaScript, no dependencies;
 *  - a step whose result is current costs a few hashes and prints nothing;
 *  - of two set-ups at once one works and the other waits for it, then looks again.
 *
 * The steps themselves are in `setup/steps.mjs`.
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { withLock } from "./setup/lock.mjs";
import { chooseNode, execute } from "./setup/run.mjs";
import { stepsFor } from "./setup/steps.mjs";

const root = resolve(import.meta.dirname, "..");
const [verb, file, ...rest] = process.argv.slice(2);

if (verb !== undefined && (verb !== "run" || file === undefined)) {
  process.stderr.write("usage: node scripts/setup.mjs [run <file.ts> [arguments]]\n");
  process.exit(2);
}

const steps = stepsFor(root, file, rest);
if (!steps.every((step) => step.isCurrent())) {
  await withLock(resolve(root, "build/setup.lock"), async () => {
    for (const step of steps) if (!step.isCurrent()) await work(step);
  });
}

if (verb === "run") {
  const path = resolve(root, file);
  if (!existsSync(path)) {
    process.stderr.write(`setup: there is no ${file} in this checkout\n`);
    process.exit(2);
  }
  execute(chooseNode(root), path, rest);
}

/** One line: what is done, then how long it took or why it failed. A failed step that others need ends the process. */
async function work(step) {
  const started = Date.now();
  process.stderr.write(`setup: ${step.title} … `);
  const failure = await step.work();
  if (failure === null) {
    process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stderr.write(`${failure.text}\n`);
  if (failure.output) process.stderr.write(`${bothEnds(failure.output.trimEnd().split("\n")).join("\n")}\n`);
  if (step.required) process.exit(1);
}

/** Some tools tell the cause first and some last. */
function bothEnds(lines) {
  const [head, tail] = [12, 24];
  if (lines.length <= head + tail) return lines;
  return [...lines.slice(0, head), `… ${lines.length - head - tail} lines …`, ...lines.slice(-tail)];
}
