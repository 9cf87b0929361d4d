/** Regular expressions in the kernel, the twin and the evaluator against the runtime's own, and where the kernel has no room. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { filtersOf, loadKernel } from "../kernel/load.ts";
import type { FilterKernel } from "../kernel/filter-kernel.ts";
import { TwinFilters } from "../kernel/twin/filter.ts";
import { hasBit } from "../model/bitset.ts";
import { type BytesColumn, bytesColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { CharacterSet, unicodeProperty } from "./character-set.ts";
import { CodeWriter } from "./code-writer.ts";
import { compileRegex } from "./regex.ts";
import { compileRegexSyntax } from "./regex-syntax.ts";
import { regexWords } from "./regex-words.ts";
import { Random } from "./testing/random.ts";
import { randomPattern } from "./testing/random-pattern.ts";

const twin = new TwinFilters();
const native = filtersOf(loadKernel());
const kernels: readonly FilterKernel[] = native === null ? [twin] : [twin, native];
const LETTERS = ["a", "b", "c", "é", "😀", "1", " ", "\n", "_", "İ", "ſ"];

/** What each kernel says of the rows; null where there is no program. */
function said(pattern: string, texts: BytesColumn): boolean[][] | null {
  const writer = new CodeWriter();
  const field = { fieldId: 1n, dataType: DataType.VarChar, path: [] };
  if (!writer.regex(writer.column(field), pattern)) return null;
  const program = writer.program();
  const rowCount = texts.offsets.length - 1;
  const run = { program, columns: [texts], rowCount, wanted: null };
  return kernels.map((kernel) => {
    const bits = kernel.filterNow(run);
    return Array.from({ length: rowCount }, (_, row) => hasBit(bits, row));
  });
}

function evaluated(pattern: string, texts: BytesColumn): boolean[] {
  const matches = compileRegex(pattern);
  return Array.from({ length: texts.offsets.length - 1 }, (_, row) =>
    matches(texts.bytes, texts.offsets[row]!, texts.offsets[row + 1]!),
  );
}

test("random patterns say what the runtime's own expressions say", () => {
  const random = new Random(815);
  for (let number = 0; number < 1500; number += 1) {
    const pattern = randomPattern(random, 4);
    const texts = Array.from({ length: 1 + random.below(20) }, () =>
      Array.from({ length: random.below(9) }, () => random.pick(LETTERS)).join(""),
    );
    const own = new RegExp(pattern, "u");
    const expected = texts.map((text) => own.test(text));
    const column = bytesColumn(DataType.VarChar, texts);
    for (const found of said(pattern, column)!)
      assert.deepEqual(found, expected, `${pattern} on ${JSON.stringify(texts)}`);
  }
});

test("what only RE2 has, and bytes that are no UTF-8, as the evaluator has them", () => {
  const random = new Random(4);
  const patterns = [
    "(?i)straSSE É|ſ",
    "(?i)[^a-ké]+$",
    "[[:alpha:]]{3}[^[:digit:]]",
    "\\p{Greek}\\pL|\\P{L}\\p{Nd}",
    "(?m)^b$|^$",
    "(?s)a.*\\bb",
    "\\x{fffd}|[\\x80-\\xff]{2}",
    "(a|b|ab)*c(?:é|\\W){2,5}\\B",
  ];
  const texts = Array.from({ length: 300 }, () =>
    Uint8Array.from({ length: random.below(12) }, () =>
      random.chance(0.7) ? random.pick([...Buffer.from("abcéα1 \n-ſIi")]) : random.below(256),
    ),
  );
  const column = bytesColumn(DataType.VarChar, texts);
  for (const pattern of patterns) {
    const expected = evaluated(pattern, column);
    for (const found of said(pattern, column)!) {
      for (const [row, text] of texts.entries())
        assert.equal(found[row], expected[row], `${pattern} on ${text.join()}`);
    }
  }
});

test("a state for every past of twenty characters is forgotten and made again", () => {
  if (native === null) return;
  const random = new Random(16);
  const pattern = "(?:a|b)*a(?:a|b){20}c";
  const own = new RegExp(pattern, "u");
  const texts = Array.from(
    { length: 4 },
    () => Array.from({ length: 30_000 }, () => random.pick(["a", "b"])).join("") + random.pick(["c", "d"]),
  );
  const column = bytesColumn(DataType.VarChar, texts);
  // The tail alone decides, and is short enough for an expression that goes back.
  const expected = texts.map((text) => own.test(text.slice(-22)));
  assert.deepEqual(said(pattern, column)!.at(-1), expected);
});

test("sets of characters", () => {
  const random = new Random(23);
  for (let number = 0; number < 300; number += 1) {
    const ranges = Array.from({ length: random.below(6) }, (): [number, number] => {
      const low = random.below(300);
      return [low, low + random.below(20)];
    });
    const set = CharacterSet.of(...ranges);
    for (let point = -1; point < 330; point += 1) {
      const isIn = ranges.some(([low, high]) => point >= low && point <= high);
      assert.equal(set.has(point), isIn);
      if (point >= 0) assert.equal(set.negated().has(point), !isIn);
    }
  }
  const letters = unicodeProperty("Lu")!;
  for (const [text, isUpper] of [
    ["A", true],
    ["a", false],
    ["Ω", true],
    ["𝐀", true],
    ["1", false],
  ] as const) {
    assert.equal(letters.has(text.codePointAt(0)!), isUpper, text);
  }
  assert.equal(unicodeProperty("None of these"), null);
});

test("what is too large is evaluated", () => {
  // As many different characters as the pattern has room for: a set and two boundaries each.
  const many = Array.from({ length: 3000 }, (_, at) => String.fromCodePoint(0x4e00 + 2 * at)).join("?");
  assert.equal(regexWords(compileRegexSyntax(many)), null);
  const writer = new CodeWriter();
  assert.equal(writer.regex(0, many), false);
});
