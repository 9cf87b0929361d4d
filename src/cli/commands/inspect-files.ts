/**
 * `elanus inspect files`: what lies in a data directory, how many files and bytes, without starting an engine.
 *
 * Always true: nothing is opened or changed, so that it may be asked while a server runs. (Opening `LOCK` would be harmful in the process
 * that holds it.)
 */

import { lstatSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "../command.ts";
import { CommandFailure, EXIT } from "../failure.ts";
import { withCommas } from "../progress.ts";

export interface FileGroup {
  /** `meta.db`, `wal`, `objects/insert_log`… */
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
}

/** Grouped by the first part of the path, below `objects` by the first two; in the order of names. */
export function fileGroups(directory: string): FileGroup[] {
  const groups = new Map<string, { files: number; bytes: number }>();
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = resolve(entry.parentPath, entry.name);
    const parts = path.slice(resolve(directory).length + 1).split("/");
    const depth = parts[0] === "objects" && parts.length > 2 ? 2 : 1;
    // A file may go while we look: the server removes what it no longer needs.
    const size = lstatSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined) continue;
    const name = parts.slice(0, depth).join("/");
    const group = groups.get(name) ?? { files: 0, bytes: 0 };
    groups.set(name, { files: group.files + 1, bytes: group.bytes + size });
  }
  return [...groups]
    .map(([name, { files, bytes }]) => ({ name, files, bytes }))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

export const inspectFiles: Command = {
  name: "inspect files",
  summary: "Show what a data directory holds, in files and bytes",
  options: {
    data: { kind: "text", value: "directory", default: "./data", help: "The data directory" },
    json: { kind: "flag", help: "Print JSON" },
  },
  async run(invocation) {
    const directory = resolve(invocation.text("data"));
    if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) {
      throw new CommandFailure(`there is no directory ${directory}; name another with --data`);
    }
    const groups = fileGroups(directory);
    const { output } = invocation.terminal;
    if (invocation.flag("json")) {
      output.write(`${JSON.stringify(groups)}\n`);
      return EXIT.done;
    }
    const total = groups.reduce(
      (sum, { files, bytes }) => ({ name: "total", files: sum.files + files, bytes: sum.bytes + bytes }),
      { name: "total", files: 0, bytes: 0 },
    );
    for (const { name, files, bytes } of [...groups, total]) {
      output.write(
        `${name.padEnd(28)} ${withCommas(files).padStart(9)} files ${withCommas(bytes).padStart(18)} bytes\n`,
      );
    }
    return EXIT.done;
  },
};
