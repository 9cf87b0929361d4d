import assert from "node:assert/strict";
import { test } from "node:test";
import { Progress, progressLine, withCommas } from "./progress.ts";
import type { Output } from "./progress.ts";

function recorder(isTTY: boolean, columns = 100): Output & { readonly written: string[] } {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) };
}

test("a line shows the share as a bar, in percent and in numbers", () => {
  assert.equal(
    progressLine("Loading", 1_500, 5_000, 100),
    "Loading  [#########---------------------]  30%  1,500 of 5,000",
  );
  assert.equal(progressLine("Loading", 0, 0, 100), "Loading  [##############################] 100%  0 of 0");
});

test("a line is never wider than the terminal leaves room for", () => {
  assert.equal(progressLine("Loading", 1, 2, 20).length, 19);
});

test("99.99 per cent is not yet all", () => {
  assert.match(progressLine("Loading", 9_999, 10_000, 100), /#-\] {2}99% /);
});

test("numbers are grouped in threes", () => {
  assert.deepEqual([0, 999, 1_000, 117_659, 1_000_000].map(withCommas), ["0", "999", "1,000", "117,659", "1,000,000"]);
});

test("on a terminal the same line is rewritten and ends with a fresh one", () => {
  const output = recorder(true);
  const progress = new Progress(output, "Loading", 2);
  progress.update(1);
  progress.update(1);
  progress.update(2);
  progress.finish();
  assert.equal(output.written.length, 4, "an unchanged line is not drawn again");
  assert.ok(output.written.slice(0, 3).every((text) => text.startsWith("\r") && !text.includes("\n")));
  assert.equal(output.written.at(-1), "\n");
});

test("elsewhere there is a plain line for each quarter", () => {
  const output = recorder(false);
  const progress = new Progress(output, "Loading", 5_000);
  for (let done = 0; done <= 5_000; done += 100) progress.update(done);
  progress.finish();
  assert.deepEqual(
    output.written,
    [25, 50, 75, 100].map((percent) => `Loading: ${percent} % of 5,000\n`),
  );
});

test("progress does not go back nor over its end", () => {
  const progress = new Progress(recorder(false), "Loading", 10);
  progress.update(5);
  assert.throws(() => progress.update(4), /forward/);
  assert.throws(() => progress.update(11), /forward/);
});
