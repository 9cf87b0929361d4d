/**
 * Partial update: rows are read by key, the columns that were sent are put over theirs, and whole rows are written.
 *
 * Always true of the result: one column for every field, as an upsert of whole rows has it. A field that was not sent keeps its value;
 * undeclared keys are merged one level deep; a key without a row becomes a row, which needs every field that has no default.
 *
 * Not here: that nobody writes between the read and the write (mutate.ts).
 */

import { invalidParameter } from "../base/errors.ts";
import {
  type ArrayColumn,
  type BytesColumn,
  type Column,
  type KeyColumn,
  bytesAt,
  bytesColumn,
  concatColumns,
  emptyArrays,
  takeRows,
} from "../model/columns.ts";
import type { RetrievePlan } from "../model/plan.ts";
import {
  type CollectionSchema,
  type FieldSchema,
  DYNAMIC_FIELD_NAME,
  fieldByName,
  primaryKeyField,
} from "../model/schema.ts";
import { structByName } from "../model/structs.ts";
import { rowsOfKeys } from "../rank/rows-of-keys.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import { keyReader } from "../segment/key-reader.ts";
import type { Pace } from "../storage/pace.ts";
import type { ProxyContext } from "./context.ts";
import { type ArrayOperation, appliedOperation, checkOperation } from "./array-operations.ts";
import { readTexts } from "./input-texts.ts";
import { withoutStructs } from "./input-structs.ts";
import { checkedColumns, columnOfAbsent } from "./input.ts";
import { partitionByName, partitionKeyField } from "./partitions.ts";
import type { InputField, InsertRequest } from "./requests.ts";
import { retrieve } from "./retrieve.ts";
import { requireLoaded, requireLoadedFields } from "./loaded.ts";

const DEFAULT_PARTITION = "_default";
const NEVER = new AbortController().signal;

export async function completedColumns(
  context: ProxyContext,
  described: DescribedCollection,
  request: InsertRequest,
  pace: Pace,
): Promise<Map<bigint, Column>> {
  const { collection } = described;
  const { schema } = collection;
  const fields = withoutStructs(schema, request.fields, []);
  const sent = new Set(fields.map(nameOf));
  const given = schema.fields.filter((field) => sent.has(field.name));
  const columns = await checkedColumns(
    { ...schema, fields: given },
    await readTexts(collection, fields, pace),
    request.rowCount,
    true,
    context.kernel,
    pace,
  );
  const key = primaryKeyField(schema);
  const keys = columns.get(key.fieldId) as KeyColumn;
  const operations = operationsOf(schema, request);
  const kept = schema.fields.filter(
    (field) => !sent.has(field.name) || field.isDynamic || operations.has(field.fieldId),
  );
  if (kept.length === 0) return columns;

  const partitionIds =
    partitionKeyField(collection) !== null && request.partitionName === ""
      ? null
      : [partitionByName(collection, request.partitionName || DEFAULT_PARTITION).partitionId];
  requireLoaded(described, "upsert", partitionIds);
  requireLoadedFields(described, { fields: kept, dynamicKeys: null, names: [] });
  const plan: RetrievePlan = {
    collectionId: collection.collectionId,
    partitionIds,
    filter: null,
    keys,
    fieldIds: kept.map((field) => field.fieldId),
    limit: null,
    ignoreGrowing: false,
  };
  const now = await context.timestamp();
  const { batch } = await retrieve(context, collection, plan, now, NEVER, now);
  const found = batch.columns.get(key.fieldId) as KeyColumn;
  const rows = rowsOfKeys(keyReader(found), keyReader(keys));
  const hasNewRows = rows.includes(batch.rowCount);
  for (const field of kept) {
    const stored = batch.columns.get(field.fieldId)!;
    const isArray = operations.has(field.fieldId);
    const known = hasNewRows ? concatColumns([stored, valueOfNewRow(schema, field, isArray)]) : stored;
    const column = takeRows(known, rows);
    const changes = columns.get(field.fieldId);
    const operation = operations.get(field.fieldId);
    if (changes === undefined) columns.set(field.fieldId, column);
    else if (operation !== undefined) {
      const merged = appliedOperation(field, operation, column as ArrayColumn, changes as ArrayColumn);
      columns.set(field.fieldId, merged);
    } else columns.set(field.fieldId, await mergedDocuments(column as BytesColumn, changes as BytesColumn, pace));
  }
  return columns;
}

function nameOf(field: InputField): string {
  return field.isDynamic || field.fieldName === "" ? DYNAMIC_FIELD_NAME : field.fieldName;
}

/** @throws 1100 for a field that is not there, or is no array. */
function operationsOf(schema: CollectionSchema, request: InsertRequest): Map<bigint, ArrayOperation> {
  const operations = new Map<bigint, ArrayOperation>();
  for (const [name, operation] of request.arrayOperations ?? []) {
    const field = fieldByName(schema, name);
    if (structByName(schema, name) !== null) {
      throw invalidParameter(`op ${operation} is not supported for struct field ${JSON.stringify(name)}`);
    }
    if (field === null) throw invalidParameter(`field ${name} of op ${operation} does not exist`);
    checkOperation(field, operation);
    operations.set(field.fieldId, operation);
  }
  return operations;
}

/** What a row that is not there yet has in a field that was not sent. */
function valueOfNewRow(schema: CollectionSchema, field: FieldSchema, isArray: boolean): Column {
  const value = isArray ? emptyArrays(field, 1, null) : columnOfAbsent(field, 1);
  if (value !== null) return value;
  throw invalidParameter(
    `fieldSchema(${field.name}) has no corresponding fieldData pass in: ` +
      `a primary key of the partial update is not in collection ${schema.name}, and a new row needs all its fields`,
  );
}

/** The members of each change over those of the stored object. */
async function mergedDocuments(stored: BytesColumn, changes: BytesColumn, pace: Pace): Promise<Column> {
  const merged: string[] = [];
  for (let row = 0; row < stored.offsets.length - 1; row += 1) {
    merged.push(JSON.stringify({ ...membersAt(stored, row), ...membersAt(changes, row) }));
    await pace.pause();
  }
  return bytesColumn(stored.type, merged);
}

/** Numbers stay as they were written: a document may hold integers that no float64 can. */
function membersAt(column: BytesColumn, row: number): Record<string, unknown> {
  const bytes = bytesAt(column, row);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return JSON.parse(text, keepNumberText) as Record<string, unknown>;
}

/** Node has both since version 21; the library's types do not know them yet. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

function keepNumberText(this: unknown, _key: string, value: unknown, context?: { readonly source: string }): unknown {
  return typeof value === "number" && context !== undefined ? rawJson(context.source) : value;
}
