/** Regular expressions as the words of a filter program have them, all places followed at once: the oracle of the native kernel's. */

import { assert } from "../../base/assert.ts";

const Instruction = { Match: 0, Character: 1, Split: 2, Jump: 3, Assert: 4 } as const;
const IS_WORD = 1;
const IS_NEWLINE = 2;
const REPLACEMENT = 0xfffd;

/** What stands before and after a place: the flags of its class, or null for nothing. */
type Neighbour = number | null;

export class TwinRegex {
  readonly #boundaries: Uint32Array;
  readonly #classes: Uint32Array;
  readonly #flags: Uint32Array;
  readonly #sets: Uint32Array;
  readonly #setWords: number;
  readonly #code: Uint32Array;

  constructor(words: Uint32Array) {
    const [classCount, boundaryCount, setCount, instructionCount] = words as unknown as [
      number,
      number,
      number,
      number,
    ];
    let at = 4;
    const take = (count: number): Uint32Array => words.subarray(at, (at += count));
    this.#boundaries = take(boundaryCount);
    this.#classes = take(boundaryCount + 1);
    this.#flags = take(classCount);
    this.#setWords = Math.ceil(classCount / 32);
    this.#sets = take(setCount * this.#setWords);
    this.#code = take(instructionCount * 3);
    assert(at === words.length, "a regular expression has the words that it says");
  }

  matches(text: Uint8Array): boolean {
    let waiting = new Set<number>();
    let before: Neighbour = null;
    for (let at = 0; ;) {
      const [point, length] = at < text.length ? pointAt(text, at) : [-1, 0];
      const number = length === 0 ? -1 : this.#classOf(point);
      const after = number < 0 ? null : this.#flags[number]!;
      const reached = new Set<number>();
      for (const place of [...waiting, 0]) if (this.#follow(place, before, after, reached)) return true;
      if (number < 0) return false;
      waiting = new Set([...reached].filter((place) => this.#takes(place, number)).map((place) => place + 1));
      before = after;
      at += length;
    }
  }

  #takes(place: number, number: number): boolean {
    if (this.#code[place * 3] !== Instruction.Character) return false;
    const word = this.#sets[this.#code[place * 3 + 1]! * this.#setWords + (number >> 5)]!;
    return ((word >>> (number & 31)) & 1) === 1;
  }

  #classOf(point: number): number {
    const above = this.#boundaries.findIndex((boundary) => boundary > point);
    return this.#classes[above < 0 ? this.#boundaries.length : above]!;
  }

  /** True: it matches. */
  #follow(from: number, before: Neighbour, after: Neighbour, reached: Set<number>): boolean {
    const open = [from];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (reached.has(place)) continue;
      reached.add(place);
      const [op, first, second] = this.#code.subarray(place * 3) as unknown as [number, number, number];
      if (op === Instruction.Match) return true;
      if (op === Instruction.Split) open.push(second, first);
      else if (op === Instruction.Jump) open.push(first);
      else if (op === Instruction.Assert && holds(first, before, after)) open.push(place + 1);
    }
    return false;
  }
}

function holds(assertion: number, before: Neighbour, after: Neighbour): boolean {
  const is = (neighbour: Neighbour, flag: number): boolean => neighbour !== null && (neighbour & flag) !== 0;
  switch (assertion) {
    case 0:
      return before === null;
    case 1:
      return after === null;
    case 2:
      return before === null || is(before, IS_NEWLINE);
    case 3:
      return after === null || is(after, IS_NEWLINE);
    default:
      return (is(before, IS_WORD) !== is(after, IS_WORD)) === (assertion === 4);
  }
}

/** A point and its bytes; what is no UTF-8 is U+FFFD. */
function pointAt(text: Uint8Array, at: number): readonly [number, number] {
  const first = text[at]!;
  if (first < 0x80) return [first, 1];
  if (first < 0xc0) return [REPLACEMENT, 1];
  const wanted = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (at + wanted > text.length) return [REPLACEMENT, text.length - at];
  let point = first & (0xff >> (wanted + 1));
  for (let byte = 1; byte < wanted; byte += 1) point = (point << 6) | (text[at + byte]! & 0x3f);
  return [point <= 0x10ffff ? point : REPLACEMENT, wanted];
}
