/** `npm run crash -- --cycles 100 --seed 7 --directory /somewhere`: kills an engine again and again and looks what is left. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCycles } from "./cycles.ts";

const MOST_CYCLES = 10_000;
const LIMIT_MILLISECONDS = 60 * 60_000;

const { values } = parseArgs({
  options: {
    cycles: { type: "string", default: "20" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    directory: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const cycles = Number(values.cycles);
const seed = Number(values.seed);
if (!Number.isInteger(cycles) || cycles < 2 || cycles > MOST_CYCLES || !Number.isInteger(seed)) {
  console.error(`--cycles takes a whole number from 2 to ${MOST_CYCLES}, --seed a whole number`);
  process.exit(2);
}

const parent = mkdtempSync(join(values.directory ?? tmpdir(), "elanus-crash-"));
try {
  console.log(`crash: ${cycles} cycles, seed ${seed}, in ${parent}`);
  const directory = join(parent, "data");
  const began = performance.now();
  const summary = await runCycles({
    directory,
    cycles,
    seed,
    limitMilliseconds: LIMIT_MILLISECONDS,
    print: (line) => console.log(line),
  });
  const { lost, phantom, double, torn, wrong } = summary.findings;
  console.log(
    `deaths: ${Object.entries(summary.deaths)
      .map(([death, count]) => `${count} ${death}`)
      .join(", ")}`,
  );
  console.log(
    `crash: ${summary.cycles} cycles, ${summary.operations} operations, ${summary.acknowledged} acknowledged, ` +
      `${summary.unknown} unknown, ${lost.length} lost, ${phantom.length} phantom, ${double.length} double, ` +
      `${torn.length} torn, ${wrong.length} otherwise wrong, ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
  console.log(`${summary.passed} passed, ${summary.failed} failed`);
  process.exitCode = summary.failed === 0 ? 0 : 1;
} finally {
  if (values.keep) console.log(`left in ${parent}`);
  else rmSync(parent, { recursive: true, force: true });
}
