import assert from "node:assert/strict";
import { test } from "node:test";
import { compileRegex } from "./regex.ts";
import { Random } from "./testing/random.ts";
import { randomPattern } from "./testing/random-pattern.ts";

function found(pattern: string, text: string): boolean {
  const bytes = Buffer.from(`<${text}>`, "utf8");
  return compileRegex(pattern)(bytes, 1, bytes.length - 1);
}

test("random patterns say what the runtime's own expressions say", () => {
  const random = new Random(4711);
  for (let number = 0; number < 6000; number += 1) {
    const pattern = randomPattern(random, 4);
    const text = Array.from({ length: random.below(9) }, () =>
      random.pick(["a", "b", "c", "é", "😀", "1", " ", "\n"]),
    ).join("");
    const expected = new RegExp(pattern, "u").test(text);
    assert.equal(found(pattern, text), expected, `${pattern} on ${JSON.stringify(text)}`);
  }
});

test("what only RE2 has", () => {
  assert.ok(found("(?i)STRASSE É", "x strasse é"));
  assert.ok(!found("(?i:a)B", "Ab"));
  assert.ok(found("[[:alpha:]]{3}[^[:digit:]]", "abc-"));
  assert.ok(found("\\Qa.b\\E", "a.b") && !found("\\Qa.b\\E", "axb"));
  assert.ok(found("\\p{Greek}\\pL", "αx") && !found("\\P{Greek}", "α"));
  assert.ok(found("(?P<year>\\d{4})-\\x30", "in 2024-0"));
  assert.ok(found("(?s)a.b", "a\nb") && !found("a.b", "a\nb"));
  assert.ok(found("(?m)^b$", "a\nb\nc") && !found("^b$", "a\nb\nc"));
  assert.ok(found("a{,2}", "a{,2}"));
  assert.ok(found("\\_\\ \\!\\-[\\_]", "_ !-_"));
  assert.ok(found("", ""));
});

test("mistakes are errors", () => {
  const wrong = [
    "(",
    ")",
    "[a",
    "a**",
    "*",
    "a{2,1}",
    "a{1001}",
    "(?=a)",
    "(?<!a)",
    "\\1",
    "\\é",
    "\\😀",
    "[\\é]",
    "\\",
    "[z-a]",
    "\\p{Nope}",
    "(?z)",
  ];
  for (const pattern of wrong) assert.throws(() => compileRegex(pattern), { name: "RegexError" }, pattern);
  assert.throws(() => compileRegex("(((a{1000}){1000}){1000})"), /too large/);
  assert.throws(() => compileRegex("(".repeat(100_000)), { name: "RegexError" });
});

test("no pattern takes more than linear time", () => {
  const text = "a".repeat(20_000);
  const before = process.threadCpuUsage();
  assert.ok(!found("(a+)+$x", text));
  assert.ok(!found("(a|aa)*b", text));
  assert.ok(!found("(.*)*(.*)*(.*)*x$", text));
  assert.ok(process.threadCpuUsage(before).user < 3_000_000);
});
