/** The recall matrix, cut short: every index type once by each family that builds it, with the metric and type of vectors it is most used with. All: `npm run recall`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { familyOf } from "../../src/index/families.ts";
import { CONDITIONS, RECALL_PROMISES } from "../../src/index/recall.ts";
import { indexesOf, loadKernel } from "../../src/kernel/load.ts";
import { DataType, Metric } from "../../src/model/types.ts";
import { type Combination, combinations, nameOf } from "./combinations.ts";
import { runMatrix } from "./matrix.ts";
import { questions, recallOf } from "./rows.ts";

test("every type that is built promises something", () => {
  const missing = combinations().filter(({ indexType }) => RECALL_PROMISES[indexType] === undefined);
  assert.deepEqual(missing.map(nameOf), []);
});

test("the oracle tells right from wrong", () => {
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8];
  const asked = questions(1);
  const everything = recallOf(DataType.FloatVector, Metric.L2, asked, numbers, 8, [numbers]);
  assert.equal(everything, 1);
  const half = recallOf(DataType.FloatVector, Metric.L2, asked, numbers, 8, [[1, 2, 3, 4, 99]]);
  assert.equal(half, 0.5);
  const best = numbers.filter(
    (number) => recallOf(DataType.FloatVector, Metric.L2, asked, numbers, 1, [[number]]) === 1,
  );
  assert.equal(best.length, 1, "one row is the nearest");
});

/** By family: together they would take longer than a test may where the machine is busy. */
function cutByFamily(): Map<string, Combination[]> {
  const seen = new Set<string>();
  const cut = new Map<string, Combination[]>();
  for (const combination of combinations()) {
    const { indexType, dataType, metric } = combination;
    const family = familyOf(indexType, dataType, metric);
    if (family === null || seen.has(`${indexType} ${family.kind}`)) continue;
    seen.add(`${indexType} ${family.kind}`);
    cut.set(family.kind, [...(cut.get(family.kind) ?? []), combination]);
  }
  return cut;
}

if (indexesOf(loadKernel()) !== null) {
  test("every family that builds over dense vectors is looked at", () => {
    assert.deepEqual([...cutByFamily().keys()].toSorted(), ["bands", "graph", "lists", "slim"]);
  });

  for (const [kind, cut] of cutByFamily()) {
    test(`what is promised is found, under every condition: ${kind}`, async () => {
      const measured = await runMatrix(cut);
      const conditions = new Set(measured.map(({ condition }) => condition));
      for (const condition of CONDITIONS) assert.ok(conditions.has(condition), condition);
      const broken = measured.filter(({ recall, least }) => least === null || recall < least);
      assert.deepEqual(
        broken.map(({ combination, condition, recall, least }) => [nameOf(combination), condition, recall, least]),
        [],
      );
    });
  }
}
