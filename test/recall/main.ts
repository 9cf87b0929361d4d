/** `npm run recall`: the whole matrix as a table, and status 1 where a promise is broken. `npm run recall -- HNSW` runs those with that in their name. */

import { CONDITIONS } from "../../src/index/recall.ts";
import { combinations, nameOf } from "./combinations.ts";
import { type Measured, runMatrix } from "./matrix.ts";

const AT_ONCE = 6;
const NAME_COLUMNS = 34;
const COLUMNS = 11;

const wanted = combinations().filter((combination) =>
  process.argv.slice(2).every((part) => nameOf(combination).includes(part)),
);
const head = CONDITIONS.map((condition) => condition.padStart(COLUMNS)).join("");
process.stdout.write(`${"".padEnd(NAME_COLUMNS)}${head}\n`);
let broken = 0;
for (let from = 0; from < wanted.length; from += AT_ONCE) {
  const measured = await runMatrix(wanted.slice(from, from + AT_ONCE));
  for (const [name, entries] of Map.groupBy(measured, ({ combination }) => nameOf(combination))) {
    const cells = CONDITIONS.map((condition) => cell(entries.find((entry) => entry.condition === condition)));
    process.stdout.write(`${name.padEnd(NAME_COLUMNS)}${cells.join("")}\n`);
    broken += entries.filter(isBroken).length;
  }
}
process.stdout.write(
  `${wanted.length} combinations, ${broken} promises broken (marked !); promises: src/index/recall.ts\n`,
);
if (broken > 0) process.exitCode = 1;

function isBroken({ recall, least }: Measured): boolean {
  return least === null || recall < least;
}

function cell(measured: Measured | undefined): string {
  if (measured === undefined) return "–".padStart(COLUMNS);
  return `${isBroken(measured) ? "!" : ""}${measured.recall.toFixed(4)}`.padStart(COLUMNS);
}
