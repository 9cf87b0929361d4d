/** The table of commands: what is in it works; help and parsing come from it. */

import type { Command } from "./command.ts";

export const COMMANDS: readonly Command[] = [];
