/** Search by keys: the vectors of these rows are the queries, in the order of the keys. */

import { invalidParameter } from "../base/errors.ts";
import { type BytesColumn, type KeyColumn, type VectorColumn, takeRows, textAt } from "../model/columns.ts";
import type { RetrievePlan } from "../model/plan.ts";
import { type CollectionInfo, type FieldSchema, primaryKeyField } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { KeyIndex } from "../rank/key-index.ts";
import { rowsOfKeys } from "../rank/rows-of-keys.ts";
import { keyReader } from "../segment/key-reader.ts";
import type { ProxyContext } from "./context.ts";
import type { ReadTime } from "./read-time.ts";
import type { SubSearch } from "./requests.ts";
import { retrieve } from "./retrieve.ts";

export function checkSearchKeys(collection: CollectionInfo, keys: KeyColumn): void {
  const { dataType } = primaryKeyField(collection.schema);
  if (dataType !== keys.type) {
    const name = dataType === DataType.VarChar ? "varchar" : "int64";
    throw invalidParameter(`primary key is ${name}, but IDs type mismatch`);
  }
  const reader = keyReader(keys);
  const index = new KeyIndex([reader], reader.rowCount);
  for (let row = 0; row < reader.rowCount; row += 1) {
    if (index.placeOf(0, row) !== row) throw invalidParameter("duplicate IDs found in search request");
  }
}

/** @throws 1100 with the keys of which there are no rows. */
export async function queriesOfKeys(
  context: ProxyContext,
  collection: CollectionInfo,
  keys: KeyColumn,
  field: FieldSchema,
  scope: Pick<RetrievePlan, "partitionIds" | "ignoreGrowing">,
  time: ReadTime,
  signal: AbortSignal,
): Promise<SubSearch["queries"]> {
  if (field.dataType === DataType.ArrayOfVector) {
    throw invalidParameter("array of vector is not supported for search by IDs");
  }
  const plan: RetrievePlan = {
    ...scope,
    collectionId: collection.collectionId,
    filter: null,
    keys,
    fieldIds: [field.fieldId],
    limit: null,
  };
  const { batch } = await retrieve(context, collection, plan, time.guarantee, signal, time.timestamp);
  const wanted = keyReader(keys);
  const found = keyReader(batch.columns.get(primaryKeyField(collection.schema).fieldId) as KeyColumn);
  const rows = rowsOfKeys(found, wanted);
  const missing = [...rows.keys()].filter((at) => rows[at] === found.rowCount);
  if (missing.length > 0) {
    const list = missing.map((at) => keyText(keys, at)).join(" ");
    throw invalidParameter(`some of the provided primary key IDs do not exist: missing IDs = [${list}]`);
  }
  const vectors = takeRows(batch.columns.get(field.fieldId)!, rows) as VectorColumn | BytesColumn;
  const absent = [...rows.keys()].filter((at) => vectors.valid?.[at] === 0);
  if (absent.length > 0) {
    const list = absent.map((at) => keyText(keys, at)).join(" ");
    throw invalidParameter(`some of the provided primary key IDs have no vector: IDs = [${list}]`);
  }
  const values = vectors.kind === "vector" ? vectors.values : vectors;
  return { type: field.dataType, values, queryCount: wanted.rowCount };
}

function keyText(keys: KeyColumn, row: number): string {
  return keys.kind === "bytes" ? textAt(keys, row) : String(keys.values[row]);
}
