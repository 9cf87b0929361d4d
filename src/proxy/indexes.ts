/** Indexes as they are asked for: names and parameters are checked here, what is built is the coordinator's. */

import { MilvusError, invalidParameter } from "../base/errors.ts";
import { buildParams } from "../index/parameters.ts";
import type { IndexInfo } from "../model/catalog.ts";
import { type KeyValue, dynamicField, fieldByName } from "../model/schema.ts";
import type { IndexProgress } from "../rpc/services.ts";
import type { ProxyContext } from "./context.ts";
import { checkIndexName } from "./names.ts";
import { checkIndexAlteration, requireChange } from "./properties.ts";
import type { Target } from "./requests.ts";
import { paramsAsSent } from "./sent-params.ts";

export interface DescribedIndex {
  readonly index: IndexInfo;
  readonly progress: IndexProgress;
}

export async function createIndex(
  { coordinator, describe }: ProxyContext,
  target: Target,
  fieldName: string,
  indexName: string,
  params: readonly KeyValue[],
): Promise<void> {
  checkIndexName(indexName);
  const { schema } = await describe(target);
  // A name that is not declared is a key of the dynamic field.
  const field = fieldByName(schema, fieldName) ?? dynamicField(schema);
  if (field === null) throw invalidParameter(`cannot create index on non-exist field: ${fieldName}`);
  const hasPath = params.some(
    ({ key, value }) => key === "json_path" || (key === "params" && /"json_path"/.test(value)),
  );
  const given = field.name === fieldName || hasPath ? params : [...params, { key: "json_path", value: fieldName }];
  const flat = buildParams(field, given);
  const sent = paramsAsSent(given, flat);
  await coordinator.createIndex({ ...target, fieldName: field.name, indexName, params: flat, paramsAsSent: sent });
}

export async function alterIndex(
  { coordinator, describeAll }: ProxyContext,
  target: Target,
  indexName: string,
  properties: readonly KeyValue[],
  deleteKeys: readonly string[],
): Promise<void> {
  requireChange(properties, deleteKeys);
  checkIndexAlteration(await describeAll(target), indexName, properties, deleteKeys);
  await coordinator.alterIndex({ ...target, indexName, properties, deleteKeys });
}

/** By name of index or field; empty: all. Throws 700 when there is none. */
export async function describeIndexes(
  { coordinator, describeAll }: ProxyContext,
  target: Target,
  indexName: string,
  fieldName: string,
): Promise<readonly DescribedIndex[]> {
  const { indexes, collection } = await describeAll(target);
  const found = indexes.filter(
    (index) =>
      (indexName === "" || index.indexName === indexName) && (fieldName === "" || index.fieldName === fieldName),
  );
  if (found.length === 0) {
    const fact = indexName === "" ? `collection=${collection.schema.name}` : `indexName=${indexName}`;
    throw new MilvusError("IndexNotFound", `index not found[${fact}]`);
  }
  const { indexes: known } = await coordinator.indexProgress({ collectionId: collection.collectionId });
  // One that was dropped meanwhile has no progress any more.
  return found.flatMap((index) => {
    const progress = known.find(({ indexId }) => indexId === index.indexId);
    return progress === undefined ? [] : [{ index, progress }];
  });
}
