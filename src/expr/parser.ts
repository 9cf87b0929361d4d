/**
 * Filter text to syntax tree: a Pratt parser over the table of binding powers below.
 *
 * Always true:
 *  - time is linear in the text; nesting is bounded by `MAX_NESTING`, so neither this parser nor a walk over its tree can run out
 *    of stack; `a or b or c ...` of any length is one node;
 *  - unary operators bind tighter than comparison: `not a == 1` is `(not a) == 1`;
 *  - forms that the grammar has and the engine has not yet are refused here by name.
 *
 * Not here: names, types, constant folding (`typing.ts`).
 */

import { FilterError, notSupportedYet, positionOf } from "./failure.ts";
import { Lexer, type TokenKind } from "./lexer.ts";
import { floatValue, integerValue, LiteralError, stringValue } from "./literals.ts";
import { type ArithmeticSymbol, type BitSymbol, type CompareSymbol, type Span, type Syntax } from "./syntax.ts";
import type { Constant } from "../model/filter.ts";

export const MAX_NESTING = 500;
export const MAX_TEXT_CHARACTERS = 32 * 1024 * 1024;

/** Tightest last; all are left-associative. */
const POWER = {
  or: 1,
  and: 2,
  bitOr: 3,
  bitXor: 4,
  bitAnd: 5,
  equality: 6,
  relation: 7,
  range: 8,
  in: 9,
  shift: 10,
  sum: 11,
  product: 12,
  unary: 13,
  power: 14,
  like: 15,
  exists: 16,
} as const;

const BINARY: Partial<Record<TokenKind, number>> = {
  or: POWER.or,
  and: POWER.and,
  "|": POWER.bitOr,
  "^": POWER.bitXor,
  "&": POWER.bitAnd,
  "==": POWER.equality,
  "!=": POWER.equality,
  "<": POWER.relation,
  "<=": POWER.relation,
  ">": POWER.relation,
  ">=": POWER.relation,
  in: POWER.in,
  not: POWER.in,
  "<<": POWER.shift,
  ">>": POWER.shift,
  "+": POWER.sum,
  "-": POWER.sum,
  "*": POWER.product,
  "/": POWER.product,
  "%": POWER.product,
  "**": POWER.power,
  like: POWER.like,
  "=~": POWER.like,
  "!~": POWER.like,
};

export function parseSyntax(text: string): Syntax {
  if (text.length > MAX_TEXT_CHARACTERS) {
    throw new FilterError(`expression is too long: ${text.length} characters, the limit is ${MAX_TEXT_CHARACTERS}`);
  }
  return new Parser(text).whole();
}

class Parser {
  readonly #lexer: Lexer;
  #depth = 0;

  constructor(text: string) {
    this.#lexer = new Lexer(text);
  }

  whole(): Syntax {
    const syntax = this.#expression(0);
    if (this.#lexer.kind !== "end") throw new FilterError(`invalid expression: ${this.#lexer.text}`);
    return syntax;
  }

  /** Everything that binds tighter than `power`. */
  #expression(power: number): Syntax {
    this.#depth += 1;
    this.#checkNesting(this.#depth);
    let left = this.#prefix();
    for (;;) {
      const operator = this.#lexer.kind;
      const ownPower = BINARY[operator];
      if (operator === "<" || operator === "<=" || operator === ">" || operator === ">=") {
        const range = power < POWER.range ? this.#range(left, operator) : null;
        if (range !== null) {
          left = range;
          continue;
        }
      }
      if (ownPower === undefined || ownPower <= power) break;
      left = this.#infix(left, operator, ownPower);
    }
    this.#depth -= 1;
    return left;
  }

  #infix(left: Syntax, operator: TokenKind, power: number): Syntax {
    const lexer = this.#lexer;
    switch (operator) {
      case "and":
      case "or": {
        const operands = [left];
        while (lexer.kind === operator) {
          lexer.next();
          operands.push(this.#expression(power));
        }
        return { kind: "logical", operator, operands, ...this.#span(left.start, operands) };
      }
      case "in":
      case "not": {
        lexer.next();
        if (operator === "not") this.#expect("in");
        const right = this.#expression(power);
        return { kind: "in", left, right, isNegated: operator === "not", ...this.#span(left.start, [left, right]) };
      }
      case "like": {
        lexer.next();
        const pattern = lexer.kind === "string" ? this.#patternLiteral() : this.#expression(power);
        return { kind: "like", left, pattern, ...this.#span(left.start, [left, pattern]) };
      }
      case "=~":
      case "!~": {
        lexer.next();
        const pattern = this.#expression(power);
        const isNegated = operator === "!~";
        return { kind: "regex", left, pattern, isNegated, ...this.#span(left.start, [left, pattern]) };
      }
      case "==":
      case "!=":
      case "<":
      case "<=":
      case ">":
      case ">=": {
        lexer.next();
        const right = this.#expression(power);
        return { kind: "compare", operator, left, right, ...this.#span(left.start, [left, right]) };
      }
      default: {
        lexer.next();
        const right = this.#expression(power);
        if (operator === "<<" || operator === ">>") {
          throw new FilterError(`shift is not supported: ${lexer.text.slice(left.start, right.end)}`);
        }
        const symbol = operator as ArithmeticSymbol | BitSymbol;
        return { kind: "arithmetic", operator: symbol, left, right, ...this.#span(left.start, [left, right]) };
      }
    }
  }

  /** `left < name < right`, or null (and nothing consumed) where it is a plain comparison. */
  #range(left: Syntax, first: CompareSymbol): Syntax | null {
    const lexer = this.#lexer;
    const mark = lexer.mark();
    lexer.next();
    if (lexer.kind === "identifier" || lexer.kind === "path" || lexer.kind === "struct") {
      const middle = this.#name();
      const second = lexer.kind as TokenKind;
      if (second[0] === first[0] && (second === "<" || second === "<=" || second === ">" || second === ">=")) {
        lexer.next();
        const right = this.#expression(POWER.range);
        return {
          kind: "range",
          left,
          middle,
          right,
          isAscending: first[0] === "<",
          leftInclusive: first.length === 2,
          rightInclusive: second.length === 2,
          ...this.#span(left.start, [left, right]),
        };
      }
    }
    lexer.reset(mark);
    return null;
  }

  #prefix(): Syntax {
    const lexer = this.#lexer;
    const { start, kind } = lexer;
    switch (kind) {
      case "integer":
      case "float":
      case "string":
      case "true":
      case "false":
        return { kind: "literal", value: this.#literal(false), ...this.#span(start) };
      case "struct":
      case "identifier":
      case "path": {
        const name = this.#name();
        if (lexer.kind === "is null" || lexer.kind === "is not null") {
          const isNegated = lexer.kind === "is not null";
          lexer.next();
          return { kind: "null", field: name, isNegated, ...this.#span(start, [name]) };
        }
        return lexer.kind === "(" && kind === "identifier"
          ? this.#call(start, lexer.text.slice(start, name.end))
          : name;
      }
      case "function": {
        const name = lexer.spelling().toLowerCase();
        lexer.next();
        if (lexer.kind !== "(") throw this.#mismatch("'('");
        return this.#call(start, name);
      }
      case "time":
      case "interval": {
        lexer.next();
        if (lexer.kind !== "string") throw this.#mismatch("a string");
        const text = literally(() => stringValue(lexer.spelling(), false));
        lexer.next();
        return { kind, text, ...this.#span(start) };
      }
      case "{": {
        lexer.next();
        const name = lexer.spelling();
        this.#expect("identifier");
        this.#expect("}");
        return { kind: "template", name, ...this.#span(start) };
      }
      case "(": {
        lexer.next();
        const inner = this.#expression(0);
        this.#expect(")");
        return { ...inner, ...this.#span(start, [inner]) };
      }
      case "[":
        return this.#list();
      case "exists": {
        lexer.next();
        const operand = this.#expression(POWER.exists);
        return { kind: "exists", operand, ...this.#span(start, [operand]) };
      }
      case "+":
      case "-":
      case "~":
      case "not": {
        lexer.next();
        if (kind === "-" && this.#startsLiteral()) {
          const mark = lexer.mark();
          const value = this.#literal(true);
          // `-2 ** 2` is `-(2 ** 2)`.
          if ((lexer.kind as TokenKind) !== "**") return { kind: "literal", value, ...this.#span(start) };
          lexer.reset(mark);
        }
        const operand = this.#expression(POWER.unary);
        return { kind: "unary", operator: kind, operand, ...this.#span(start, [operand]) };
      }
      case "unsupported":
        throw notSupportedYet(lexer.spelling());
      default:
        throw this.#mismatch("an operand");
    }
  }

  #name(): Syntax {
    const lexer = this.#lexer;
    const spelling = lexer.spelling();
    const isPath = lexer.kind === "path" || lexer.kind === "struct";
    const name = isPath ? spelling.slice(0, spelling.indexOf("[")) : spelling;
    const { start } = lexer;
    const keys = isPath ? lexer.keys : [];
    lexer.next();
    return { kind: "name", name, keys, ...this.#span(start) };
  }

  /** The parenthesis is the current token. */
  #call(start: number, name: string): Syntax {
    const operands: Syntax[] = [];
    let threshold: Syntax | null = null;
    this.#lexer.next();
    while (this.#lexer.kind !== ")") {
      const operand = this.#expression(0);
      // Read again, as `next` has changed it.
      if ((this.#lexer.kind as TokenKind) === "=" && operand.kind === "name" && operand.name === "threshold") {
        this.#lexer.next();
        threshold = this.#expression(0);
        break;
      }
      operands.push(operand);
      if (this.#lexer.kind !== ",") break;
      this.#lexer.next();
    }
    this.#expect(")");
    const children = threshold === null ? operands : [...operands, threshold];
    return { kind: "call", name, operands, threshold, ...this.#span(start, children) };
  }

  #list(): Syntax {
    const lexer = this.#lexer;
    const { start } = lexer;
    const elements: (Constant | Syntax)[] = [];
    let height = 0;
    lexer.next();
    while (lexer.kind !== "]") {
      const element = this.#element();
      if (typeof element === "object") height = Math.max(height, element.height);
      elements.push(element);
      if (lexer.kind !== ",") break;
      lexer.next();
    }
    this.#expect("]");
    return { kind: "list", elements, start, end: this.#lexer.previousEnd, height: height + 1 };
  }

  /** A plain literal goes the short way; whatever turns out to be longer starts again as an expression. */
  #element(): Constant | Syntax {
    const lexer = this.#lexer;
    const mark = lexer.mark();
    const { kind } = mark;
    const isNegated = kind === "-";
    if (isNegated) lexer.next();
    if (this.#startsLiteral() || (!isNegated && (kind === "string" || kind === "true" || kind === "false"))) {
      const value = this.#literal(isNegated);
      if (lexer.kind === "," || lexer.kind === "]") return value;
    }
    lexer.reset(mark);
    return this.#expression(0);
  }

  #startsLiteral(): boolean {
    return this.#lexer.kind === "integer" || this.#lexer.kind === "float";
  }

  #literal(isNegated: boolean): Constant {
    const lexer = this.#lexer;
    const { kind } = lexer;
    const spelling = lexer.spelling();
    const value = literalOf(kind, spelling, isNegated);
    lexer.next();
    return value;
  }

  #patternLiteral(): Syntax {
    const { start } = this.#lexer;
    const value = literally(() => stringValue(this.#lexer.spelling(), true));
    this.#lexer.next();
    return { kind: "literal", value, ...this.#span(start) };
  }

  /** From `start` to the last consumed token, over these children. */
  #span(start: number, children: readonly Syntax[] = []): Span {
    let height = 0;
    for (const child of children) height = Math.max(height, child.height);
    this.#checkNesting(height + 1);
    return { start, end: this.#lexer.previousEnd, height: height + 1 };
  }

  #checkNesting(depth: number): void {
    if (depth <= MAX_NESTING) return;
    const position = positionOf(this.#lexer.text, this.#lexer.start);
    throw new FilterError(`${position} expression is nested too deeply, the limit is ${MAX_NESTING} levels`);
  }

  #expect(kind: TokenKind): void {
    if (this.#lexer.kind !== kind) throw this.#mismatch(kind === "identifier" ? "a name" : `'${kind}'`);
    this.#lexer.next();
  }

  #mismatch(expected: string): FilterError {
    const lexer = this.#lexer;
    const shown = lexer.kind === "end" ? "<EOF>" : lexer.spelling().slice(0, MAX_SHOWN_CHARACTERS);
    return new FilterError(`${positionOf(lexer.text, lexer.start)} mismatched input '${shown}' expecting ${expected}`);
  }
}

const MAX_SHOWN_CHARACTERS = 100;

function literalOf(kind: TokenKind, spelling: string, isNegated: boolean): Constant {
  if (kind === "true" || kind === "false") return kind === "true";
  return literally(() => {
    if (kind === "string") return stringValue(spelling, false);
    if (kind === "integer") return integerValue(spelling, isNegated);
    return isNegated ? -floatValue(spelling) : floatValue(spelling);
  });
}

function literally<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof LiteralError) throw new FilterError(thrown.message, thrown);
    throw thrown;
  }
}
