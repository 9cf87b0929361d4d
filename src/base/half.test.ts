import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bfloat16Of, float16Of, numberOfBfloat16, numberOfFloat16 } from "./half.ts";

const HALVES = [
  { name: "float16", number: numberOfFloat16, bits: float16Of },
  { name: "bfloat16", number: numberOfBfloat16, bits: bfloat16Of },
];

test("known numbers", () => {
  assert.deepEqual([0x0001, 0x0400, 0x3c00, 0x3555, 0x7bff, 0xfbff, 0x7c00, 0xfc00].map(numberOfFloat16), [
    2 ** -24,
    2 ** -14,
    1,
    0.333251953125,
    65504,
    -65504,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
  assert.ok(Number.isNaN(numberOfFloat16(0x7c01)) && Object.is(numberOfFloat16(0x8000), -0));
  assert.deepEqual([0x3f80, 0x4049, 0xff80].map(numberOfBfloat16), [1, 3.140625, Number.NEGATIVE_INFINITY]);
  assert.deepEqual(
    [65519, 65520, 1e9, -1e9, 2 ** -25, 1.5 * 2 ** -24, -0].map(float16Of),
    [0x7bff, 0x7c00, 0x7c00, 0xfc00, 0, 2, 0x8000],
  );
});

for (const { name, number, bits } of HALVES) {
  test(`${name}: every one of the 65,536 goes there and back`, () => {
    for (let given = 0; given < 65_536; given += 1) {
      const value = number(given);
      if (Number.isNaN(value)) assert.ok(Number.isNaN(number(bits(value))));
      else assert.equal(bits(value), given);
    }
  });

  test(`${name}: a number goes to its nearest`, () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const found = number(bits(value));
        if (!Number.isFinite(found)) return;
        const [below, above] = [number(bits(value) - 1), number(bits(value) + 1)];
        for (const other of [below, above]) {
          if (Number.isFinite(other)) assert.ok(Math.abs(found - value) <= Math.abs(other - value));
        }
      }),
      { numRuns: 5000 },
    );
  });
}
