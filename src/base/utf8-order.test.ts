import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareUtf8 } from "./utf8-order.ts";

test("the order is that of the UTF-8 bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (left, right) => {
      const expected = Buffer.compare(Buffer.from(left), Buffer.from(right));
      assert.equal(Math.sign(compareUtf8(left, right)), expected);
    }),
  );
});

test("supplementary characters come after the private use area", () => {
  assert.ok(compareUtf8("\u{ffff}", "\u{10000}") < 0);
  assert.deepEqual(["\u{10000}", "\u{ffff}"].toSorted(compareUtf8), ["\u{ffff}", "\u{10000}"]);
  assert.ok(compareUtf8("a", "a/b") < 0);
  assert.equal(compareUtf8("é", "é"), 0);
});
