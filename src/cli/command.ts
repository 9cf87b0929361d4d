/**
 * What a command of `elanus` is: data for parsing and help, and one function.
 *
 * Always true: `run` sees only values that its own options declare, checked and with defaults filled in.
 */

import type { Runtime } from "../base/host/runtime.ts";
import type { Output } from "./progress.ts";

interface OptionBase {
  readonly help: string;
  /** Name of the value in the help text, as in `--port <number>`. */
  readonly value: string;
}

export interface TextOption extends OptionBase {
  readonly kind: "text";
  /** Absent: the option may be left out and is then null. */
  readonly default?: string;
}

export interface IntegerOption extends OptionBase {
  readonly kind: "integer";
  readonly default: number;
  readonly least: number;
  readonly most: number;
}

export interface FlagOption {
  readonly kind: "flag";
  readonly help: string;
}

export type CommandOption = TextOption | IntegerOption | FlagOption;

export type OptionValue = string | number | boolean | null;

/** Where a command speaks and when it is told to stop. */
export interface Terminal {
  readonly output: Output;
  readonly errors: Output;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly stop: AbortSignal;
  readonly runtime: Runtime;
}

export class Invocation {
  readonly terminal: Terminal;
  /** What follows the command's name and is no option. */
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, OptionValue>;

  constructor(terminal: Terminal, positionals: readonly string[], values: ReadonlyMap<string, OptionValue>) {
    this.terminal = terminal;
    this.positionals = positionals;
    this.#values = values;
  }

  text(option: string): string {
    return this.#values.get(option) as string;
  }

  optionalText(option: string): string | null {
    return this.#values.get(option) as string | null;
  }

  integer(option: string): number {
    return this.#values.get(option) as number;
  }

  flag(option: string): boolean {
    return this.#values.get(option) as boolean;
  }
}

export interface Command {
  /** One word or more, as in `inspect wal`. */
  readonly name: string;
  /** Other names for the same command, as in `run standalone` for `serve`. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** Names of the positional arguments; all of them are required. */
  readonly positionals?: readonly string[];
  readonly options: Readonly<Record<string, CommandOption>>;
  /** Resolves with the exit status. */
  run(invocation: Invocation): Promise<number>;
}
