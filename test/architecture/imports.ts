/**
 * What a source file pulls in: static and type-only imports, re-exports, `import("…")` as a call or a type, and files named by
 * `new URL("…", import.meta.url)`, which is how workers are started. `require` is not there: a module has none, unless it makes one
 * with `createRequire`, which `ports.ts` allows to the kernel alone.
 */

import { tokenize } from "./tokens.ts";
import type { Token } from "./tokens.ts";

export interface Import {
  /** As written; null when it is computed, so that nobody can tell what is loaded. */
  readonly specifier: string | null;
  readonly line: number;
}

export function importsOf(source: string): Import[] {
  const tokens = tokenize(source);
  const found: Import[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (token.kind !== "word" || isProperty(tokens, at)) continue;
    const next = tokens[at + 1];
    if (next === undefined) continue;
    const imported = (specifier: string | null): void => void found.push({ specifier, line: token.line });
    if (token.text === "import" && next.text === "(" && next.kind === "mark") {
      imported(literal(tokens[at + 2]));
    } else if (token.text === "import" && next.kind === "string") {
      imported(next.text);
    } else if (token.text === "import" || token.text === "export") {
      const source = clauseSource(tokens, at + 1);
      if (source !== null) imported(source);
    } else if (token.text === "URL" && next.text === "(" && isOwnAddress(tokens, at + 2)) {
      imported(ownAddress(tokens[at + 2]));
    }
  }
  return found;
}

/** The string after `from`, if what follows `import` or `export` is a clause: words, commas, stars, and one pair of braces. */
function clauseSource(tokens: readonly Token[], start: number): string | null {
  for (let at = start; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (token.kind === "word" && token.text === "from" && tokens[at + 1]?.kind === "string")
      return tokens[at + 1]!.text;
    if (token.kind === "word" && DECLARATIONS.has(token.text) && at === start) return null;
    const fits =
      token.kind === "word" || token.kind === "string" || (token.kind === "mark" && "{},*".includes(token.text));
    if (!fits) return null;
  }
  return null;
}

const DECLARATIONS = new Set(["const", "let", "var", "function", "class", "interface", "async", "abstract", "default"]);

function isProperty(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1];
  return before?.kind === "mark" && before.text === "." && tokens[at - 2]?.text !== ".";
}

function isOwnAddress(tokens: readonly Token[], argument: number): boolean {
  return tokens
    .slice(argument, argument + 12)
    .some((token, at, all) => token.text === "import" && all[at + 2]?.text === "meta");
}

/** An address is relative to the file that names it, also without `./`; of a template the fixed beginning tells the folder. */
function ownAddress(token: Token | undefined): string | null {
  const text = token?.kind === "template" ? token.text : literal(token);
  return text === null || /^(\.|\/|[a-z]+:)/.test(text) ? text : `./${text}`;
}

function literal(token: Token | undefined): string | null {
  return token?.kind === "string" ? token.text : null;
}
