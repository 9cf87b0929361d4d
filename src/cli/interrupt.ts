/**
 * Ctrl-C and SIGTERM: the first asks for a clean stop, a later one ends the process at once.
 *
 * Always true: a signal that arrives twice within a moment counts once, because a terminal and a parent process both send it.
 */

import type { EventEmitter } from "node:events";
import type { Runtime } from "../base/host/runtime.ts";

const SAME_SIGNAL_MILLISECONDS = 1_000;

export function stopOnSignals(signals: EventEmitter, runtime: Runtime, endNow: () => void): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (): void => {
    if (!controller.signal.aborted) {
      firstAt = runtime.monotonic();
      controller.abort(new Error("interrupted"));
    } else if (runtime.monotonic() - firstAt >= SAME_SIGNAL_MILLISECONDS) {
      endNow();
    }
  };
  signals.on("SIGINT", onSignal);
  signals.on("SIGTERM", onSignal);
  return controller.signal;
}
