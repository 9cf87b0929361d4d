import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bfloat16Bits, bfloat16Value, findNotFiniteHalf, float16Bits, float16Value } from "./half.ts";
import { DataType } from "./types.ts";

const KINDS = [
  { name: "float16", bitsOf: float16Bits, valueOf: float16Value, largest: 0x7bff, type: DataType.Float16Vector },
  { name: "bfloat16", bitsOf: bfloat16Bits, valueOf: bfloat16Value, largest: 0x7f7f, type: DataType.BFloat16Vector },
] as const;

for (const { name, bitsOf, valueOf, largest, type } of KINDS) {
  describe(name, () => {
    test("every half is itself again", () => {
      for (let half = 0; half <= 0xffff; half += 1) {
        const value = valueOf(half);
        if (Number.isNaN(value)) assert.ok(Number.isNaN(valueOf(bitsOf(value))));
        else assert.equal(bitsOf(value), half);
      }
    });

    test("is the nearest, and of two the even one", () => {
      // Neighbours by their bits are neighbours by their values.
      for (let half = 0; half < largest; half += 1) {
        const [low, high] = [valueOf(half), valueOf(half + 1)];
        const middle = (low + high) / 2;
        const even = half % 2 === 0 ? half : half + 1;
        assert.equal(bitsOf(middle), even, `between ${low} and ${high}`);
        assert.equal(bitsOf(-middle), even | 0x8000);
        // A quarter is exact in a float32 where the half has bits to spare.
        const quarter = Math.fround(low + (high - low) / 4);
        if (quarter > low && quarter < middle) assert.equal(bitsOf(quarter), half);
      }
    });

    test("too much is an infinity, and found", () => {
      const halves = Uint16Array.of(bitsOf(1), bitsOf(-3e38 * 10), bitsOf(NaN));
      assert.equal(valueOf(halves[1]!), -Infinity);
      assert.equal(findNotFiniteHalf(type, halves, 0, 3), 1);
      assert.equal(findNotFiniteHalf(type, halves, 0, 1), -1);
      assert.equal(findNotFiniteHalf(type, halves, 2, 3), 2);
    });

    test("property: a float32 is never farther than from the two around it", () => {
      fc.assert(
        fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
          const half = bitsOf(value);
          if ((half & 0x7fff) > largest) return;
          const distance = Math.abs(valueOf(half) - value);
          for (const other of [half - 1, half + 1]) {
            if ((other & 0x7fff) <= largest && other >= 0 && (other & 0x8000) === (half & 0x8000)) {
              assert.ok(distance <= Math.abs(valueOf(other) - value));
            }
          }
        }),
      );
    });
  });
}

test("float16 rounds 65,519 to the largest and 65,520 to an infinity", () => {
  assert.equal(float16Value(float16Bits(65_519)), 65_504);
  assert.equal(float16Value(float16Bits(65_520)), Infinity);
});
