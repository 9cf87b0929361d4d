import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutSourceAddresses } from "./addresses.ts";

test("the address of a worker points to the built file", () => {
  assert.equal(
    withoutSourceAddresses(
      `new Worker(new URL("./writer.ts", import.meta.url), {}); new URL('a/b.ts', import.meta.url)`,
    ),
    `new Worker(new URL("./writer.js", import.meta.url), {}); new URL('a/b.js', import.meta.url)`,
  );
});

test("other addresses and other words stay", () => {
  for (const text of [
    `new URL("../../package.json", import.meta.url)`,
    `new URL("x.ts", base)`,
    `const name = "x.ts";`,
    `new URL("./a.ts.txt", import.meta.url)`,
  ]) {
    assert.equal(withoutSourceAddresses(text), text);
  }
});
