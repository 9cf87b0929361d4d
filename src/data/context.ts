/** What a data node is given, and what each of its tasks is. */

import type { Runtime } from "../base/host/runtime.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import type { WorkFolder } from "../objectstore/work-folder.ts";
import type { Transport } from "../rpc/transport.ts";

export interface DataNodeOptions {
  readonly objects: ObjectStore;
  readonly kernel: Kernel;
  readonly transport: Transport;
  readonly runtime: Runtime;
  /** Where files lie until they are objects; null where there is no disk, and nothing is built there. */
  readonly work: WorkFolder | null;
}

/** A task under way. */
export interface Running {
  readonly signal: AbortSignal;
  /** From 0 to 1; the work puts its own in place. */
  progress: () => number;
}
