/**
 * The child of the crash test: appends to two channels of a journal as fast as it can and prints each acknowledged record, until it is
 * killed. Arguments: directory, term.
 */

import { writeSync } from "node:fs";
import { SystemRuntime } from "../../base/host/system.ts";
import { Journal } from "./journal.ts";

const [directory = "", term = "1"] = process.argv.slice(2);
const journal = await Journal.open(directory, { runtime: new SystemRuntime(), fileBytes: 256 * 1024 });
const encoder = new TextEncoder();

async function appendForever(channel: string): Promise<void> {
  const writer = await journal.open(channel, BigInt(term));
  for (let round = 0; ; round++) {
    const appends = Array.from({ length: 1 + (round % 40) }, async (_, index) => {
      const text = `${channel}/${term}/${round}/${index}/`.padEnd(40 + ((round * 37 + index * 101) % 900), "x");
      await writer.append([encoder.encode(text)]);
      writeSync(1, `${text}\n`);
    });
    await Promise.all(appends);
  }
}

await Promise.all([appendForever("one"), appendForever("two")]);
