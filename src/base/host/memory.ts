/**
 * The memory of the machine: how much this process may have, and how much it holds that cannot be had back by dropping caches. Mapped files are not
 * in that: the system takes their pages when it needs them.
 */

import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

export interface MachineMemory {
  readonly totalBytes: number;
  usedBytes(): number;
}

const PAGE_BYTES = 4096;

export class SystemMemory implements MachineMemory {
  /** What the process's group of processes is held to, where it is. */
  readonly totalBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

  usedBytes(): number {
    try {
      // total, resident, of these shared with files, in pages
      const [, resident, shared] = readFileSync("/proc/self/statm", "latin1").split(" ").map(Number);
      return (resident! - shared!) * PAGE_BYTES;
    } catch {
      return process.memoryUsage.rss();
    }
  }
}

/** Where nothing is ever refused: simulations. */
export const BOUNDLESS_MEMORY: MachineMemory = { totalBytes: Number.MAX_SAFE_INTEGER, usedBytes: () => 0 };
