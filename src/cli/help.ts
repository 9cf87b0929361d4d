/** The help texts, made from the table of commands and nothing else. */

import type { Command, CommandOption } from "./command.ts";

export function overview(commands: readonly Command[]): string {
  const rows = commands.map(
    ({ name, positionals = [], summary }) => [[name, ...positionals.map(argument)].join(" "), summary] as const,
  );
  return [
    "elanus: a vector database that speaks Milvus's protocol, in one process",
    "",
    "usage: elanus <command> [options]",
    "",
    ...table([...rows, ["help <command>", "Show the options of a command"], ["--version", "Print the version"]]),
    "",
  ].join("\n");
}

export function commandHelp(command: Command): string {
  const options = Object.entries(command.options);
  const usage = [
    "elanus",
    command.name,
    ...(command.positionals ?? []).map(argument),
    ...(options.length > 0 ? ["[options]"] : []),
  ];
  return [
    command.summary,
    "",
    `usage: ${usage.join(" ")}`,
    ...(command.aliases ?? []).map((alias) => `       elanus ${alias}, the same`),
    "",
    ...table([
      ...options.map(([name, option]) => [spelling(name, option), explanation(option)] as const),
      ["--help", "Show this"],
    ]),
    "",
  ].join("\n");
}

function argument(name: string): string {
  return `<${name}>`;
}

function spelling(name: string, option: CommandOption): string {
  return option.kind === "flag" ? `--${name}` : `--${name} <${option.value}>`;
}

function explanation(option: CommandOption): string {
  return option.kind === "flag" || option.default === undefined
    ? option.help
    : `${option.help} (default ${option.default})`;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
