/**
 * Regular expressions in RE2's syntax to a program for `regex.ts`.
 *
 *   x . [a-z] [^a] [[:alpha:]] \d \w \s \D \W \S \pL \p{Greek} \PL   xy x|y   x* x+ x? x{2} x{2,} x{2,5}, each also with ? behind
 *   (x) (?:x) (?P<n>x) (?<n>x) (?i) (?s) (?m) (?U), also (?i:x) and (?i-s)   ^ $ \A \z \b \B   \Q…\E \n \x41 \x{41} \101
 *
 * Always true: a program has at most `MAX_INSTRUCTIONS`; what RE2 does not have (back references, looking around) is an error.
 */

import { CharacterSet, unicodeProperty } from "./character-set.ts";

/** What is asked of the characters before and behind a place; the numbers are the kernel's. */
export const Assertion = {
  TextStart: 0,
  TextEnd: 1,
  LineStart: 2,
  LineEnd: 3,
  Boundary: 4,
  NoBoundary: 5,
} as const;
export type Assertion = (typeof Assertion)[keyof typeof Assertion];

export type Instruction =
  | { readonly op: "character"; readonly set: CharacterSet; readonly literal: string | null }
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "assert"; readonly assertion: Assertion }
  | { readonly op: "match" };

export class RegexError extends Error {
  override readonly name = "RegexError";
}

const MAX_INSTRUCTIONS = 20_000;
const MAX_REPEAT = 1000;
const MAX_DEPTH = 250;
/** What stands before the first and after the last character. */
export const NO_CHARACTER = -1;

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly multiline: boolean;
}

type Node =
  | { readonly kind: "set"; readonly set: CharacterSet; readonly literal: string | null }
  | { readonly kind: "assert"; readonly assertion: Assertion }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly Node[] }
  | { readonly kind: "repeat"; readonly part: Node; readonly least: number; readonly most: number };

/** @throws RegexError */
export function compileRegexSyntax(pattern: string): readonly Instruction[] {
  const node = new PatternReader(pattern).whole();
  const program: Instruction[] = [];
  emit(program, node);
  program.push({ op: "match" });
  return program;
}

function push(program: Instruction[], instruction: Instruction): void {
  if (program.length >= MAX_INSTRUCTIONS) throw new RegexError("expression is too large");
  program.push(instruction);
}

function emit(program: Instruction[], node: Node): void {
  switch (node.kind) {
    case "set":
      return push(program, { op: "character", set: node.set, literal: node.literal });
    case "assert":
      return push(program, { op: "assert", assertion: node.assertion });
    case "sequence":
      for (const part of node.parts) emit(program, part);
      return;
    case "choice":
      return emitChoice(program, node.parts);
    case "repeat":
      return emitRepeat(program, node.part, node.least, node.most);
  }
}

function emitChoice(program: Instruction[], parts: readonly Node[]): void {
  const ends: { to: number }[] = [];
  for (const [at, part] of parts.entries()) {
    if (at === parts.length - 1) {
      emit(program, part);
      break;
    }
    const split = { op: "split" as const, first: program.length + 1, second: 0 };
    push(program, split);
    emit(program, part);
    const jump = { op: "jump" as const, to: 0 };
    push(program, jump);
    ends.push(jump);
    split.second = program.length;
  }
  for (const jump of ends) jump.to = program.length;
}

function emitRepeat(program: Instruction[], part: Node, least: number, most: number): void {
  for (let count = 0; count < least; count += 1) emit(program, part);
  if (most === Infinity) {
    const start = program.length;
    const split = { op: "split" as const, first: start + 1, second: 0 };
    push(program, split);
    emit(program, part);
    push(program, { op: "jump", to: start });
    split.second = program.length;
    return;
  }
  const splits: { second: number }[] = [];
  for (let count = least; count < most; count += 1) {
    const split = { op: "split" as const, first: program.length + 1, second: 0 };
    push(program, split);
    splits.push(split);
    emit(program, part);
  }
  for (const split of splits) split.second = program.length;
}

const ESCAPED: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, f: 12, v: 11, a: 7 };
const DIGIT = CharacterSet.of([48, 57]);
export const WORD = CharacterSet.of([48, 57], [65, 90], [95, 95], [97, 122]);
const NEWLINE = 10;
const ANY = CharacterSet.of([0, 0x10ffff]);
const NO_NEWLINE = CharacterSet.of([NEWLINE, NEWLINE]).negated();
const CLASSES: Readonly<Record<string, CharacterSet>> = {
  d: DIGIT,
  w: WORD,
  s: CharacterSet.of([9, 10], [12, 13], [32, 32]),
};
const NAMED: Readonly<Record<string, CharacterSet>> = {
  alnum: CharacterSet.of([48, 57], [65, 90], [97, 122]),
  alpha: CharacterSet.of([65, 90], [97, 122]),
  ascii: CharacterSet.of([0, 127]),
  blank: CharacterSet.of([9, 9], [32, 32]),
  cntrl: CharacterSet.of([0, 31], [127, 127]),
  digit: DIGIT,
  graph: CharacterSet.of([33, 126]),
  lower: CharacterSet.of([97, 122]),
  print: CharacterSet.of([32, 126]),
  punct: CharacterSet.of([33, 47], [58, 64], [91, 96], [123, 126]),
  space: CharacterSet.of([9, 13], [32, 32]),
  upper: CharacterSet.of([65, 90]),
  word: WORD,
  xdigit: CharacterSet.of([48, 57], [65, 70], [97, 102]),
};

export function holds(assertion: Assertion, before: number, after: number): boolean {
  switch (assertion) {
    case Assertion.TextStart:
      return before === NO_CHARACTER;
    case Assertion.TextEnd:
      return after === NO_CHARACTER;
    case Assertion.LineStart:
      return before === NO_CHARACTER || before === NEWLINE;
    case Assertion.LineEnd:
      return after === NO_CHARACTER || after === NEWLINE;
    default:
      return (WORD.has(before) !== WORD.has(after)) === (assertion === Assertion.Boundary);
  }
}

class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;
  #depth = 0;
  #flags: Flags = { ignoreCase: false, dotAll: false, multiline: false };

  constructor(pattern: string) {
    this.#characters = [...pattern];
  }

  whole(): Node {
    const node = this.#choice();
    if (this.#at < this.#characters.length) throw new RegexError("unexpected )");
    return node;
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(expected: string): boolean {
    if (this.#peek() !== expected) return false;
    this.#at += 1;
    return true;
  }

  #choice(): Node {
    if ((this.#depth += 1) > MAX_DEPTH) throw new RegexError("expression nests too deeply");
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    this.#depth -= 1;
    return parts.length === 1 ? parts[0]! : { kind: "choice", parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek()) {
      const atom = this.#atom();
      if (atom !== null) parts.push(this.#repeated(atom));
    }
    return parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
  }

  #repeated(part: Node): Node {
    const count = this.#count();
    if (count === null) return part;
    this.#take("?");
    if (this.#count() !== null) throw new RegexError("invalid nested repetition operator");
    return { kind: "repeat", part, ...count };
  }

  #count(): { readonly least: number; readonly most: number } | null {
    if (this.#take("*")) return { least: 0, most: Infinity };
    if (this.#take("+")) return { least: 1, most: Infinity };
    if (this.#take("?")) return { least: 0, most: 1 };
    // A brace that is no count is a character.
    const match = /^\{(\d{1,5})(?:(,)(\d{1,5})?)?\}/.exec(this.#characters.slice(this.#at, this.#at + 14).join(""));
    if (match === null) return null;
    this.#at += match[0].length;
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === undefined ? Infinity : Number(match[3]);
    if (least > MAX_REPEAT || (most !== Infinity && most > MAX_REPEAT) || most < least) {
      throw new RegexError(`invalid repeat count: ${match[0]}`);
    }
    return { least, most };
  }

  /** Null for what is no part of the expression: flags, empty quotations. */
  #atom(): Node | null {
    const character = this.#characters[this.#at++]!;
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return this.#one(this.#class());
      case ".":
        return this.#one(this.#flags.dotAll ? ANY : NO_NEWLINE);
      case "^":
        return { kind: "assert", assertion: this.#flags.multiline ? Assertion.LineStart : Assertion.TextStart };
      case "$":
        return { kind: "assert", assertion: this.#flags.multiline ? Assertion.LineEnd : Assertion.TextEnd };
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        throw new RegexError(`missing argument to repetition operator: ${character}`);
      default:
        return this.#literal(character.codePointAt(0)!);
    }
  }

  #group(): Node | null {
    const outer = this.#flags;
    if (this.#take("?")) {
      const rest = this.#characters.slice(this.#at, this.#at + 100).join("");
      const name = /^P?<[A-Za-z_]\w*>/.exec(rest);
      const flags = /^([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest);
      if (name !== null) this.#at += name[0].length;
      else if (flags !== null) {
        this.#at += flags[0].length;
        this.#flags = changed(outer, flags[1]!, flags[2] ?? "");
        if (flags[3] === ")") return null;
      } else throw new RegexError(`invalid or unsupported Perl syntax: (?${rest.slice(0, 2)}`);
    }
    const inner = this.#choice();
    if (!this.#take(")")) throw new RegexError("missing closing )");
    this.#flags = outer;
    return inner;
  }

  #escape(): Node | null {
    const character = this.#peek();
    switch (character) {
      case "A":
        this.#at += 1;
        return { kind: "assert", assertion: Assertion.TextStart };
      case "z":
        this.#at += 1;
        return { kind: "assert", assertion: Assertion.TextEnd };
      case "b":
        this.#at += 1;
        return { kind: "assert", assertion: Assertion.Boundary };
      case "B":
        this.#at += 1;
        return { kind: "assert", assertion: Assertion.NoBoundary };
      case "Q":
        return this.#quotation();
      default: {
        const set = this.#classEscape();
        return set === null ? this.#literal(this.#characterEscape()) : this.#one(set);
      }
    }
  }

  #quotation(): Node | null {
    this.#at += 1;
    const parts: Node[] = [];
    while (this.#at < this.#characters.length) {
      if (this.#peek() === "\\" && this.#characters[this.#at + 1] === "E") {
        this.#at += 2;
        break;
      }
      parts.push(this.#literal(this.#characters[this.#at++]!.codePointAt(0)!));
    }
    return parts.length === 0 ? null : { kind: "sequence", parts };
  }

  /** `\d`, `\pL` and their kind, behind the backslash; null where another escape stands. */
  #classEscape(): CharacterSet | null {
    const character = this.#peek();
    if (character === undefined) throw new RegexError("trailing backslash at end of expression");
    const known = CLASSES[character.toLowerCase()];
    if (known !== undefined) {
      this.#at += 1;
      return CLASSES[character] === undefined ? known.negated() : known;
    }
    if (character !== "p" && character !== "P") return null;
    const match = /^[pP](?:([A-Z])|\{(\^?)(\w+)\})/.exec(this.#characters.slice(this.#at, this.#at + 40).join(""));
    if (match === null) throw new RegexError("invalid character class range: \\p");
    this.#at += match[0].length;
    const set = unicodeClass(match[1] ?? match[3]!);
    return (character === "P") !== (match[2] === "^") ? set.negated() : set;
  }

  #characterEscape(): number {
    const character = this.#characters[this.#at++]!;
    const known = ESCAPED[character];
    if (known !== undefined) return known;
    const rest = this.#characters.slice(this.#at - 1, this.#at + 11).join("");
    const hex = /^x(?:([\da-fA-F]{2})|\{([\da-fA-F]{1,8})\})/.exec(rest);
    const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest);
    if (hex !== null) {
      this.#at += hex[0].length - 1;
      const point = Number.parseInt(hex[1] ?? hex[2]!, 16);
      if (point > 0x10ffff) throw new RegexError(`invalid escape sequence: \\${hex[0]}`);
      return point;
    }
    if (octal !== null) {
      this.#at += octal[0].length - 1;
      return Number.parseInt(octal[0], 8);
    }
    if (!/^[^\dA-Za-z\u0080-\u{10ffff}]$/u.test(character)) {
      throw new RegexError(`invalid escape sequence: \\${character}`);
    }
    return character.codePointAt(0)!;
  }

  /** Behind the bracket. */
  #class(): CharacterSet {
    const isNegated = this.#take("^");
    const parts: CharacterSet[] = [];
    for (let isFirst = true; isFirst || this.#peek() !== "]"; isFirst = false) {
      if (this.#at >= this.#characters.length) throw new RegexError("missing closing ]");
      parts.push(this.#classPart());
    }
    this.#at += 1;
    const set = CharacterSet.union(parts);
    const folded = this.#flags.ignoreCase ? set.folded() : set;
    return isNegated ? folded.negated() : folded;
  }

  #classPart(): CharacterSet {
    const named = /^\[:(\^?)(\w+):\]/.exec(this.#characters.slice(this.#at, this.#at + 14).join(""));
    if (named !== null) {
      const set = NAMED[named[2]!];
      if (set === undefined) throw new RegexError(`invalid character class range: ${named[0]}`);
      this.#at += named[0].length;
      return named[1] === "^" ? set.negated() : set;
    }
    if (this.#peek() === "\\") {
      this.#at += 1;
      const set = this.#classEscape();
      if (set !== null) return set;
      this.#at -= 1;
    }
    const low = this.#classCharacter();
    const next = this.#characters[this.#at + 1];
    if (this.#peek() !== "-" || next === "]" || next === undefined) return CharacterSet.of([low, low]);
    this.#at += 1;
    const high = this.#classCharacter();
    if (high < low) throw new RegexError("invalid character class range");
    return CharacterSet.of([low, high]);
  }

  #classCharacter(): number {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw new RegexError("missing closing ]");
    if (character !== "\\") return character.codePointAt(0)!;
    if (this.#peek() === undefined) throw new RegexError("trailing backslash at end of expression");
    return this.#characterEscape();
  }

  #literal(point: number): Node {
    const exact = CharacterSet.of([point, point]);
    if (this.#flags.ignoreCase) return this.#one(exact.folded());
    return { kind: "set", set: exact, literal: String.fromCodePoint(point) };
  }

  #one(set: CharacterSet): Node {
    return { kind: "set", set, literal: null };
  }
}

function changed(flags: Flags, on: string, off: string): Flags {
  const flag = (letter: string, known: boolean): boolean => (known || on.includes(letter)) && !off.includes(letter);
  return {
    ignoreCase: flag("i", flags.ignoreCase),
    dotAll: flag("s", flags.dotAll),
    multiline: flag("m", flags.multiline),
  };
}

function unicodeClass(name: string): CharacterSet {
  const set = name === "Any" ? ANY : unicodeProperty(name);
  if (set === null) throw new RegexError(`invalid character class range: \\p{${name}}`);
  return set;
}
