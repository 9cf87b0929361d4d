/** A few of the cases of `npm run filters`, and that it would see a fault. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProgramRunner, programRunners } from "../../src/expr/testing/agreement.ts";
import type { FilterRun } from "../../src/kernel/filter-kernel.ts";
import { loadKernel } from "../../src/kernel/load.ts";
import { TwinFilters } from "../../src/kernel/twin/filter.ts";
import type { Bitset } from "../../src/model/bitset.ts";
import { checkCase } from "./cases.ts";
import { CaseCounts, EXPECTED_FORMS, EXPECTED_LEAVES } from "./counts.ts";

/** Wrong about row 16. */
class WrongFilters extends TwinFilters {
  override filterNow(run: FilterRun): Bitset {
    const bits = super.filterNow(run);
    if (run.rowCount > 16) bits[2]! ^= 1;
    return bits;
  }
}

const CASES = 1_200;
const SEED = 11;

test("filters of all the language, parsed, evaluated, and run by every kernel, say what the oracle says", async () => {
  const counts = new CaseCounts();
  const runners = programRunners(loadKernel());
  for (let number = 0; number < CASES; number += 1) await checkCase(SEED, number, runners, counts);
  assert.equal(counts.filters, CASES);
  for (const name of EXPECTED_LEAVES) assert.ok(counts.leaves.has(name), `no leaf: ${name}`);
  for (const name of EXPECTED_FORMS) assert.ok(counts.forms.has(name), `never written: ${name}`);
  for (const { name } of runners) assert.ok((counts.askedFilters.get(name) ?? 0) > CASES / 2, name);
  assert.ok(counts.passing > 0 && counts.unknown > 0);
});

test("a kernel that is wrong about one row of a filter is seen, and the case is the same the next time", async () => {
  const wrong: ProgramRunner = { name: "wrong", filters: new WrongFilters(), use: () => {} };
  const messages: string[] = [];
  for (const _ of [1, 2]) {
    for (let number = 0; number < 30; number += 1) {
      try {
        await checkCase(SEED, number, [wrong], new CaseCounts());
      } catch (error) {
        messages.push((error as Error).message);
      }
    }
  }
  assert.ok(messages.length > 10, `${messages.length} faults seen`);
  assert.match(messages[0]!, /^case \d+: .*, (wrong|planned), row 16: expected /s);
  assert.deepEqual(messages.slice(messages.length / 2), messages.slice(0, messages.length / 2));
});
