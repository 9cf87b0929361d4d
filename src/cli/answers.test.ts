import assert from "node:assert/strict";
import { test } from "node:test";
import { connectText, formatAnswer } from "./answers.ts";

const found = [
  { score: 0.53214, lemma: "carry-on", gloss: "luggage carried on by hand" },
  {
    score: 0.5,
    lemma: "a_very_long_compound",
    gloss: "a gloss that is far too long for a narrow terminal to show in one line",
  },
];

test("each answer is a line with score, word and gloss", () => {
  assert.equal(
    formatAnswer("a suitcase jammed with dirty clothes", found, 60),
    [
      `  "a suitcase jammed with dirty clothes"`,
      `    0.5321  carry-on      luggage carried on by hand`,
      `    0.5000  a very long … a gloss that is far too long for …`,
      "",
    ].join("\n"),
  );
});

test("no line is wider than the terminal", () => {
  for (const columns of [50, 80, 200]) {
    for (const line of formatAnswer("q", found, columns).split("\n")) assert.ok([...line].length <= columns, line);
  }
});

test("no answer is said, not shown as nothing", () => {
  assert.match(formatAnswer("q", [], 80), /nothing found/);
});

test("the programs name the address, an IPv6 one in brackets", () => {
  assert.match(connectText("127.0.0.1", 19_530, "wordnet"), /MilvusClient\("http:\/\/127\.0\.0\.1:19530"\)/);
  assert.match(connectText("::1", 1, "wordnet"), /address: "\[::1\]:1"/);
});
