/** Partitions made and dropped by name. */

import { invalidParameter } from "../base/errors.ts";
import { LoadState } from "../model/types.ts";
import type { ProxyContext } from "./context.ts";
import { checkPartitionName } from "./names.ts";
import { withoutPartitionKey } from "./partitions.ts";
import type { Target } from "./requests.ts";

export async function createPartition(context: ProxyContext, target: Target, partitionName: string): Promise<void> {
  checkPartitionName(partitionName);
  withoutPartitionKey(await context.describe(target), "create");
  await context.coordinator.createPartition({ ...target, partitionName });
}

export async function dropPartition(context: ProxyContext, target: Target, partitionName: string): Promise<void> {
  checkPartitionName(partitionName);
  const { partitions } = withoutPartitionKey(await context.describe(target), "drop");
  if (partitionName === "_default") throw invalidParameter("default partition cannot be deleted");
  if (partitions.some(({ name }) => name === partitionName)) {
    const { state } = await context.coordinator.loadProgress({ ...target, partitionNames: [partitionName] });
    if (state !== LoadState.NotLoad) {
      throw invalidParameter("partition cannot be dropped, partition is loaded, please release it first");
    }
  }
  await context.coordinator.dropPartition({ ...target, partitionName });
}
