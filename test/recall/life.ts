/**
 * The process that dies: makes the collections, measures, deletes, writes on without a flush, and waits for its end.
 *
 *   rows 0 … 15,999 in one segment with its index, three of ten deleted; rows 16,000 … 16,399 growing beside
 */

import { Engine } from "../../src/engine/engine.ts";
import type { RecallCondition } from "../../src/index/recall.ts";
import { type Filled, create, deleteSome, flush, indexed, insert, load, measure } from "./collections.ts";
import type { Combination } from "./combinations.ts";

/** So many that graphs are walked: of fewer the kernel would look at every code. */
const ROWS = 16_000;
const GROWING = 400;

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

/** What is there when the process has died. */
export function rowsAfter(): number[] {
  return [...numbers(0, ROWS).filter((number) => ![0, 3, 6].includes(number % 10)), ...numbers(ROWS, ROWS + GROWING)];
}

async function live(directory: string, wanted: readonly Combination[]): Promise<void> {
  const engine = await Engine.open({ directory });
  const tell = (told: unknown): void => void process.stdout.write(`${JSON.stringify(told)}\n`);
  for (const [at, combination] of wanted.entries()) {
    const told = async (filled: Filled, condition: RecallCondition): Promise<void> =>
      tell({ at, condition, recall: await measure(engine, filled, condition) });
    await create(engine, combination);
    await insert(engine, combination, numbers(0, ROWS));
    await flush(engine, combination);
    await load(engine, combination);
    await indexed(engine, combination);
    const all: Filled = { combination, numbers: numbers(0, ROWS) };
    for (const condition of ["plain", "half", "tenth", "hundredth", "thousandth"] as const) await told(all, condition);
    const rest = await deleteSome(engine, all);
    await told(rest, "deleted");
    await insert(engine, combination, numbers(ROWS, ROWS + GROWING));
    await told({ combination, numbers: rowsAfter() }, "mixed");
  }
  tell("done");
  // Killed here; the engine keeps the process alive.
}

const [directory, wanted] = process.argv.slice(2);
if (import.meta.main && directory !== undefined && wanted !== undefined) {
  await live(directory, JSON.parse(wanted) as Combination[]);
}
