import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SortedMap } from "./sorted-map.ts";
import { compareUtf8 } from "./utf8-order.ts";

const key = fc.string({ unit: fc.constantFrom("a", "b", "/", "\u{ffff}", "\u{10000}"), maxLength: 4 });

test("it agrees with a plain map that is sorted for every question", () => {
  const step = fc.record({ key, isSet: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), key, fc.option(key), (steps, prefix, after) => {
      const sorted = new SortedMap<string>();
      const model = new Map<string, string>();
      for (const [number, { key: name, isSet }] of steps.entries()) {
        if (isSet) {
          sorted.set(name, `${name}=${number}`);
          model.set(name, `${name}=${number}`);
        } else assert.equal(sorted.delete(name), model.delete(name));
        assert.equal(sorted.get(name), model.get(name));
        assert.equal(sorted.size, model.size);
      }
      const expected = [...model.keys()]
        .filter((name) => name.startsWith(prefix) && (after === null || compareUtf8(name, after) > 0))
        .toSorted(compareUtf8)
        .map((name) => model.get(name));
      assert.deepEqual([...sorted.under(prefix, after)], expected);
    }),
  );
});
