/**
 * Regular expressions over UTF-8 in time linear in the text: all places of the program where a match can be are followed at once, so
 * no pattern makes a match go back.
 *
 * Always true: a match may begin and end anywhere (`^` and `$` bind it); bytes that are no UTF-8 are U+FFFD each; the work for one
 * character is at most the length of the program.
 */

import type { BytesMatcher } from "./like.ts";
import { type Instruction, compileRegexSyntax, holds, NO_CHARACTER } from "./regex-syntax.ts";

/** @throws RegexError */
export function compileRegex(pattern: string): BytesMatcher {
  const program = compileRegexSyntax(pattern);
  const literal = literalOf(program);
  if (literal !== null) {
    return (bytes, start, end) =>
      Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).indexOf(literal) >= 0;
  }
  const run = new RegexRun(program);
  return (bytes, start, end) => run.matches(bytes, start, end);
}

/** The text of a program that is nothing else. */
export function literalOf(program: readonly Instruction[]): Buffer | null {
  let text = "";
  for (const instruction of program) {
    if (instruction.op === "match") return Buffer.from(text, "utf8");
    if (instruction.op !== "character" || instruction.literal === null) return null;
    text += instruction.literal;
  }
  return null;
}

class RegexRun {
  readonly #program: readonly Instruction[];
  /** Character instructions that wait for the next character, each once. */
  #waiting: Int32Array;
  #waitingCount = 0;
  #next: Int32Array;
  #nextCount = 0;
  /** By instruction: the step in which it was reached last. */
  readonly #reached: Int32Array;
  #step = 0;
  readonly #open: Int32Array;
  #hasMatched = false;

  constructor(program: readonly Instruction[]) {
    this.#program = program;
    this.#waiting = new Int32Array(program.length);
    this.#next = new Int32Array(program.length);
    this.#reached = new Int32Array(program.length);
    this.#open = new Int32Array(program.length * 2 + 2);
  }

  matches(bytes: Uint8Array, start: number, end: number): boolean {
    this.#hasMatched = false;
    this.#waitingCount = 0;
    let before = NO_CHARACTER;
    let at = start;
    for (;;) {
      const after = at < end ? pointAt(bytes, at, end) : NO_CHARACTER;
      this.#beginStep();
      // What waited was reached before this character was known; assertions are looked at now.
      this.#nextCount = 0;
      for (let place = 0; place < this.#waitingCount; place += 1) this.#follow(this.#waiting[place]!, before, after);
      this.#follow(0, before, after);
      if (this.#hasMatched) return true;
      if (at >= end) return false;
      this.#waitingCount = 0;
      for (let place = 0; place < this.#nextCount; place += 1) {
        const number = this.#next[place]!;
        const instruction = this.#program[number]!;
        if (instruction.op === "character" && instruction.set.has(after))
          this.#waiting[this.#waitingCount++] = number + 1;
      }
      at += pointBytes(bytes, at, end);
      before = after;
    }
  }

  #beginStep(): void {
    this.#step += 1;
    if (this.#step < 0x7fffffff) return;
    this.#reached.fill(0);
    this.#step = 1;
  }

  /** Everything that is reached from an instruction without a character. */
  #follow(from: number, before: number, after: number): void {
    const open = this.#open;
    let count = 0;
    open[count++] = from;
    while (count > 0) {
      const number = open[--count]!;
      if (this.#reached[number] === this.#step) continue;
      this.#reached[number] = this.#step;
      const instruction = this.#program[number]!;
      switch (instruction.op) {
        case "match":
          this.#hasMatched = true;
          return;
        case "character":
          this.#next[this.#nextCount++] = number;
          break;
        case "jump":
          open[count++] = instruction.to;
          break;
        case "split":
          open[count++] = instruction.second;
          open[count++] = instruction.first;
          break;
        case "assert":
          if (holds(instruction.assertion, before, after)) open[count++] = number + 1;
      }
    }
  }
}

function pointBytes(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  const length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return Math.min(length, end - at);
}

function pointAt(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return first;
  const length = pointBytes(bytes, at, end);
  if (first < 0xc0 || length < (first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4)) return 0xfffd;
  let point = first & (0xff >> (length + 1));
  for (let byte = 1; byte < length; byte += 1) point = (point << 6) | (bytes[at + byte]! & 0x3f);
  return point <= 0x10ffff ? point : 0xfffd;
}
