/**
 * Tokens of the filter language, one at a time.
 *
 * Always true:
 *  - `kind`, `start` and `end` describe the current token, `text.slice(start, end)` is its spelling; "end" comes last, for ever;
 *  - keywords are all-lower or all-upper; the symbols `&&`, `||`, `!` have the kind of their word;
 *  - a JSON path (`name["key"][0]`, without white space inside) is one token of kind "path"; its keys are in `keys`;
 *  - an unreadable character is a `FilterError` with its place.
 *
 * Not here: the values of literals (`literals.ts`), grammar (`parser.ts`).
 */

import { FilterError, positionOf } from "./failure.ts";
import { LiteralError, stringValue } from "./literals.ts";

export type TokenKind =
  | "end"
  | "identifier"
  | "path"
  | "integer"
  | "float"
  | "string"
  | "true"
  | "false"
  | "and"
  | "or"
  | "not"
  | "in"
  | "like"
  | "exists"
  | "is null"
  | "is not null"
  | "function"
  | "time"
  | "interval"
  | "unsupported"
  | "struct"
  | Symbol;

type Symbol = (typeof SYMBOLS)[number];

/** Longest first, so that the first that fits is the one meant. */
const SYMBOLS = [
  ...(["**", "==", "!=", "=~", "!~", "<=", ">=", "<<", ">>"] as const),
  ...(["(", ")", "[", "]", "{", "}", ",", "+", "-", "*", "/", "%", "<", ">", "&", "|", "^", "~", "="] as const),
];

/** Symbols that begin no longer one, by code: lists are full of commas. */
const ALONE: (Symbol | undefined)[] = [];
for (const symbol of ["(", ")", "[", "]", "{", "}", ",", "+", "-", "/", "%", "^", "~"] as const) {
  ALONE[symbol.charCodeAt(0)] = symbol;
}

const WORDS = new Map<string, TokenKind>([
  ["true", "true"],
  ["True", "true"],
  ["TRUE", "true"],
  ["false", "false"],
  ["False", "false"],
  ["FALSE", "false"],
]);
for (const word of ["and", "or", "not", "in", "like", "exists"] as const) {
  WORDS.set(word, word).set(word.toUpperCase(), word);
}
for (const word of ["json_contains", "json_contains_all", "json_contains_any"]) {
  const array = word.replace("json", "array");
  for (const name of [word, array]) WORDS.set(name, "function").set(name.toUpperCase(), "function");
}
const CALLS =
  "array_length random_sample st_equals st_touches st_overlaps st_crosses st_contains st_intersects st_within st_dwithin st_isvalid";
for (const word of CALLS.split(" ")) WORDS.set(word, "function").set(word.toUpperCase(), "function");
const MATCHES = "element_filter match_all match_any match_least match_most match_exact";
for (const word of MATCHES.split(" ")) WORDS.set(word, "function").set(word.toUpperCase(), "function");
const UNSUPPORTED = "text_match text_match_fuzzy phrase_match";
for (const word of UNSUPPORTED.split(" ")) WORDS.set(word, "unsupported").set(word.toUpperCase(), "unsupported");
WORDS.set("ISO", "time").set("INTERVAL", "interval");

// Sticky: they look only at `lastIndex`.
const NUMBER =
  /0[xX](?:[\da-fA-F]+\.?[\da-fA-F]*|\.[\da-fA-F]+)[pP][+-]?\d+|0[xX][\da-fA-F]+|0[bB][01]+|(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+/y;
const NULL_TEST = /(?:is (?:not )?null|IS (?:NOT )?NULL)(?![A-Za-z0-9_])/y;

const MAX_NUMBER_CHARACTERS = 500;
const MAX_INDEX_DIGITS = 20;

export interface LexerMark {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  readonly previousEnd: number;
  readonly keys: readonly PathKey[];
}

/**
 * `isIndex` tells `[0]` from `["0"]`: the first may mean an element of an array field. `isBare` tells `[word]`, a sub-field of a struct,
 * from `["word"]`.
 */
export interface PathKey {
  readonly key: string;
  readonly isIndex: boolean;
  readonly isBare?: boolean;
}

/** A sub-field, as it is written behind its struct. */
const BARE_KEY = /\[([A-Za-z_$][\w$]{0,255})\]/y;

export class Lexer {
  readonly text: string;
  kind: TokenKind = "end";
  start = 0;
  end = 0;
  /** Where the token before the current one ended. */
  previousEnd = 0;
  keys: readonly PathKey[] = [];

  constructor(text: string) {
    this.text = text;
    this.next();
  }

  spelling(): string {
    return this.text.slice(this.start, this.end);
  }

  mark(): LexerMark {
    return { kind: this.kind, start: this.start, end: this.end, previousEnd: this.previousEnd, keys: this.keys };
  }

  reset(mark: LexerMark): void {
    this.kind = mark.kind;
    this.start = mark.start;
    this.end = mark.end;
    this.previousEnd = mark.previousEnd;
    this.keys = mark.keys;
  }

  next(): void {
    this.previousEnd = this.end;
    const at = this.#skipSpace();
    this.start = at;
    if (at >= this.text.length) {
      this.kind = "end";
      this.end = at;
      return;
    }
    const code = this.text.charCodeAt(at);
    if (isDecimalDigit(code) || code === 0x2e) {
      if (this.#number(at)) return;
    } else if (code === 0x22 || code === 0x27 || isLetter(code) || code === 0x24) {
      if (this.#string(at) || this.#word(at)) return;
    } else if (this.#symbol(at)) return;
    const shown = String.fromCodePoint(this.text.codePointAt(at)!);
    throw new FilterError(`${positionOf(this.text, at)} token recognition error at: '${shown}'`);
  }

  // Runs of any length are walked by hand: a regular expression could run out of stack on hostile text.

  #skipSpace(): number {
    let at = this.end;
    for (;;) {
      const code = this.text.charCodeAt(at);
      if (code !== 0x20 && (code < 0x09 || code > 0x0d || code === 0x0b || code === 0x0c || Number.isNaN(code)))
        return at;
      at += 1;
    }
  }

  #number(at: number): boolean {
    let end = at;
    while (isDecimalDigit(this.text.charCodeAt(end))) end += 1;
    const code = this.text.charCodeAt(end);
    if (end > at && code !== 0x2e && !isLetter(code)) {
      this.kind = "integer";
      this.end = end;
      return true;
    }
    if (end - at > MAX_NUMBER_CHARACTERS) throw new FilterError(`${positionOf(this.text, at)} number is too long`);
    const spelling = this.text.slice(at, at + 2 * MAX_NUMBER_CHARACTERS);
    NUMBER.lastIndex = 0;
    if (!NUMBER.test(spelling)) return false;
    this.end = at + NUMBER.lastIndex;
    this.kind = /^(?:\d+|0[xX][\da-fA-F]+|0[bB][01]+)$/.test(this.spelling()) ? "integer" : "float";
    return true;
  }

  #string(at: number): boolean {
    const end = this.#stringEnd(at);
    if (end === at) return false;
    this.kind = "string";
    this.end = end;
    return true;
  }

  /** Behind the closing quote of the literal at `at`, or `at` where there is none. */
  #stringEnd(at: number): number {
    const { text } = this;
    let open = at;
    if (text.startsWith("u8", at)) open += 2;
    else if ("uULrR".includes(text.charAt(at))) open += 1;
    const quote = text.charCodeAt(open);
    if (quote !== 0x22 && quote !== 0x27) return at;
    for (let end = open + 1; end < text.length; end += 1) {
      const code = text.charCodeAt(end);
      if (code === quote) return end + 1;
      if (code === 0x0a || code === 0x0d) return at;
      if (code === 0x5c) end += text.startsWith("\r\n", end + 1) ? 2 : 1;
    }
    return at;
  }

  #identifierEnd(at: number): number {
    const { text } = this;
    if (text.startsWith("$meta", at)) return isLetterOrDigit(text.charCodeAt(at + 5)) ? at : at + 5;
    if (!isLetter(text.charCodeAt(at))) return at;
    let end = at + 1;
    while (isLetterOrDigit(text.charCodeAt(end))) end += 1;
    return end;
  }

  #word(at: number): boolean {
    NULL_TEST.lastIndex = at;
    if (NULL_TEST.test(this.text)) {
      this.end = NULL_TEST.lastIndex;
      this.kind = this.end - at > "is null".length ? "is not null" : "is null";
      return true;
    }
    const end = this.#identifierEnd(at);
    if (end === at) {
      // `$[sub]`, of the element that is looked at.
      BARE_KEY.lastIndex = at + 1;
      const word = this.text[at] === "$" ? BARE_KEY.exec(this.text)?.[1] : undefined;
      if (word === undefined) return false;
      this.kind = "struct";
      this.end = BARE_KEY.lastIndex;
      this.keys = [{ key: word, isIndex: false, isBare: true }];
      return true;
    }
    this.end = end;
    this.kind = WORDS.get(this.text.slice(at, end)) ?? "identifier";
    if (this.kind === "identifier" && this.text.charCodeAt(end) === 0x5b) this.#path(end);
    return true;
  }

  /** Keys in brackets right behind an identifier. */
  #path(from: number): void {
    const keys: PathKey[] = [];
    let at = from;
    while (this.text.charCodeAt(at) === 0x5b) {
      const stringEnd = this.#stringEnd(at + 1);
      let indexEnd = at + 1;
      while (isDecimalDigit(this.text.charCodeAt(indexEnd))) indexEnd += 1;
      if (stringEnd > at + 1 && this.text[stringEnd] === "]") {
        const literal = this.text.slice(at + 1, stringEnd);
        try {
          keys.push({ key: stringValue(literal, false), isIndex: false });
        } catch (thrown) {
          throw new FilterError(
            `invalid identifier: ${this.text.slice(this.start, stringEnd + 1)}`,
            thrown as LiteralError,
          );
        }
        at = stringEnd + 1;
      } else if (indexEnd > at + 1 && indexEnd - at < MAX_INDEX_DIGITS && this.text[indexEnd] === "]") {
        keys.push({ key: String(BigInt(this.text.slice(at + 1, indexEnd))), isIndex: true });
        at = indexEnd + 1;
      } else {
        BARE_KEY.lastIndex = at;
        const word = BARE_KEY.exec(this.text)?.[1];
        if (word === undefined) break;
        keys.push({ key: word, isIndex: false, isBare: true });
        at = BARE_KEY.lastIndex;
      }
    }
    if (keys.length === 0) return;
    this.kind = "path";
    this.end = at;
    this.keys = keys;
  }

  #symbol(at: number): boolean {
    const { text } = this;
    const single = ALONE[text.charCodeAt(at)];
    if (single !== undefined) {
      this.kind = single;
      this.end = at + 1;
      return true;
    }
    const two = text.slice(at, at + 2);
    if (two === "&&" || two === "||") {
      this.kind = two === "&&" ? "and" : "or";
      this.end = at + 2;
      return true;
    }
    for (const symbol of SYMBOLS) {
      if (!text.startsWith(symbol, at)) continue;
      this.kind = symbol;
      this.end = at + symbol.length;
      return true;
    }
    if (text[at] !== "!") return false;
    this.kind = "not";
    this.end = at + 1;
    return true;
  }
}

function isDecimalDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Letters outside ASCII are allowed: keys of the dynamic field have them. */
function isLetterOrDigit(code: number): boolean {
  return isLetter(code) || isDecimalDigit(code);
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || code >= 0x80;
}

/** The tokens of `text` without the white space between them: how messages quote a piece of a filter. */
export function compactText(text: string): string {
  const lexer = new Lexer(text);
  let compact = "";
  while (lexer.kind !== "end") {
    compact += lexer.spelling();
    if (compact.length > MAX_QUOTED_CHARACTERS) return `${compact.slice(0, MAX_QUOTED_CHARACTERS)}...`;
    lexer.next();
  }
  return compact;
}

const MAX_QUOTED_CHARACTERS = 1000;
