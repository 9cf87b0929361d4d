import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasBit } from "../model/bitset.ts";
import type { FixedColumn } from "../model/columns.ts";
import { expiredShare, NEVER_EXPIRES, TimesSampler, writeExpiryTimes } from "../model/expiry-times.ts";
import { DataType } from "../model/types.ts";
import { ExpiryTimes } from "./expiry-times.ts";
import { KERNELS } from "./testing/kernels.ts";

const MOST = (1n << 63n) - 1n;
const time = fc.option(
  fc.oneof(fc.bigInt({ min: -5n, max: 20n }), fc.bigInt({ min: -MOST, max: MOST }), fc.constant(MOST)),
);

function columnOf(values: readonly (bigint | null)[]): FixedColumn {
  return {
    kind: "fixed",
    type: DataType.Timestamptz,
    values: BigInt64Array.from(values, (value) => value ?? 0n),
    valid: values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 0 : 1)) : null,
  };
}

test("a row is seen until its own time, and for ever without one, whichever kernel says so and however the rows came", () => {
  const kernels = KERNELS.map((make) => make());
  const read = fc.record({ rows: fc.nat(60), until: fc.oneof(fc.bigInt({ min: 0n, max: 22n }), fc.constant(MOST)) });
  fc.assert(
    fc.property(fc.array(time, { maxLength: 60 }), fc.array(read, { maxLength: 6 }), (values, reads) => {
      for (const kernel of kernels) {
        const times = new ExpiryTimes();
        for (const { rows, until } of reads) {
          const rowCount = Math.min(rows, values.length);
          const field = { fieldId: 5n, untilMicroseconds: until };
          const seen = times.alive(kernel, { rowCount, visible: null }, columnOf(values), field);
          for (let row = 0; row < rowCount; row += 1) {
            const value = values[row]!;
            const isAlive = value === null || value > until;
            assert.equal(seen.visible === null || hasBit(seen.visible, row), isAlive, `${value} at ${until}`);
          }
          // Another field knows nothing of this one.
          const other = columnOf(values.map(() => null));
          const all = times.alive(kernel, { rowCount, visible: null }, other, { ...field, fieldId: 6n });
          for (let row = 0; row < rowCount; row += 1) assert.ok(all.visible === null || hasBit(all.visible, row));
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("a summary of times says something has expired exactly when something has, and about how much", () => {
  fc.assert(
    fc.property(fc.array(time, { minLength: 1, maxLength: 80 }), fc.bigInt({ min: 0n, max: 22n }), (values, until) => {
      const times = new BigUint64Array(values.length);
      writeExpiryTimes(columnOf(values), times, 0);
      const sampler = new TimesSampler(1n, times.length);
      for (const [row, value] of times.entries()) sampler.add(row, value);
      const expired = times.filter((value) => value !== NEVER_EXPIRES && value <= until).length / times.length;
      const share = expiredShare(sampler.summary(), until);
      assert.equal(share > 0, expired > 0);
      assert.ok(share <= expired + 1 / 4_096 && share > expired - 0.2 - 1e-9, `${share} of ${expired}`);
    }),
  );
});
