/**
 * One case a number: a table, a typed filter and a text that means it, all from the seed and the number alone, so that any case can be shown again.
 *
 * Always true of what is checked: the text parses to the filter; the evaluator, each kernel's program and the plan of both together pass the rows
 * that the row-by-row oracle passes.
 */

import assert from "node:assert/strict";
import { SystemRuntime } from "../../src/base/host/system.ts";
import { parseFilter } from "../../src/expr/filter.ts";
import { oracleTruth } from "../../src/expr/oracle.ts";
import { parseSyntax } from "../../src/expr/parser.ts";
import { readPlaces } from "../../src/expr/place-columns.ts";
import { planFilter } from "../../src/expr/plan.ts";
import {
  assertEvaluated,
  assertPrograms,
  assertSameRows,
  oracleRows,
  type ProgramRunner,
} from "../../src/expr/testing/agreement.ts";
import { randomTopFilter } from "../../src/expr/testing/random-filter.ts";
import { randomTable, SCHEMA } from "../../src/expr/testing/random-table.ts";
import { Random } from "../../src/expr/testing/random.ts";
import { spell, type Spelling } from "../../src/expr/testing/spell.ts";
import type { Filter } from "../../src/model/filter.ts";
import { type FilterSource, passingRows } from "../../src/segment/filter-rows.ts";
import type { CaseCounts } from "./counts.ts";

const MOST_ROWS = 40;
/** Now and then beyond a stretch of the evaluator and of the kernel. */
const MANY_ROWS = 9_000;
const runtime = new SystemRuntime();

/** Throws with the number and the text where anybody disagrees. */
export async function checkCase(
  seed: number,
  number: number,
  runners: readonly ProgramRunner[],
  counts: CaseCounts,
): Promise<void> {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  const isLarge = random.chance(0.001);
  const rowCount = isLarge ? MANY_ROWS : random.below(MOST_ROWS);
  const source = randomTable(random, rowCount);
  const filter = randomTopFilter(random, isLarge ? 1 : 3);
  const spelling = spell(random, withoutCasts(filter));
  const where = `case ${number}: ${spelling.text}`;
  checkText(filter, spelling, where, counts);
  const expected = oracleRows(filter, source, rowCount);
  counts.filter(filter, expected, (inner, row) => oracleTruth(inner, source, row));
  assertEvaluated(filter, source, expected, where);
  counts.asked("evaluated", rowCount);
  const isProgram = assertPrograms(filter, source, expected, runners, where);
  if (isProgram) for (const { name } of runners) counts.asked(name, rowCount);
  const runner = random.pick(runners);
  runner.use();
  const segment: FilterSource = {
    indexesOver: () => [],
    filters: runner.filters,
    column: (fieldId) => source.column(fieldId),
    places: async (fieldId, paths) => {
      const column = source.column(fieldId);
      // Segments without room for places have the filter evaluated.
      return column.kind !== "bytes" || random.chance(0.2) ? null : readPlaces(column, paths, 0, rowCount);
    },
  };
  const bits = await passingRows(segment, planFilter(filter), rowCount, null, { runtime });
  assertSameRows(bits, expected, filter, `${where}, planned`);
  counts.asked("planned", rowCount);
}

function checkText(filter: Filter, { text, templates }: Spelling, where: string, counts: CaseCounts): void {
  const parsed = parseFilter(text, SCHEMA, templates);
  assert.ok(parsed !== null, where);
  assert.deepEqual(withoutSeeds(parsed), withoutSeeds(withoutCasts(filter)), `${where}: parsed`);
  counts.syntax(parseSyntax(text));
}

/** No text says that texts of documents are to be read as numbers. */
function withoutCasts(filter: Filter): Filter {
  return mapped(filter, (node) => {
    if (!("field" in node) || node.field.cast === undefined) return node;
    const { cast: _, ...field } = node.field;
    return { ...node, field } as Filter;
  });
}

function withoutSeeds(filter: Filter): Filter {
  return mapped(filter, (node) => (node.kind === "sample" ? { ...node, seed: 0 } : node));
}

function mapped(filter: Filter, change: (node: Filter) => Filter): Filter {
  if (filter.kind === "and" || filter.kind === "or") {
    return { ...filter, operands: filter.operands.map((operand) => mapped(operand, change)) };
  }
  if (filter.kind === "not") return { ...filter, operand: mapped(filter.operand, change) };
  if (filter.kind === "match") return { ...filter, inner: mapped(filter.inner, change) };
  return change(filter);
}
