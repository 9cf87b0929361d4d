/** What the proxy's tasks share. */

import type { ChangeCounter } from "../base/change-counter.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { CollectionInfo } from "../model/schema.ts";
import type { CoordinatorService, DescribedCollection, StreamingService } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import type { KnownPlans } from "./known-plans.ts";
import type { Quotas } from "./quotas.ts";
import type { Target } from "./requests.ts";
import type { StripedLocks } from "./striped-locks.ts";

export interface ProxyContext {
  readonly coordinator: Client<CoordinatorService>;
  readonly streaming: Client<StreamingService>;
  readonly kernel: Kernel;
  readonly runtime: Runtime;
  readonly changes: ChangeCounter;
  readonly describe: (target: Target) => Promise<CollectionInfo>;
  readonly describeAll: (target: Target) => Promise<DescribedCollection>;
  readonly timestamp: () => Promise<Timestamp>;
  readonly quotas: Quotas;
  readonly plans: KnownPlans;
  /** Keys that a delete by filter finds count as deletes too: Milvus's `quotaAndLimits.limits.complexDeleteLimitEnable`. */
  readonly limitsFoundDeletes: boolean;
  /** A partial update reads rows and writes them again: until it has, nobody else replaces or deletes rows of the collection here. */
  readonly updates: StripedLocks;
}
