/** One run of `elanus`: parse, dispatch, and turn whatever happens into text and an exit status. */

import { parseCommandLine } from "./arguments.ts";
import { Invocation } from "./command.ts";
import type { Command, Terminal } from "./command.ts";
import { describeFailure, EXIT } from "./failure.ts";
import { commandHelp, overview } from "./help.ts";
import { packageVersion } from "./version.ts";

export async function runProgram(
  commands: readonly Command[],
  words: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    const request = parseCommandLine(commands, words);
    switch (request.kind) {
      case "help":
        terminal.output.write(request.command === null ? overview(commands) : commandHelp(request.command));
        return EXIT.done;
      case "version":
        terminal.output.write(`elanus ${packageVersion()} (Node ${process.versions.node})\n`);
        return EXIT.done;
      case "run":
        return await request.command.run(new Invocation(terminal, request.positionals, request.values));
    }
  } catch (error) {
    if (terminal.stop.aborted && isAbort(error, terminal.stop)) return EXIT.interrupted;
    const { text, exitStatus } = describeFailure(error);
    terminal.errors.write(`${text}\n`);
    return exitStatus;
  }
}

/** Node's own functions wrap the reason of a signal in an AbortError. */
function isAbort(error: unknown, stop: AbortSignal): boolean {
  return error === stop.reason || (error instanceof Error && error.name === "AbortError");
}
