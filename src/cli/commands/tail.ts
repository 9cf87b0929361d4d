/**
 * `elanus tail`: what the log says, in the order in which it takes effect: one line a message, `{op_type, data, tso}`.
 *
 * It reads the journal's files without opening them for writing, so that it may be asked while a server runs; records that the
 * server has truncated are gone.
 */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { inspectJournal, readJournal } from "../../log/journal/inspect.ts";
import type { LogRecord } from "../../log/log.ts";
import { type Message, MessageType, messageTypeName } from "../../model/message.ts";
import { inTickOrder } from "../../wal/scanner.ts";
import type { Command } from "../command.ts";
import { CommandFailure, EXIT } from "../failure.ts";

export const tail: Command = {
  name: "tail",
  summary: "Print the messages of the log, in the order in which they take effect",
  options: {
    data: { kind: "text", value: "directory", default: "./data", help: "The data directory" },
    collection: { kind: "text", value: "id", help: "Only messages of this collection (its id)" },
    json: { kind: "flag", help: "Print one JSON object a message" },
  },
  async run(invocation) {
    const { output, stop } = invocation.terminal;
    const directory = join(resolve(invocation.text("data")), "wal");
    if (!existsSync(directory))
      throw new CommandFailure(`there is no journal ${directory}; name another data directory with --data`);
    const collection = invocation.optionalText("collection");
    for (const channel of await channelsOf(directory)) {
      for await (const { record } of inTickOrder(recordsOf(directory, channel))) {
        stop.throwIfAborted();
        for (const message of record.messages) {
          if (message.type === MessageType.TimeTick) continue;
          if (collection !== null && collectionOf(message) !== collection) continue;
          const line = {
            op_type: messageTypeName(message.type),
            data: summary(message),
            tso: record.timeTick.toString(),
          };
          if (invocation.flag("json")) output.write(`${JSON.stringify(line)}\n`);
          else output.write(`${line.tso}  ${line.op_type.padEnd(18)} ${JSON.stringify(line.data)}\n`);
        }
      }
    }
    return EXIT.done;
  },
};

/** Order is a matter of one channel; several are printed one after the other. */
async function channelsOf(directory: string): Promise<ReadonlySet<string>> {
  const channels = new Set<string>();
  for await (const { kind, channel } of inspectJournal(directory))
    if (kind === "data" && channel !== null) channels.add(channel);
  return channels;
}

async function* recordsOf(directory: string, channel: string): AsyncGenerator<LogRecord> {
  for await (const record of readJournal(directory)) if (record.channel === channel) yield record;
}

function collectionOf(message: Message): string | null {
  if ("collectionId" in message) return message.collectionId.toString();
  return "collection" in message ? message.collection.collectionId.toString() : null;
}

/** The message without its rows: those are counted. */
function summary(message: Message): unknown {
  const { type: _type, ...rest } = message as Message & Record<string, unknown>;
  const facts: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(rest)) {
    if (key === "batch") facts["rows"] = (value as { readonly rowCount: number }).rowCount;
    else if (key === "keys") facts["keys"] = keyCount(message);
    else if (key !== "rowIds") facts[key] = value;
  }
  return JSON.parse(
    JSON.stringify(facts, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)),
  );
}

function keyCount(message: Message): number {
  if (message.type !== MessageType.Delete) return 0;
  return message.keys.kind === "bytes" ? message.keys.offsets.length - 1 : message.keys.values.length;
}
