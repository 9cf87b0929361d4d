import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { oracleTruth } from "../expr/oracle.ts";
import { readPlaces } from "../expr/place-columns.ts";
import { type FilterPart, planFilter } from "../expr/plan.ts";
import { printFilter } from "../expr/print.ts";
import { randomCastFilter, randomFilter } from "../expr/testing/random-filter.ts";
import { randomTable, SCHEMA } from "../expr/testing/random-table.ts";
import { Random } from "../expr/testing/random.ts";
import type { FilterKernel } from "../kernel/filter-kernel.ts";
import { filtersOf, loadKernel } from "../kernel/load.ts";
import { TwinFilters } from "../kernel/twin/filter.ts";
import { bitsetBytes, emptyBitset, hasBit } from "../model/bitset.ts";
import { type FilterSource, passingRows } from "./filter-rows.ts";
import { PlaceColumns } from "./place-columns.ts";

const runtime = new SystemRuntime();
const native = filtersOf(loadKernel()) ?? new TwinFilters();

/** Some looks for places fail, as in a segment that has no room for them. */
function sourceOf(random: Random, rowCount: number, filters: FilterKernel | null): FilterSource {
  const table = randomTable(random, rowCount);
  const kept = native instanceof TwinFilters ? null : new PlaceColumns(native);
  return {
    indexesOver: () => [],
    filters,
    column: (fieldId) => table.column(fieldId),
    places: async (fieldId, paths) => {
      const column = table.column(fieldId);
      if (column.kind !== "bytes" || random.chance(0.3)) return null;
      return kept === null ? readPlaces(column, paths, 0, rowCount) : await kept.read(fieldId, column, paths, rowCount);
    },
  };
}

function kindsIn(part: FilterPart, kinds: Set<string>): void {
  kinds.add(part.kind);
  if (part.kind === "and" || part.kind === "or") for (const inner of part.parts) kindsIn(inner, kinds);
}

test("the kernel's parts and the evaluated parts together pass what the oracle passes, among the wanted rows", async () => {
  const kinds = new Set<string>();
  let mixed = 0;
  for (let seed = 1; seed <= 250; seed += 1) {
    const random = new Random(seed * 7);
    const rowCount = random.below(seed % 25 === 0 ? 20_000 : 90);
    const source = sourceOf(random, rowCount, [native, new TwinFilters(), null][rowCount > 1000 ? 0 : seed % 3]!);
    for (let number = 0; number < (rowCount > 1000 ? 1 : 10); number += 1) {
      const filter = randomCastFilter(random, 4);
      const plan = planFilter(filter);
      kindsIn(plan.part, kinds);
      if (plan.part.kind === "and" || plan.part.kind === "or") mixed += 1;
      const wanted = random.chance(0.5) ? null : emptyBitset(rowCount).map(() => random.below(256));
      const before = wanted?.slice() ?? null;
      const bits = await passingRows(source, plan, rowCount, wanted, { runtime });
      assert.equal(bits.length, bitsetBytes(rowCount));
      assert.deepEqual(wanted, before, "the wanted rows are the caller's");
      for (let row = 0; row < bits.length * 8; row += 1) {
        const isWanted = row < rowCount && (wanted === null || hasBit(wanted, row));
        const expected = isWanted && oracleTruth(filter, source, row) === true;
        if (hasBit(bits, row) !== expected) assert.fail(`seed ${seed}, row ${row}: ${printFilter(filter, SCHEMA)}`);
      }
    }
  }
  assert.deepEqual([...kinds].toSorted(), ["and", "code", "evaluate", "or"]);
  assert.ok(mixed > 20, `${mixed} filters of both kinds of parts`);
});

test("an abort ends a run of the kernel", async () => {
  const rowCount = 20_000;
  const source = sourceOf(new Random(3), rowCount, native);
  const stop = new AbortController();
  const plan = planFilter(randomFilter(new Random(11), 2));
  const reading = { runtime, signal: stop.signal };
  stop.abort(new Error("enough"));
  await assert.rejects(passingRows(source, plan, rowCount, null, reading), /enough/);
});
