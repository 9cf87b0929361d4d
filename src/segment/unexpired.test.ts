import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { composeTimestamp } from "../base/timestamp.ts";
import { hasBit } from "../model/bitset.ts";
import { expiredUntil } from "../model/expiry.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { KERNELS } from "./testing/kernels.ts";
import { unexpired } from "./visibility.ts";

function withTimeToLive(value: string | null): CollectionInfo {
  const properties = value === null ? [] : [{ key: "collection.ttl.seconds", value }];
  return { properties } as unknown as CollectionInfo;
}

test("the oldest row that is seen is as old as the time to live allows, to the millisecond", () => {
  const now = composeTimestamp(1_000_000, 7);
  assert.equal(expiredUntil(withTimeToLive("10"), now), composeTimestamp(990_000) - 1n);
  for (const off of [null, "0", "-1"]) assert.equal(expiredUntil(withTimeToLive(off), now), 0n);
  // Longer than there has been time.
  assert.equal(expiredUntil(withTimeToLive("3155760000"), now), 0n);
});

test("a row is seen when it was visible and has not expired, whichever kernel says so", () => {
  const kernels = KERNELS.map((make) => make());
  const row = fc.record({ insert: fc.bigInt({ min: 1n, max: 20n }), isVisible: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 200 }),
      fc.bigInt({ min: 0n, max: 22n }),
      fc.boolean(),
      (rows, until, hasMask) => {
        for (const kernel of kernels) {
          const inserts = BigUint64Array.from(rows, ({ insert }) => insert);
          const deletes = BigUint64Array.from(rows, ({ isVisible }) => (isVisible ? (1n << 64n) - 1n : 50n));
          const visible = hasMask ? kernel.visibleRows(inserts, deletes, rows.length, 100n) : null;
          const earliest = rows.reduce((least, { insert }) => (insert < least ? insert : least), 1n << 63n);
          const before = visible?.slice();
          const view = unexpired(kernel, { rowCount: rows.length, visible }, inserts, earliest, until);
          for (const [at, { insert, isVisible }] of rows.entries()) {
            const expected = insert > until && (isVisible || !hasMask);
            assert.equal(view.visible === null || hasBit(view.visible, at), expected);
          }
          assert.deepEqual(visible?.slice(), before);
        }
      },
    ),
    { numRuns: 200 },
  );
});
