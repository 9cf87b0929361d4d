import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { loadKernel } from "../kernel/load.ts";
import { fullBitset, setBit } from "../model/bitset.ts";
import { mergeHits } from "./merge-hits.ts";

test("hits of two parts of the rows are those of all rows", async () => {
  const kernel = loadKernel({ prefer: "twin" });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom("L2", "IP"),
      fc.nat({ max: 40 }),
      fc.boolean(),
      async (values, k, metric, border, ranked) => {
        const rowCount = values.length;
        const rows = kernel.createRows({ element: "float32", dimension: 1 });
        kernel.appendRows(rows, Float32Array.from(values));
        const rank = ranked ? Uint32Array.from(values, (_, row) => (row * 7) % 5) : null;
        const search = (allowed: Uint8Array | null) =>
          kernel.exactSearch({
            rows,
            rowCount,
            queries: Float32Array.of(1, 3),
            metric,
            k,
            allowed,
            rank,
            range: null,
          });
        const [low, high] = [new Uint8Array(fullBitset(rowCount).length), new Uint8Array(fullBitset(rowCount).length)];
        for (let row = 0; row < rowCount; row += 1) setBit(row < border ? low : high, row);
        const merged = mergeHits(await search(low), await search(high), metric, k, rank);
        assert.deepEqual(merged, await search(null));
        kernel.close(rows);
      },
    ),
    { numRuns: 300 },
  );
});
