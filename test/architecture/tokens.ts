/**
 * TypeScript as a list of tokens, just exact enough to ask questions of it: comments are gone, strings are strings, and a word in a
 * string or a comment is never taken for code.
 *
 * Not here: a parser. What stands in a template's `${…}` is tokenized like the code around it.
 */

export interface Token {
  readonly kind: "word" | "number" | "string" | "template" | "pattern" | "mark";
  /** Of a string: what is between the quotes, escapes as written. */
  readonly text: string;
  readonly line: number;
}

const WORD = /[\p{ID_Start}$_#@][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /[0-9](?:[0-9a-zA-Z_.]|(?<=[eE])[+-])*/y;
const SPACE = /\s+/y;
const PATTERN = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;

/** After these a `/` begins a pattern, after any other word, number or closing bracket it divides. */
const BEFORE_PATTERN = new Set([
  "return",
  "typeof",
  "case",
  "in",
  "of",
  "delete",
  "void",
  "throw",
  "new",
  "else",
  "do",
  "await",
]);

export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  /** Depth of braces at which each open template resumes. */
  const templates: number[] = [];
  let at = 0;
  let line = 1;
  let depth = 0;

  const push = (kind: Token["kind"], text: string): void => {
    tokens.push({ kind, text, line });
  };
  const advance = (end: number): void => {
    for (let index = at; index < end; index += 1) if (source[index] === "\n") line += 1;
    at = end;
  };
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0] ?? null;
  };
  /** From the opening quote or the brace that closes `${…}` to the closing quote or the next `${`. */
  const template = (): void => {
    let end = at + 1;
    while (end < source.length && source[end] !== "`" && !source.startsWith("${", end))
      end += source[end] === "\\" ? 2 : 1;
    push("template", source.slice(at + 1, end));
    if (source[end] === "`") advance(end + 1);
    else {
      templates.push(depth);
      depth += 1;
      advance(end + 2);
    }
  };

  while (at < source.length) {
    const space = match(SPACE);
    if (space !== null) {
      advance(at + space.length);
      continue;
    }
    const rest = source.slice(at, at + 2);
    if (rest === "//") advance(endOf(source, "\n", at));
    else if (rest === "/*") advance(endOf(source, "*/", at + 2));
    else if (rest === "#!" && at === 0) advance(endOf(source, "\n", at));
    else if (source[at] === "`") template();
    else if (source[at] === '"' || source[at] === "'") {
      let end = at + 1;
      while (end < source.length && source[end] !== source[at]) end += source[end] === "\\" ? 2 : 1;
      push("string", source.slice(at + 1, end));
      advance(end + 1);
    } else if (source[at] === "/" && patternMayBegin(tokens.at(-1)) && match(PATTERN) !== null) {
      const text = match(PATTERN)!;
      push("pattern", text);
      advance(at + text.length);
    } else {
      const word = match(WORD);
      const number = word === null ? match(NUMBER) : null;
      const text = word ?? number ?? source[at]!;
      if (text === "}" && templates.at(-1) === depth - 1) {
        templates.pop();
        depth -= 1;
        template();
        continue;
      }
      if (text === "{") depth += 1;
      if (text === "}") depth -= 1;
      push(word !== null ? "word" : number !== null ? "number" : "mark", text);
      advance(at + text.length);
    }
  }
  return tokens;
}

function endOf(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from);
  return found === -1 ? source.length : found + mark.length;
}

function patternMayBegin(previous: Token | undefined): boolean {
  if (previous === undefined) return true;
  if (previous.kind === "word") return BEFORE_PATTERN.has(previous.text);
  return previous.kind === "mark" && previous.text !== ")" && previous.text !== "]" && previous.text !== "}";
}
