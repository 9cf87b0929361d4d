/**
 * Builds scalar indexes in a thread of its own for each, so that sorting a column holds up nobody.
 *
 * Always true: the thread ends with its build, or when that is aborted; the data node's slots say how many there are at a time.
 */

import { Worker } from "node:worker_threads";
import type { ScalarBuilder } from "../data/context.ts";

/** What the thread answers. */
export type ScalarBuilt =
  | { readonly kind: "built"; readonly parts: readonly Uint8Array[] }
  | { readonly kind: "failed"; readonly text: string };

export const buildInThread: ScalarBuilder = (build, column, signal) =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const source = new URL(`./scalar-build-thread.${extension}`, import.meta.url);
    // Not the flags of this process: some of them mean nothing, or an error, in a thread.
    const worker = new Worker(source, { name: "elanus-scalar-index", workerData: { build, column }, execArgv: [] });
    worker.unref();
    const stop = (): void => void worker.terminate();
    signal.addEventListener("abort", stop, { once: true });
    worker.once("message", (answer: ScalarBuilt) => {
      if (answer.kind === "built") resolve(answer.parts);
      else reject(new Error(answer.text));
    });
    worker.once("error", reject);
    worker.once("exit", () => {
      signal.removeEventListener("abort", stop);
      // After an answer this changes nothing.
      reject(signal.aborted ? signal.reason : new Error("the thread that built a scalar index ended"));
    });
  });
