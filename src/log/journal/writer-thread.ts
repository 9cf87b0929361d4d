/** The writer thread of a journal: sleeps until something arrives, serves all of it, sleeps again. */

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { present } from "../../base/assert.ts";
import { nodeFiles } from "./files.ts";
import { openWriter, serveWriter, type Answer, type ToWriter } from "./protocol.ts";
import { JournalWriter, type WriterOptions } from "./writer.ts";

export interface WriterThreadData {
  readonly directory: string;
  readonly options: WriterOptions;
}

const port = present(parentPort, "the port of a writer thread");
const { directory, options } = workerData as WriterThreadData;
const writer = new JournalWriter(nodeFiles, directory, options);
const answer: Answer = (message, transfer) => port.postMessage(message, transfer);

if (openWriter(writer, answer)) {
  port.on("message", (first: ToWriter) => {
    const messages = [first];
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      messages.push(next.message as ToWriter);
    }
    if (!serveWriter(writer, messages, answer)) port.close();
  });
}
