/**
 * From the words on the command line to a command with checked values.
 *
 * Always true: anything that does not fit is a `UsageError` whose text names the word and what would fit.
 */

import { parseArgs } from "node:util";
import type { Command, CommandOption, OptionValue } from "./command.ts";

/** The user's words do not fit; exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** The command that was meant, so that the reader is pointed to its help. */
  readonly command: Command | null;

  constructor(message: string, command: Command | null = null) {
    super(message);
    this.command = command;
  }
}

export type Request =
  | { readonly kind: "help"; readonly command: Command | null }
  | { readonly kind: "version" }
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly positionals: readonly string[];
      readonly values: ReadonlyMap<string, OptionValue>;
    };

export function parseCommandLine(commands: readonly Command[], words: readonly string[]): Request {
  const first = words[0];
  if (first === undefined || first === "--help" || first === "-h") return { kind: "help", command: null };
  if (first === "--version" || first === "-v") return { kind: "version" };
  if (first === "help") {
    return { kind: "help", command: words.length === 1 ? null : findCommand(commands, words.slice(1)).command };
  }
  const { command, rest } = findCommand(commands, words);
  const separator = rest.indexOf("--");
  const before = separator === -1 ? rest : rest.slice(0, separator);
  if (before.includes("--help") || before.includes("-h")) return { kind: "help", command };
  return { kind: "run", command, ...parseRest(command, rest) };
}

/** The command with the longest name that begins the words. */
function findCommand(
  commands: readonly Command[],
  words: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } {
  let best: { command: Command; length: number } | null = null;
  for (const command of commands) {
    for (const name of [command.name, ...(command.aliases ?? [])]) {
      const parts = name.split(" ");
      if (parts.length > (best?.length ?? 0) && parts.every((part, at) => part === words[at])) {
        best = { command, length: parts.length };
      }
    }
  }
  if (best !== null) return { command: best.command, rest: words.slice(best.length) };
  const family = commands.map(({ name }) => name).filter((name) => name.startsWith(`${words[0]} `));
  if (family.length > 0) throw new UsageError(`which "${words[0]}"? There is ${family.join(", ")}`);
  const close = nearest(words[0]!, [...new Set(commands.map(({ name }) => name.split(" ")[0]!))]);
  throw new UsageError(`there is no command "${words[0]}"${close === null ? "" : `; did you mean "${close}"?`}`);
}

function parseRest(
  command: Command,
  rest: readonly string[],
): { readonly positionals: readonly string[]; readonly values: ReadonlyMap<string, OptionValue> } {
  const {
    tokens,
    values: given,
    positionals,
  } = parseArgs({
    args: [...rest],
    options: Object.fromEntries(
      Object.entries(command.options).map(([name, { kind }]) => [
        name,
        { type: kind === "flag" ? ("boolean" as const) : ("string" as const) },
      ]),
    ),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(command.options, token.name) ? command.options[token.name] : undefined;
    if (option === undefined) {
      const close = nearest(token.name, Object.keys(command.options));
      throw new UsageError(
        `there is no option ${token.rawName}${close === null ? "" : `; did you mean --${close}?`}`,
        command,
      );
    }
    if (option.kind === "flag" && token.value !== undefined) {
      throw new UsageError(`--${token.name} takes no value`, command);
    }
    // A value that looks like an option is a forgotten value, unless it was written as --name=value.
    if (option.kind !== "flag" && (token.value === undefined || (!token.inlineValue && token.value.startsWith("-")))) {
      throw new UsageError(`--${token.name} needs a value: <${option.value}>`, command);
    }
  }
  const wanted = command.positionals ?? [];
  if (positionals.length > wanted.length) {
    throw new UsageError(`"${positionals[wanted.length]}" is one argument too many`, command);
  }
  if (positionals.length < wanted.length) {
    throw new UsageError(`<${wanted[positionals.length]}> is missing`, command);
  }
  const values = new Map<string, OptionValue>();
  for (const [name, option] of Object.entries(command.options)) {
    values.set(name, valueOf(command, name, option, given[name]));
  }
  return { positionals, values };
}

function valueOf(command: Command, name: string, option: CommandOption, given: unknown): OptionValue {
  if (option.kind === "flag") return given === true;
  if (typeof given !== "string") return option.default ?? null;
  if (option.kind === "text") {
    if (given === "") throw new UsageError(`--${name} is empty; it needs a value: <${option.value}>`, command);
    return given;
  }
  const number = /^-?\d+$/.test(given) ? Number(given) : Number.NaN;
  if (!(number >= option.least && number <= option.most)) {
    throw new UsageError(
      `--${name} is "${given}"; it must be a whole number from ${option.least} to ${option.most}`,
      command,
    );
  }
  return number;
}

/** The candidate that differs by at most two typed letters, if one does. */
function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.min(3, word.length);
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let above = 1; above <= left.length; above += 1) {
    const next = [above];
    for (let at = 1; at <= right.length; at += 1) {
      const replace = row[at - 1]! + (left[above - 1] === right[at - 1] ? 0 : 1);
      next.push(Math.min(replace, row[at]! + 1, next[at - 1]! + 1));
    }
    row = next;
  }
  return row[right.length]!;
}
