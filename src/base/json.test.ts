import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeJson, encodeJson } from "./json.ts";

const leaf = fc.oneof(
  fc.double(),
  fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
  fc.uint8Array({ maxLength: 9 }),
  fc.string({ unit: "binary" }),
  fc.boolean(),
  fc.constant(null),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

test("property: what is written is read back, every bit of it", () => {
  fc.assert(
    fc.property(value, (entry) => {
      const bytes = encodeJson(entry);
      // `deepStrictEqual` tells the zeros apart, and finds NaN equal to itself.
      assert.deepStrictEqual(decodeJson(bytes), entry);
      assert.deepEqual(encodeJson(decodeJson(bytes)), bytes);
    }),
    { numRuns: 500 },
  );
});

test("the bytes are JSON of the documented form", () => {
  const written = encodeJson({ a: 1n, b: Uint8Array.of(1, 2), c: [-0, 0, Number.NaN, 1.5] });
  assert.equal(
    Buffer.from(written).toString(),
    '{"a":{"$int":"1"},"b":{"$bytes":"AQI="},"c":[{"$number":"-0"},0,{"$number":"NaN"},1.5]}',
  );
});
