/** Starts the writer of a journal in a thread of its own. */

import { Worker } from "node:worker_threads";
import type { FromWriter, StartWriter } from "./protocol.ts";
import type { WriterThreadData } from "./writer-thread.ts";

export function writerThread(data: WriterThreadData): StartWriter {
  return (receive) => {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const source = new URL(`./writer-thread.${extension}`, import.meta.url);
    // Not the flags of this process: some of them mean nothing, or an error, in a thread.
    const worker = new Worker(source, { workerData: data, execArgv: [] });
    let isReady = false;
    let ended = false;
    const failed = (text: string): void => {
      if (ended) return;
      ended = true;
      receive(isReady ? { kind: "fatal", text } : { kind: "refused", corrupted: false, text });
    };
    const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    worker.on("message", (message: FromWriter) => {
      if (message.kind === "ready") isReady = true;
      if (message.kind === "closed" || message.kind === "refused" || message.kind === "fatal") ended = true;
      receive(message);
    });
    worker.on("error", (failure) => failed(`the writer thread failed: ${String(failure)}`));
    void exited.then(() => failed("the writer thread ended by itself"));
    return {
      send: (message, transfer) => worker.postMessage(message, transfer),
      setBusy: (busy) => (busy ? worker.ref() : worker.unref()),
      async end() {
        ended = true;
        worker.ref();
        await worker.terminate();
        await exited;
      },
    };
  };
}
