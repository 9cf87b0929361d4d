/** The runner itself: what passes, what fails, and that nothing that fails goes by unseen. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const directory = mkdtempSync(join(tmpdir(), "elanus-runner-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const PROGRAM = `
  import { runTestFiles } from ${JSON.stringify(join(import.meta.dirname, "suites.ts"))};
  const [file, seed] = process.argv.slice(2);
  const results = await runTestFiles([file], seed === undefined ? {} : { seed: Number(seed) });
  console.log(JSON.stringify({
    ...results,
    failures: results.failures.map(({ name, error }) => [name, error.message]),
    output: Object.fromEntries(results.output),
  }));
`;

const program = join(directory, "program.ts");
writeFileSync(program, PROGRAM);

/** Node's runner refuses to run inside a test of its own, so each look at it is a process without the runner's mark. */
function resultsOf(
  source: string,
  { seed, limits = {} }: { readonly seed?: number; readonly limits?: Readonly<Record<string, string>> } = {},
): {
  passed: boolean;
  failures: [string, string][];
  summary: string[];
  skipped: string[];
  output: Record<string, string>;
} {
  const file = join(directory, `${Math.random().toString(36).slice(2)}.test.ts`);
  writeFileSync(file, `import test from "node:test";\nimport assert from "node:assert/strict";\n${source}`);
  const { NODE_TEST_CONTEXT: _mark, ELANUS_TEST_SEED: _seed, ...environment } = process.env;
  const words = [program, file, ...(seed === undefined ? [] : [String(seed)])];
  const child = spawnSync(process.execPath, words, { encoding: "utf8", env: { ...environment, ...limits } });
  assert.equal(child.status, 0, child.stderr);
  return JSON.parse(child.stdout.trim().split("\n").at(-1)!) as ReturnType<typeof resultsOf>;
}

test("a passing file passes and the summary is the runner's", () => {
  const results = resultsOf(`test("fine", () => assert.equal(1, 1));`);
  assert.equal(results.passed, true);
  assert.deepEqual(results.failures, []);
  assert.ok(results.summary.includes("pass 1") && results.summary.includes("fail 0"), results.summary.join("\n"));
});

test("a failing test in a suite is reported once, with what was thrown", () => {
  const results = resultsOf(`test.suite("outer", () => { test("inner", () => { throw new Error("the cause"); }); });`);
  assert.equal(results.passed, false);
  assert.deepEqual(results.failures, [["inner", "the cause"]]);
});

test("a seed makes properties draw the same cases again, and without one they draw others", () => {
  const source = `
    import fc from ${JSON.stringify(import.meta.resolve("fast-check"))};
    test("draws", () => fc.assert(fc.property(fc.double(), (drawn) => { console.log(drawn); }), { numRuns: 5 }));`;
  const drawn = (seed?: number): string => {
    const { passed, output } = resultsOf(source, seed === undefined ? {} : { seed });
    assert.equal(passed, true);
    const text = Object.values(output).join("");
    assert.equal(text.trim().split("\n").length, 5);
    return text;
  };
  assert.equal(drawn(7), drawn(7));
  assert.notEqual(drawn(7), drawn(8));
  assert.notEqual(drawn(), drawn());
});

test("a file that dies while loading fails", () => {
  assert.equal(resultsOf(`throw new Error("at load");`).passed, false);
});

test("a file that exits early with status 0 does not pass as green when it defines no test", () => {
  const results = resultsOf(`void test; void assert;`);
  assert.equal(results.passed, false);
});

test("a file whose tests pass and which does not end fails, and says what keeps it alive", () => {
  const results = resultsOf(`test("fine", () => {}); setInterval(() => {}, 1_000);`, {
    limits: { ELANUS_TEST_LINGER_MILLISECONDS: "200" },
  });
  assert.equal(results.passed, false);
  assert.match(
    Object.values(results.output).join(""),
    /the tests ended 0.2 s ago and the process did not; alive are: .*Timeout/,
  );
});

test("a file whose test never ends fails", () => {
  const results = resultsOf(`test("stuck", () => new Promise(() => setInterval(() => {}, 1_000)));`, {
    limits: { ELANUS_TEST_LIMIT_MILLISECONDS: "3000" },
  });
  assert.equal(results.passed, false);
  assert.match(Object.values(results.output).join(""), /no test has ended for 3 s/);
});

test("tests that end may take longer together than one of them may", () => {
  const source = `for (let at = 0; at < 4; at += 1) test(String(at), () => new Promise((done) => setTimeout(done, 2_000)));`;
  const results = resultsOf(source, { limits: { ELANUS_TEST_LIMIT_MILLISECONDS: "6000" } });
  assert.equal(results.passed, true);
});

test("a file that never comes back is ended, and fails", () => {
  const limits = { ELANUS_TEST_SILENCE_LIMIT_MILLISECONDS: "3000" };
  const results = resultsOf(`test("stuck", () => { for (;;); });`, { limits });
  assert.equal(results.passed, false);
});

test("skipped tests are named", () => {
  const results = resultsOf(`test.skip("left out", () => {}); test("kept", () => {});`);
  assert.equal(results.skipped.length, 1);
  assert.match(results.skipped[0]!, /left out$/);
});
