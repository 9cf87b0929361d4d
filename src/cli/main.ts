/** The entry of `elanus`: hands the real process to `program.ts`. */

import { SystemRuntime } from "../base/host/system.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT } from "./failure.ts";
import { stopOnSignals } from "./interrupt.ts";
import { runProgram } from "./program.ts";

const runtime = new SystemRuntime();
const stop = stopOnSignals(process, runtime, () => process.exit(EXIT.interrupted));

// A reader that closes early, as in `elanus … | head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  throw error;
});

const terminal = { output: process.stdout, errors: process.stderr, stop, runtime };
process.exitCode = await runProgram(COMMANDS, process.argv.slice(2), terminal);
