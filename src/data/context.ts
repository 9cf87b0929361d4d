/** What a data node is given, and what each of its tasks is. */

import type { Runtime } from "../base/host/runtime.ts";
import type { ScalarBuild } from "../index/scalar/build.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Column } from "../model/columns.ts";
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
  /** Builds the index of a field that is no vector, away from the threads that serve. Absent: on the thread of the node. */
  readonly buildScalar?: ScalarBuilder;
}

/** The parts of the file. Rejects with the signal's reason when it is aborted first. The column must not change until then. */
export type ScalarBuilder = (build: ScalarBuild, column: Column, signal: AbortSignal) => Promise<readonly Uint8Array[]>;

/** A task under way. */
export interface Running {
  readonly signal: AbortSignal;
  /** From 0 to 1; the work puts its own in place. */
  progress: () => number;
}
