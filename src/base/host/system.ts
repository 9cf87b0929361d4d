/** The real machine behind the `Runtime` port. */

import { randomFillSync } from "node:crypto";
import type { Runtime, Timer } from "./runtime.ts";

export class SystemRuntime implements Runtime {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  after(milliseconds: number, action: () => void): Timer {
    const handle = setTimeout(action, milliseconds);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const handle = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, milliseconds);
      const abort = (): void => {
        clearTimeout(handle);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  random(): number {
    return Math.random();
  }

  randomBytes(count: number): Uint8Array {
    return randomFillSync(new Uint8Array(count));
  }
}
