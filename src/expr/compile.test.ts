import assert from "node:assert/strict";
import { test } from "node:test";
import { bitsetBytes, hasBit } from "../model/bitset.ts";
import type { Column } from "../model/columns.ts";
import type { Filter } from "../model/filter.ts";
import type { FilterColumn, FilterKernel } from "../kernel/filter-kernel.ts";
import { filtersOf, loadKernel } from "../kernel/load.ts";
import { NativeKernel } from "../kernel/native.ts";
import { TwinFilters } from "../kernel/twin/filter.ts";
import { compileCode, type FilterCode } from "./compile.ts";
import { evaluateFilter } from "./evaluate.ts";
import { oracleTruth } from "./oracle.ts";
import { readPlaces } from "./place-columns.ts";
import { printFilter } from "./print.ts";
import type { ColumnSource } from "./scan.ts";
import { Random, randomCastFilter, randomFilter, randomTable, SCHEMA } from "./testing/random.ts";

const native = loadKernel();
const kernels: readonly FilterKernel[] = [filtersOf(native), new TwinFilters()].filter((kernel) => kernel !== null);

function columnsOf(code: FilterCode, source: ColumnSource, rowCount: number): FilterColumn[] {
  return code.columns.map(({ fieldId, use, path }) => {
    const column: Column = source.column(fieldId);
    if (use === "valid") return { kind: "valid", valid: column.valid };
    assert.ok(column.kind === "fixed" || column.kind === "bytes");
    if (use === "values") return column;
    assert.ok(column.kind === "bytes");
    return readPlaces(column, [path], 0, rowCount)[0]!;
  });
}

let compiledCount = 0;

function agree(filter: Filter, source: ColumnSource, rowCount: number, where: string): void {
  const code = compileCode(filter);
  if (code === null) return;
  compiledCount += 1;
  const columns = columnsOf(code, source, rowCount);
  const expected = Array.from({ length: rowCount }, (_, row) => oracleTruth(filter, source, row) === true);
  for (const kernel of kernels) {
    const bits = kernel.filterNow({ program: code.program, columns, rowCount, wanted: null });
    assert.equal(bits.length, bitsetBytes(rowCount));
    for (let row = 0; row < bits.length * 8; row += 1) {
      if (hasBit(bits, row) === (expected[row] ?? false)) continue;
      assert.fail(`${where}, row ${row}: expected ${expected[row]}: ${printFilter(filter, SCHEMA)}`);
    }
  }
}

for (const set of native instanceof NativeKernel ? ["portable", "avx2", "avx512"] : ["none"]) {
  test(`programs say what the oracle says: ${set}`, (context) => {
    if (native instanceof NativeKernel) {
      const before = native.instructionSet;
      try {
        native.useInstructionSet(set);
      } catch {
        context.diagnostic(`${set} is not to be had here`);
        return;
      }
      context.after(() => native.useInstructionSet(before));
    }
    compiledCount = 0;
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = new Random(seed * 31);
      const rowCount = random.below(150);
      const source = randomTable(random, rowCount);
      for (let number = 0; number < 20; number += 1) {
        agree(randomCastFilter(random), source, rowCount, `seed ${seed}, filter ${number}`);
      }
    }
    assert.ok(compiledCount > 2000, `${compiledCount} programs`);
  });
}

test("rows beyond one stretch and one piece, off the thread, and only those that are wanted", async () => {
  if (!(native instanceof NativeKernel)) return;
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = new Random(seed * 977);
    const rowCount = seed === 1 ? 140_000 : 8192 + random.below(9000);
    const source = randomTable(random, rowCount);
    const filter = randomFilter(random, 2);
    const code = compileCode(filter);
    if (code === null) continue;
    const wanted = new Uint8Array(bitsetBytes(rowCount)).map(() => (random.chance(0.7) ? random.below(256) : 0));
    const run = { program: code.program, columns: columnsOf(code, source, rowCount), rowCount, wanted: null };
    const expected = evaluateFilter(filter, source, rowCount);
    assert.deepEqual(native.filters.filterNow(run), expected, `seed ${seed}: ${printFilter(filter, SCHEMA)}`);
    assert.deepEqual(await native.filters.filterOffThread(run), expected, `seed ${seed}`);
    const fewer = expected.map((byte, at) => byte & wanted[at]!);
    assert.deepEqual(await native.filters.filterOffThread({ ...run, wanted }), fewer, `seed ${seed}`);
  }
});
