/**
 * Programs of regular expressions as words for the kernel (`native/include/elanus_filter.h` draws them). Characters are told apart only as far
 * as the program does: those that are in the same of its sets are one class.
 *
 * Always true: what the kernel has no room for is null, and evaluated.
 */

import { CharacterSet } from "./character-set.ts";
import { type Instruction, WORD } from "./regex-syntax.ts";

const MAX_WORDS = 1 << 18;
const INSTRUCTION = { match: 0, character: 1, split: 2, jump: 3, assert: 4 } as const;
const IS_WORD = 1;
const IS_NEWLINE = 2;
const NEWLINE = CharacterSet.of([10, 10]);

export function regexWords(program: readonly Instruction[]): Uint32Array | null {
  const { sets, numbers } = differentSets(program);
  const own = [...sets, WORD, NEWLINE];
  const boundaries = [...new Set(own.flatMap((set) => [...set.pairs()].flatMap(([low, high]) => [low, high + 1])))]
    .filter((point) => point > 0)
    .toSorted((left, right) => left - right);
  const classNumbers = new Map<string, number>();
  const samples: number[] = [];
  if (boundaries.length * own.length > MAX_WORDS * 2) return null;
  const classes = [0, ...boundaries].map((point) => {
    const name = own.map((set) => +set.has(point)).join("");
    let number = classNumbers.get(name);
    if (number === undefined) {
      classNumbers.set(name, (number = samples.length));
      samples.push(point);
    }
    return number;
  });
  const setWords = Math.ceil(samples.length / 32);
  const words = 4 + boundaries.length + classes.length + samples.length + sets.length * setWords + program.length * 3;
  if (words > MAX_WORDS) return null;
  return Uint32Array.from([
    samples.length,
    boundaries.length,
    sets.length,
    program.length,
    ...boundaries,
    ...classes,
    ...samples.map((point) => (WORD.has(point) ? IS_WORD : 0) | (NEWLINE.has(point) ? IS_NEWLINE : 0)),
    ...sets.flatMap((set) => bitsOf(set, samples, setWords)),
    ...program.flatMap((instruction) => instructionWords(instruction, numbers)),
  ]);
}

function differentSets(program: readonly Instruction[]): {
  readonly sets: readonly CharacterSet[];
  readonly numbers: ReadonlyMap<CharacterSet, number>;
} {
  const sets: CharacterSet[] = [];
  const numbers = new Map<CharacterSet, number>();
  const byRanges = new Map<string, number>();
  for (const instruction of program) {
    if (instruction.op !== "character" || numbers.has(instruction.set)) continue;
    const name = instruction.set.ranges.join();
    let number = byRanges.get(name);
    if (number === undefined) byRanges.set(name, (number = sets.push(instruction.set) - 1));
    numbers.set(instruction.set, number);
  }
  return { sets, numbers };
}

function bitsOf(set: CharacterSet, samples: readonly number[], setWords: number): number[] {
  const bits = Array.from<number>({ length: setWords }).fill(0);
  for (const [number, point] of samples.entries()) if (set.has(point)) bits[number >> 5]! |= 1 << (number & 31);
  return bits.map((word) => word >>> 0);
}

function instructionWords(instruction: Instruction, numbers: ReadonlyMap<CharacterSet, number>): number[] {
  const op = INSTRUCTION[instruction.op];
  switch (instruction.op) {
    case "match":
      return [op, 0, 0];
    case "character":
      return [op, numbers.get(instruction.set)!, 0];
    case "split":
      return [op, instruction.first, instruction.second];
    case "jump":
      return [op, instruction.to, 0];
    case "assert":
      return [op, instruction.assertion, 0];
  }
}
