/** The table of commands: what is in it works; help and parsing come from it. */

import type { Command } from "./command.ts";
import { inspectFiles } from "./commands/inspect-files.ts";

export const COMMANDS: readonly Command[] = [inspectFiles];
