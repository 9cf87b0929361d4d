/** What is loaded, as it is asked for and told. */

import { MilvusError, asMilvusError, invalidParameter } from "../base/errors.ts";
import { LoadState } from "../model/types.ts";
import type { ProxyContext } from "./context.ts";
import { loadFieldIds } from "./load-fields.ts";
import { withoutPartitionKey } from "./partitions.ts";
import type { Target } from "./requests.ts";

export interface LoadOptions {
  readonly replicaNumber: number;
  /** Empty: all. */
  readonly fieldNames: readonly string[];
  /** The keys that are not declared stay out; otherwise they come along with whatever is named. */
  readonly skipDynamicField?: boolean;
  readonly partitionNames: readonly string[] | null;
}

export async function loadCollection(context: ProxyContext, target: Target, options: LoadOptions): Promise<void> {
  const collection = await context.describe(target);
  const { schema } = options.partitionNames === null ? collection : withoutPartitionKey(collection, "load");
  if (options.partitionNames?.length === 0)
    throw invalidParameter("failed to load partition, due to no partition specified");
  await context.coordinator.loadCollection({
    ...target,
    replicaNumber: options.replicaNumber <= 0 ? 1 : options.replicaNumber,
    fieldIds: loadFieldIds(schema, options.fieldNames, options.skipDynamicField ?? false),
    partitionNames: options.partitionNames,
  });
}

export async function releaseCollection(
  context: ProxyContext,
  target: Target,
  partitionNames: readonly string[] | null,
): Promise<void> {
  const collection = await context.describe(target);
  if (partitionNames !== null) withoutPartitionKey(collection, "release");
  await context.coordinator.releaseCollection({ ...target, partitionNames });
}

/** A missing collection is a state and no error. */
export async function loadState(
  { coordinator }: ProxyContext,
  target: Target,
  partitionNames: readonly string[],
): Promise<{ readonly state: LoadState; readonly progress: number }> {
  try {
    return await coordinator.loadProgress({ ...target, partitionNames });
  } catch (thrown) {
    const error = asMilvusError(thrown);
    if (error.kind === "CollectionNotFound") return { state: LoadState.NotExist, progress: 0 };
    throw error;
  }
}

/** @throws 100 when there is no collection, 101 when it is not loaded. */
export async function loadProgress(
  { coordinator }: ProxyContext,
  target: Target,
  partitionNames: readonly string[],
): Promise<number> {
  const { state, progress } = await coordinator.loadProgress({ ...target, partitionNames });
  if (state === LoadState.NotLoad) {
    throw new MilvusError("CollectionNotLoaded", `collection not loaded[collection=${target.collectionName}]`);
  }
  return progress;
}
