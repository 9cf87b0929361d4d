/** What a streaming node is given, and what its channels share. */

import type { ChangeCounter } from "../base/change-counter.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { LogBackend } from "../log/log.ts";
import type { CompactionLimits } from "../model/compaction.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import type { CoordinatorService, QueryService } from "../rpc/services.ts";
import type { Client, Transport } from "../rpc/transport.ts";
import type { SegmentLimits } from "../wal/shards.ts";
import type { SealLimits, SealPolicy } from "./seal-policy.ts";

export interface StreamingOptions {
  readonly logBackend: LogBackend;
  readonly objects: ObjectStore;
  readonly kernel: Kernel;
  readonly transport: Transport;
  readonly runtime: Runtime;
  /** Of what reads see. */
  readonly changes: ChangeCounter;
  readonly limits: SegmentLimits & SealLimits & Pick<CompactionLimits, "retentionMilliseconds">;
  readonly log: (line: string) => void;
}

/** What the channels of a node share. */
export interface StreamingContext extends StreamingOptions {
  readonly coordinator: Client<CoordinatorService>;
  readonly query: Client<QueryService>;
  readonly sealPolicy: SealPolicy;
}
