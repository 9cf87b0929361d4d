/**
 * The matrix: each combination under each condition. One process makes the collections and measures what does not need a death; it is killed
 * where it stands; this one opens what it left and goes on.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Engine } from "../../src/engine/engine.ts";
import { RECALL_PROMISES, type RecallCondition } from "../../src/index/recall.ts";
import { compact, flush, indexed, loaded, measure } from "./collections.ts";
import { type Combination, nameOf } from "./combinations.ts";
import { rowsAfter } from "./life.ts";

export interface Measured {
  readonly combination: Combination;
  readonly condition: RecallCondition;
  readonly recall: number;
  /** What was promised; null: the type promises nothing, which is a mistake. */
  readonly least: number | null;
}

export function promised({ indexType }: Combination, condition: RecallCondition): number | null {
  const promise = RECALL_PROMISES[indexType];
  return promise === undefined ? null : (promise.besides?.[condition] ?? promise.least);
}

/** `tell` hears of each as it comes. */
export async function runMatrix(
  wanted: readonly Combination[],
  tell: (measured: Measured) => void = () => undefined,
): Promise<Measured[]> {
  const directory = mkdtempSync(join(tmpdir(), "elanus-recall-"));
  const measured: Measured[] = [];
  const add = (combination: Combination, condition: RecallCondition, recall: number): void => {
    const entry = { combination, condition, recall, least: promised(combination, condition) };
    measured.push(entry);
    tell(entry);
  };
  try {
    await firstLife(directory, wanted, add);
    const engine = await Engine.open({ directory });
    try {
      for (const combination of wanted) {
        await loaded(engine.proxy, combination);
        await indexed(engine, combination);
        const filled = { combination, numbers: rowsAfter() };
        add(combination, "reopened", await measure(engine, filled, "reopened"));
        // Rows that grew become a small segment, and the three of ten that were deleted leave the large one.
        await flush(engine, combination);
        await compact(engine, combination);
        await indexed(engine, combination);
        add(combination, "compacted", await measure(engine, filled, "compacted"));
      }
    } finally {
      await engine.close();
    }
    return measured;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs the process that dies. It tells a line a measurement, and then waits to be killed. */
async function firstLife(
  directory: string,
  wanted: readonly Combination[],
  add: (combination: Combination, condition: RecallCondition, recall: number) => void,
): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "life.ts"), directory, JSON.stringify(wanted)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let isDone = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line) as { at: number; condition: RecallCondition; recall: number } | "done";
    if (told === "done") {
      isDone = true;
      child.kill("SIGKILL");
    } else add(wanted[told.at]!, told.condition, told.recall);
  }
  await exited;
  if (!isDone) throw new Error(`the first life ended early, among ${wanted.map(nameOf).join(", ")}`);
}
