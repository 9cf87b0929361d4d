/**
 * Fuzz of filters: half of the time texts through parser, evaluator and kernel, the other half damaged programs and documents in the kernel alone, under
 * sanitizers. The corpus is `corpus/filter.txt`, a text in JSON's spelling a line; a text that broke something belongs there.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { columnType, type FilterRun } from "../../src/kernel/filter-kernel.ts";
import { filtersOf, loadKernel } from "../../src/kernel/load.ts";
import { FilterTexts } from "./filter-text.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const CORPUS = join(import.meta.dirname, "corpus/filter.txt");
const CASES = join(ROOT, "build/native/fuzz/cases");
const MOST_CASES = 300;
const WITH_NULLS = 65_536;

export function filterCorpus(): string[] {
  const lines = readFileSync(CORPUS, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as string);
}

export function fuzzFilters(seconds: number, seed: number): void {
  const texts = new FilterTexts(seed, filterCorpus(), filtersOf(loadKernel()));
  texts.corpus();
  const end = performance.now() + (seconds / 2) * 1000;
  while (performance.now() < end) for (let times = 0; times < 100; times += 1) texts.step();
  const { texts: all, filters, programs } = texts.counts;
  console.log(`${all} texts, ${filters} of them filters, ${programs} of them programs: no fault`);
  rmSync(CASES, { recursive: true, force: true });
  mkdirSync(CASES, { recursive: true });
  const step = Math.max(1, Math.floor(texts.runs.length / MOST_CASES));
  const files: string[] = [];
  for (let at = 0; at < texts.runs.length; at += step) {
    const path = join(CASES, `${at}.bin`);
    writeFileSync(path, caseOf(texts.runs[at]!, seed + at));
    files.push(path);
  }
  const script = join(ROOT, "scripts/fuzz-native.mjs");
  execFileSync(process.execPath, [script, String(seconds / 2), String(seed), ...files], { stdio: "inherit" });
}

/** As native/test/fuzz_filter.cpp draws it. */
function caseOf({ program, columns, rowCount }: FilterRun, seed: number): Uint8Array {
  const { code, constants } = program;
  const types = columns.map(
    (column) => columnType(column) | (column.kind === "elements" || column.valid === null ? 0 : WITH_NULLS),
  );
  const words = Uint32Array.from([rowCount, types.length, code.length, constants.length, seed, ...types, ...code]);
  return Buffer.concat([Buffer.from(words.buffer), constants]);
}
