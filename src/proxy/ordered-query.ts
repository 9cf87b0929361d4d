/**
 * A page of rows in an order of the client's: first the keys and what they are ordered by, of every row that matches, then the wanted
 * fields of the rows of the page, at the same timestamps.
 */

import type { Timestamp } from "../base/timestamp.ts";
import { milvusError } from "../base/errors.ts";
import { type ColumnBatch, type KeyColumn, takeBatch, takeRows } from "../model/columns.ts";
import type { RetrievePlan } from "../model/plan.ts";
import { type CollectionInfo, primaryKeyField } from "../model/schema.ts";
import { firstRows } from "../rank/row-order.ts";
import { rowsOfKeys } from "../rank/rows-of-keys.ts";
import { keyReader } from "../segment/key-reader.ts";
import type { ProxyContext } from "./context.ts";
import { type OrderKey, rowOrder } from "./ordering.ts";
import type { ReadTime } from "./read-time.ts";
import { retrieve } from "./retrieve.ts";

export async function orderedPage(
  context: ProxyContext,
  collection: CollectionInfo,
  plan: RetrievePlan,
  order: readonly OrderKey[],
  window: { readonly offset: number; readonly limit: number },
  time: ReadTime,
  signal: AbortSignal,
): Promise<{ readonly batch: ColumnBatch; readonly timestamp: Timestamp }> {
  const orderIds = [...new Set(order.map(({ field }) => field.fieldId))];
  const everything = { ...plan, fieldIds: orderIds, limit: null };
  const all = await retrieve(context, collection, everything, time.guarantee, signal, time.timestamp);
  const end = window.offset + window.limit;
  const first = await firstRows(rowOrder(order, all.batch), all.batch.rowCount, end, context.runtime, signal);
  const rows = first.subarray(window.offset);
  const keyId = primaryKeyField(collection.schema).fieldId;
  if (plan.fieldIds.every((fieldId) => fieldId === keyId || orderIds.includes(fieldId))) {
    return { batch: takeBatch(all.batch, rows), timestamp: all.timestamp };
  }
  const keys = takeRows(all.batch.columns.get(keyId)!, rows) as KeyColumn;
  const page = { ...plan, keys, limit: null };
  const { batch } = await retrieve(context, collection, page, time.guarantee, signal, all.timestamps);
  const places = rowsOfKeys(keyReader(batch.columns.get(keyId) as KeyColumn), keyReader(keys));
  if (places.includes(batch.rowCount)) throw milvusError("InconsistentRequery", "rows of the page are gone");
  return { batch: takeBatch(batch, places), timestamp: all.timestamp };
}
