/** Whether what a read wants is loaded. */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import type { OutputPlan } from "./output.ts";

export function requireLoaded(
  described: DescribedCollection,
  action: string,
  partitionIds: readonly bigint[] | null,
): void {
  const { load, collection } = described;
  if (load === null) {
    throw milvusError("CollectionNotLoaded", `failed to ${action}`, { collection: collection.schema.name });
  }
  const loaded = load.partitionIds;
  const missing = partitionIds?.find((partitionId) => loaded !== null && !loaded.includes(partitionId));
  if (missing !== undefined) throw milvusError("PartitionNotLoaded", `failed to ${action}`, { partition: missing });
}

export function requireLoadedFields({ load }: DescribedCollection, output: OutputPlan): void {
  if (load === null || load.fieldIds.length === 0) return;
  const absent = output.fields.find((field) => !load.fieldIds.includes(field.fieldId));
  if (absent === undefined) return;
  const key = absent.isDynamic ? output.dynamicKeys?.[0] : undefined;
  if (key !== undefined) throw invalidParameter(`field ${key} cannot be returned since dynamic field not loaded`);
  throw invalidParameter(`field ${absent.name} is not loaded`);
}
