/**
 * Filter texts: those of the corpus, printed random filters, both mutated by tokens and by characters.
 *
 * Always true of what is checked: a text gives a filter or a `MilvusError`, in time linear in its length; a filter that is printed and parsed says
 * the same; the kernel's program says of every row what the row-by-row oracle says.
 */

import assert from "node:assert/strict";
import { MilvusError } from "../../src/base/errors.ts";
import { codeColumn } from "../../src/expr/code-columns.ts";
import { compileCode } from "../../src/expr/compile.ts";
import { evaluateFilter } from "../../src/expr/evaluate.ts";
import { parseFilter } from "../../src/expr/filter.ts";
import { oracleTruth } from "../../src/expr/oracle.ts";
import { readPlaces } from "../../src/expr/place-columns.ts";
import { printFilter } from "../../src/expr/print.ts";
import type { ColumnSource } from "../../src/expr/scan.ts";
import { randomFilter } from "../../src/expr/testing/random-filter.ts";
import { randomTable, SCHEMA } from "../../src/expr/testing/random-table.ts";
import { Random } from "../../src/expr/testing/random.ts";
import type { FilterColumn, FilterKernel, FilterRun } from "../../src/kernel/filter-kernel.ts";
import { hasBit } from "../../src/model/bitset.ts";
import type { Filter } from "../../src/model/filter.ts";

const ROWS = 24;
const MOST_MILLISECONDS_A_TEXT = 2_000;
const WORDS =
  "and or not in like exists true json_contains array_length && || ! ( ) [ ] { } , == != < <= > >= + - * / % ** & | ~ =~ i64 f32 word flag";
const PIECES =
  'doc["a"] $meta nothing 0x1F 017 1e400 9223372036854775808 1.5 "a" \'b%\' r"\\d" "\\u12" " \' \\ 😀 {x} interval random_sample(0.5)';
const TOKENS = [...`${WORDS} ${PIECES}`.split(" "), "is null", "is not null", "\u0000", "\n"];

export interface TextCounts {
  texts: number;
  filters: number;
  programs: number;
}

/** Whether all its patterns mean the same in RE2 and in JavaScript: no escapes, classes, flags or counts. */
function isReadAlike(filter: Filter): boolean {
  if (filter.kind === "regex") return !/[\\[\]{}]|\(\?/.test(filter.pattern);
  return Object.values(filter)
    .flat()
    .every((part: unknown) => !isFilter(part) || isReadAlike(part));
}

function isFilter(part: unknown): part is Filter {
  return typeof part === "object" && part !== null && "kind" in part;
}

export class FilterTexts {
  readonly counts: TextCounts = { texts: 0, filters: 0, programs: 0 };
  /** Runs of programs, for the kernel's own fuzzer. */
  readonly runs: FilterRun[] = [];
  readonly #random: Random;
  readonly #corpus: readonly string[];
  readonly #filters: FilterKernel | null;
  #table: ColumnSource;

  constructor(seed: number, corpus: readonly string[], filters: FilterKernel | null) {
    this.#random = new Random(seed);
    this.#corpus = corpus;
    this.#filters = filters;
    this.#table = randomTable(this.#random, ROWS);
  }

  /** The corpus as it is. */
  corpus(): void {
    for (const text of this.#corpus) this.#check(text);
  }

  /** One more text. */
  step(): void {
    const random = this.#random;
    if (random.chance(0.02)) this.#table = randomTable(random, ROWS);
    let text = random.chance(0.5) ? random.pick(this.#corpus) : printFilter(randomFilter(random, 3), SCHEMA);
    if (random.chance(0.1)) text = Array.from({ length: random.below(20) }, () => random.pick(TOKENS)).join(" ");
    for (let times = random.below(4); times > 0; times -= 1) text = this.#mutated(text);
    this.#check(text);
  }

  #mutated(text: string): string {
    const random = this.#random;
    const at = random.below(text.length + 1);
    const end = Math.min(text.length, at + random.below(8));
    switch (random.below(5)) {
      case 0:
        return text.slice(0, at) + text.slice(end);
      case 1:
        return (
          text.slice(0, at) + String.fromCharCode(random.below(random.chance(0.8) ? 128 : 65_536)) + text.slice(at)
        );
      case 2:
        return `${text.slice(0, at)} ${random.pick(TOKENS)} ${text.slice(end)}`;
      case 3:
        return text.slice(0, at) + text.slice(at, end).repeat(1 + random.below(40)) + text.slice(end);
      default: {
        const other = random.pick(this.#corpus);
        const from = random.below(other.length + 1);
        return text.slice(0, at) + other.slice(from, from + random.below(60)) + text.slice(end);
      }
    }
  }

  #check(text: string): void {
    this.counts.texts += 1;
    // Of the processor: how busy the machine is says nothing of the text.
    const before = process.threadCpuUsage();
    let filter: Filter | null = null;
    try {
      filter = parseFilter(text, SCHEMA);
    } catch (error) {
      assert.ok(error instanceof MilvusError, `${JSON.stringify(text)}: ${String(error)}`);
    }
    const { user, system } = process.threadCpuUsage(before);
    const milliseconds = (user + system) / 1000;
    assert.ok(milliseconds < MOST_MILLISECONDS_A_TEXT, `${JSON.stringify(text)} took ${milliseconds} ms`);
    if (filter !== null) this.#checkFilter(filter, text);
  }

  #checkFilter(filter: Filter, text: string): void {
    this.counts.filters += 1;
    const where = JSON.stringify(text);
    const evaluated = evaluateFilter(filter, this.#table, ROWS);
    // The oracle reads patterns as JavaScript does: what the two read differently is only held against itself.
    const expected = Array.from({ length: ROWS }, (_, row) =>
      isReadAlike(filter) ? oracleTruth(filter, this.#table, row) === true : hasBit(evaluated, row),
    );
    for (let row = 0; row < ROWS; row += 1) assert.equal(hasBit(evaluated, row), expected[row], `${where}, row ${row}`);
    const code = compileCode(filter);
    if (code === null) return;
    this.counts.programs += 1;
    const columns = code.columns.map(({ fieldId, use, path }): FilterColumn => {
      const column = this.#table.column(fieldId);
      if (use !== "place") return codeColumn(use, column);
      assert.ok(column.kind === "bytes");
      return readPlaces(column, [path], 0, ROWS)[0]!;
    });
    const run = { program: code.program, columns, rowCount: ROWS, wanted: null };
    if (this.runs.length < 2_000) this.runs.push(run);
    if (this.#filters === null) return;
    const bits = this.#filters.filterNow(run);
    for (let row = 0; row < ROWS; row += 1)
      assert.equal(hasBit(bits, row), expected[row], `${where}, row ${row}, kernel`);
  }
}
