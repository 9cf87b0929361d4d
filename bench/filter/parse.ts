/** Filter text to plan: short filters a second, a list of a hundred thousand keys. */

import { parseFilter } from "../../src/expr/filter.ts";
import { planFilter } from "../../src/expr/plan.ts";
import { printTable, thousands } from "../measure.ts";
import { medianMilliseconds } from "./scan.ts";
import { SCHEMA } from "./table.ts";

const SHORT = [
  "id > 5",
  "id in [1, 2, 3]",
  'name like "a%" and price < 1.5',
  'doc["size"] >= 10 or not (color == "red")',
  "1 < id <= 100",
];
const COUNT = 20_000;

export async function parsePart(): Promise<void> {
  const rate = (milliseconds: number): string => thousands((COUNT / milliseconds) * 1000);
  const parsed = await medianMilliseconds(() => {
    for (let at = 0; at < COUNT; at += 1) parseFilter(SHORT[at % SHORT.length]!, SCHEMA);
  });
  const planned = await medianMilliseconds(() => {
    for (let at = 0; at < COUNT; at += 1) planFilter(parseFilter(SHORT[at % SHORT.length]!, SCHEMA)!);
  });
  printTable(
    "short filters",
    ["", "a second"],
    [
      ["text to typed filter", rate(parsed)],
      ["text to program", rate(planned)],
    ],
  );
  const list = `id in [${Array.from({ length: 100_000 }, (_, at) => BigInt(at) * 92233720368547n).join(", ")}]`;
  const words = `name in [${Array.from({ length: 100_000 }, (_, at) => `"name-${at * 7919}"`).join(", ")}]`;
  const lines: string[][] = [];
  for (const [name, text] of [
    ["Int64", list],
    ["VarChar", words],
  ] as const) {
    const parse = await medianMilliseconds(() => parseFilter(text, SCHEMA), 9);
    const filter = parseFilter(text, SCHEMA)!;
    const plan = await medianMilliseconds(() => planFilter(filter), 9);
    lines.push([name, parse.toFixed(1), plan.toFixed(1)]);
  }
  printTable("a list of 100,000", ["", "to typed filter, ms", "to program, ms"], lines);
}
