/** Starts the writer of a journal in a thread of its own. */

import { Worker } from "node:worker_threads";
import type { FromWriter, StartWriter } from "./protocol.ts";
import type { WriterThreadData } from "./writer-thread.ts";

export function writerThread(data: WriterThreadData): StartWriter {
  return (receive) => {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./writer-thread.${extension}`, import.meta.url), { workerData: data });
    let ended = false;
    const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    worker.on("message", (message: FromWriter) => {
      if (message.kind === "closed" || message.kind === "refused") ended = true;
      receive(message);
    });
    worker.on("error", (failure) => receive({ kind: "fatal", text: `the writer thread failed: ${String(failure)}` }));
    void exited.then(() => {
      if (!ended) receive({ kind: "fatal", text: "the writer thread ended by itself" });
    });
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
