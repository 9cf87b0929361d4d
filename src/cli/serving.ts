/** What every command that serves has in common. */

import type { Kernel } from "../kernel/kernel.ts";

export function kernelText(kernel: Kernel): string {
  if (kernel.name === "native") return `native kernel (${kernel.instructionSet})`;
  const reason = kernel.reason === null ? "" : `: ${kernel.reason}`;
  return `TypeScript kernel, which answers the same and is slower${reason}`;
}

export function untilStopped(stop: AbortSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve();
  return new Promise((done) => stop.addEventListener("abort", () => done(), { once: true }));
}
