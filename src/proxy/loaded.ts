/** Whether what a read wants is loaded. */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { LoadConfig } from "../model/catalog.ts";
import { type Filter, filterPlaces } from "../model/filter.ts";
import type { CollectionSchema, FieldSchema } from "../model/schema.ts";
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

export function requireLoadedFields({ load }: Pick<DescribedCollection, "load">, output: OutputPlan): void {
  if (load === null || load.fieldIds.length === 0) return;
  const absent = output.fields.find((field) => !load.fieldIds.includes(field.fieldId));
  if (absent === undefined) return;
  const key = absent.isDynamic ? output.dynamicKeys?.[0] : undefined;
  if (key !== undefined) throw invalidParameter(`field ${key} cannot be returned since dynamic field not loaded`);
  throw invalidParameter(`field ${absent.name} is not loaded`);
}

/** The vector that a search compares with. */
export function requireLoadedVector({ load }: DescribedCollection, { fieldId, name }: FieldSchema): void {
  if (load === null || load.fieldIds.length === 0 || load.fieldIds.includes(fieldId)) return;
  throw invalidParameter(`failed to create query plan: ann field "${name}" not loaded`);
}

/** Whatever segments there are: growing ones have every field, and an answer would depend on what was flushed. */
export function requireLoadedPlaces({ fields }: CollectionSchema, load: LoadConfig, filter: Filter): void {
  if (load.fieldIds.length === 0) return;
  const absent = filterPlaces(filter).find(({ fieldId }) => !load.fieldIds.includes(fieldId));
  if (absent === undefined) return;
  const field = fields.find(({ fieldId }) => fieldId === absent.fieldId)!;
  const [key] = absent.path;
  throw invalidParameter(
    field.isDynamic && key !== undefined
      ? `field ${key} is dynamic but dynamic field is not loaded`
      : `field ${field.name} is not loaded`,
  );
}
