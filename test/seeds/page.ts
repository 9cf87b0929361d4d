/** `docs/seeds.md` from the table of rows. The page is text of its own: nothing in it comes from the documents but numbers and names. */

import { PYTHON_CASES, type PythonCase, RESTARTED_CASES, SPOKEN_CASES, caseFile } from "../clients/pymilvus-cases.ts";
import { NODE_CASES, type NodeCase } from "./node-cases.ts";
import { OWN_CASES, type OwnCase } from "./own-cases.ts";
import { SEED_ROWS, type SeedRow } from "./rows.ts";

export const PAGE = "docs/seeds.md";

export function seedsPage(rows: readonly SeedRow[] = SEED_ROWS): string {
  const lines = [
    "# What the seed documents show of Elanus",
    "",
    "Made by `node scripts/setup.mjs run test/seeds/write.ts` from `test/seeds/rows.ts`; edit the table, not this page.",
    "",
    "Each row is one thing that the documents name, and what shows it: real clients against a served Elanus (`py`: unmodified pymilvus, `node`: Milvus's SDK for Node), or,",
    "for what no client sees, a test of our own. Rows that are not here are not shown yet.",
    "",
    `Verdicts: ${verdicts(rows)}.`,
    "",
    "| Row | What | Verdict | Cases |",
    "|---|---|---|---|",
    ...rows.map((row) => `| ${row.row} | ${cell(explained(row))} | ${row.verdict} | ${cell(casesOf(row))} |`),
    "",
    "## Where the documents' spelling is not the client's",
    "",
    "| Row | What works |",
    "|---|---|",
    ...rows.filter((row) => row.form !== undefined).map((row) => `| ${row.row} | ${cell(row.form!)} |`),
    "",
    "## Commands",
    "",
    "`npm test -- test/clients` runs every case of the clients. One of them:",
    "",
    "| Case | Shows | Command |",
    "|---|---|---|",
    ...pythonCommands(),
    ...nodeCommands(rows),
    ...ownCommands(),
    "",
  ];
  return lines.join("\n");
}

function verdicts(rows: readonly SeedRow[]): string {
  const counts = new Map<string, number>();
  for (const { verdict } of rows) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return [...counts]
    .toSorted(([left], [right]) => right.localeCompare(left))
    .map(([verdict, count]) => `${count} × ${verdict}`)
    .join(", ");
}

function explained({ what, missing, note }: SeedRow): string {
  return [what, ...(missing === undefined ? [] : [`missing: ${missing}`]), ...(note === undefined ? [] : [note])].join(
    "<br>",
  );
}

function casesOf(row: SeedRow): string {
  const python = row.python.map((name) => `\`py ${name}\``);
  const node = (row.node ?? []).map((name) => `\`node ${name}\``);
  const own = (row.own ?? []).map((name) => `\`${name}\``);
  return [...python, ...node, ...own].join(", ");
}

function pythonCommands(): string[] {
  return Object.entries({ ...PYTHON_CASES, ...RESTARTED_CASES, ...SPOKEN_CASES }).map(
    ([name, shows]) => `| \`py ${name}\` | ${cell(shows)} | ${command(caseFile(name as PythonCase), `${name}:`)} |`,
  );
}

function nodeCommands(rows: readonly SeedRow[]): string[] {
  const used = new Set<NodeCase>(rows.flatMap((row) => row.node ?? []));
  return [...used].toSorted().map((name) => {
    const { file, test } = NODE_CASES[name];
    return `| \`node ${name}\` | ${cell(test)} | ${command(`test/clients/${file}.test.ts`, test)} |`;
  });
}

function ownCommands(): string[] {
  return (Object.keys(OWN_CASES) as OwnCase[]).toSorted().map((name) => {
    const { file, test } = OWN_CASES[name];
    return `| \`${name}\` | ${cell(test)} | ${command(file, test)} |`;
  });
}

function command(path: string, pattern: string): string {
  return `\`npm test -- ${path} --test-name-pattern="${pattern}"\``;
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
