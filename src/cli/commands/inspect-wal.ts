/** `elanus inspect wal`: every record of the journal as it lies on disk, damage included. Nothing is opened for writing. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { inspectJournal } from "../../log/journal/inspect.ts";
import type { Command } from "../command.ts";
import { CommandFailure, EXIT } from "../failure.ts";

export const inspectWal: Command = {
  name: "inspect wal",
  summary: "List the records of the journal, damage included",
  options: {
    data: { kind: "text", value: "directory", default: "./data", help: "The data directory" },
    json: { kind: "flag", help: "Print one JSON object a record" },
  },
  async run(invocation) {
    const { output, stop } = invocation.terminal;
    const directory = join(resolve(invocation.text("data")), "wal");
    if (!existsSync(directory))
      throw new CommandFailure(`there is no journal ${directory}; name another data directory with --data`);
    let damaged = 0;
    for await (const record of inspectJournal(directory)) {
      stop.throwIfAborted();
      if (!record.ok) damaged += 1;
      if (invocation.flag("json")) {
        output.write(
          `${JSON.stringify(record, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value))}\n`,
        );
        continue;
      }
      const { file, offset, position, channel, term, kind, bytes, problem } = record;
      const facts = [
        position === null ? "-" : position,
        channel ?? "-",
        term === null ? "-" : `term ${term}`,
        `${bytes} bytes`,
      ];
      output.write(
        `${file} ${String(offset).padStart(10)}  ${kind.padEnd(10)} ${facts.join("  ")}${problem === undefined ? "" : `  ${problem}`}\n`,
      );
    }
    return damaged === 0 ? EXIT.done : EXIT.failed;
  },
};
