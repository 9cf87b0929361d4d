/**
 * Aggregates of a query: `count(*)`, `count(f)`, `sum(f)`, `avg(f)`, `min(f)`, `max(f)` among the output fields, and `group_by_fields`.
 *
 * An average is a sum and a count until the end. Groups come in the order of their keys, nulls last, unless `order_by_fields` says another.
 */

import { isNumberType } from "../expr/cast.ts";
import { invalidParameter } from "../base/errors.ts";
import { type Column, takeRows } from "../model/columns.ts";
import type { Aggregate, AggregatePlan, GroupTable } from "../model/plan.ts";
import { type Scalar, scalarAt, scalarColumn } from "../model/scalars.ts";
import {
  type CollectionInfo,
  type CollectionSchema,
  type FieldSchema,
  fieldByName,
  primaryKeyField,
} from "../model/schema.ts";
import { DataType, dataTypeName, isVectorType } from "../model/types.ts";
import { mergeTables } from "../rank/aggregate.ts";
import { type CompareRows, columnOrder, firstRows, jointOrder } from "../rank/row-order.ts";
import type { ProxyContext } from "./context.ts";
import { type OrderKey, orderSpecs, planOrder } from "./ordering.ts";
import type { OutputField, QueryResponse } from "./requests.ts";
import type { ReadTime } from "./read-time.ts";
import { sessionTimestamp } from "./searched-shards.ts";

const EXPRESSION = /^(sum|count|avg|min|max)\s*\(\s*([\w*]*)\s*\)$/i;

/** Where an output column comes from. */
type Source =
  | { readonly kind: "key"; readonly field: FieldSchema; readonly at: number }
  | { readonly kind: "aggregate"; readonly at: number }
  | { readonly kind: "average"; readonly at: number };

export interface Aggregation {
  readonly groupBy: readonly FieldSchema[];
  readonly aggregates: readonly Aggregate[];
  /** In the order of the output fields. */
  readonly outputs: readonly { readonly name: string; readonly source: Source }[];
  readonly order: readonly OrderKey[];
  /** `count(*)` */
  readonly hasCountOfRows: boolean;
  /** Every field that is read. */
  readonly fields: readonly FieldSchema[];
}

/** Null for a query of rows. */
export function planAggregation(
  schema: CollectionSchema,
  names: readonly string[],
  params: ReadonlyMap<string, string>,
): Aggregation | null {
  const matches = names.map((name) => EXPRESSION.exec(name.trim()));
  const groupNames = (params.get("group_by_fields") ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (groupNames.length === 0 && matches.every((match) => match === null)) return null;
  const groupBy = groupNames.map((name) => groupField(schema, name));
  const aggregates: Aggregate[] = [];
  const fields = new Set(groupBy);
  const outputs = names.map((raw, at) => {
    const name = raw.trim();
    const match = matches[at];
    if (match === null || match === undefined) return { name, source: keySource(groupBy, name) };
    const word = match[1]!.toLowerCase();
    const field = match[2] === "*" && word === "count" ? null : aggregatedField(schema, word, match[2]!);
    if (field !== null) fields.add(field);
    const operator = word === "avg" ? "sum" : (word as Aggregate["operator"]);
    const place = aggregates.length;
    // Every row has a vector.
    const fieldId = field === null || isVectorType(field.dataType) ? null : field.fieldId;
    aggregates.push({ operator, fieldId });
    const source: Source = word === "avg" ? { kind: "average", at: place } : { kind: "aggregate", at: place };
    return { name, source };
  });
  return {
    groupBy,
    aggregates,
    outputs,
    order: groupOrder(schema, groupBy, params),
    hasCountOfRows: matches.some((match) => match?.[2] === "*"),
    fields: [...fields],
  };
}

export async function aggregateQuery(
  context: ProxyContext,
  collection: CollectionInfo,
  aggregation: Aggregation,
  scope: Pick<AggregatePlan, "collectionId" | "partitionIds" | "filter" | "ignoreGrowing">,
  window: { readonly offset: number; readonly limit: number } | null,
  time: ReadTime,
  signal: AbortSignal,
): Promise<QueryResponse> {
  const { schema } = collection;
  const { groupBy, aggregates, outputs, order } = aggregation;
  const { collectionId, partitionIds, filter, ignoreGrowing } = scope;
  const groupFieldIds = groupBy.map(({ fieldId }) => fieldId);
  const plan: AggregatePlan = { collectionId, partitionIds, filter, ignoreGrowing, groupFieldIds, aggregates };
  const answers = await Promise.all(
    collection.virtualChannels.map((virtualChannel) =>
      context.streaming.aggregate({ virtualChannel, plan, ...time }, { signal }),
    ),
  );
  const tables = answers.map((answer) => answer.table);
  const table = tables.length === 1 ? tables[0]! : await mergeTables(tables, plan, schema, context.runtime, signal);
  const end = window === null ? table.groupCount : Math.min(table.groupCount, window.offset + window.limit);
  const compare = tableOrder(table, groupBy, order);
  const rows = await firstRows(compare, table.groupCount, end, context.runtime, signal);
  const page = rows.subarray(window?.offset ?? 0);
  return {
    collectionName: schema.name,
    fields: outputs.map(({ name, source }) => outputColumn(name, source, table, page)),
    outputFields: outputs.map(({ name }) => name),
    primaryFieldName: primaryKeyField(schema).name,
    sessionTimestamp: sessionTimestamp(answers),
  };
}

function groupField(schema: CollectionSchema, name: string): FieldSchema {
  const field = fieldByName(schema, name);
  if (field === null) throw invalidParameter(`field ${name} not exist`);
  switch (field.dataType) {
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.VarChar:
      return field;
    default:
      throw invalidParameter(`group by field ${name} has unsupported data type ${dataTypeName(field.dataType)}`);
  }
}

function aggregatedField(schema: CollectionSchema, operator: string, name: string): FieldSchema {
  const field = fieldByName(schema, name);
  if (field === null) throw invalidParameter(`field ${name} not exist`);
  if (operator === "count" && isVectorType(field.dataType) && field.nullable) {
    throw invalidParameter(`count of the nullable vector field ${name} is not supported yet`);
  }
  checkAggregated(operator, field.dataType);
  return field;
}

/** `invalid`: says where the operator stands. */
export function checkAggregated(operator: string, type: DataType, invalid = (reason: string): string => reason): void {
  if (isAggregated(operator, type)) return;
  throw invalidParameter(invalid(`aggregation operator ${operator} does not support data type ${dataTypeName(type)}`));
}

function isAggregated(operator: string, type: DataType): boolean {
  if (isNumberType(type) || operator === "count") return true;
  return type === DataType.VarChar && (operator === "min" || operator === "max");
}

function keySource(groupBy: readonly FieldSchema[], name: string): Source {
  const at = groupBy.findIndex((field) => field.name === name);
  if (at >= 0) return { kind: "key", field: groupBy[at]!, at };
  if (groupBy.length === 0) {
    throw invalidParameter(
      `output field '${name}' is not valid: only aggregation functions go together with aggregates`,
    );
  }
  const list = groupBy.map((field) => field.name).join(" ");
  throw invalidParameter(
    `output field '${name}' is not valid: with GROUP BY it is one of its columns [${list}] or an aggregation function`,
  );
}

function groupOrder(
  schema: CollectionSchema,
  groupBy: readonly FieldSchema[],
  params: ReadonlyMap<string, string>,
): OrderKey[] {
  for (const spec of orderSpecs(params)) {
    const name = spec.split(":")[0]!.trim();
    if (EXPRESSION.test(name)) {
      throw invalidParameter(`ORDER BY on aggregate expression '${name.toLowerCase()}' is not yet supported`);
    }
    if (!groupBy.some((field) => field.name === name)) {
      const list = groupBy.map((field) => field.name).join(" ");
      throw invalidParameter(
        `ORDER BY field '${name}' is not valid: when using GROUP BY or aggregates, ORDER BY can only reference GROUP BY columns. Valid targets are: [${list}]`,
      );
    }
  }
  return planOrder(schema, params, "query");
}

/** By what was asked for, then by every key. */
function tableOrder(table: GroupTable, groupBy: readonly FieldSchema[], order: readonly OrderKey[]): CompareRows {
  const keyOf = (field: FieldSchema): Column =>
    table.keys[groupBy.findIndex(({ fieldId }) => fieldId === field.fieldId)]!;
  return jointOrder([
    ...order.map(({ field, isDescending, nullsFirst }) => columnOrder(keyOf(field), { isDescending, nullsFirst })),
    ...table.keys.map((column) => columnOrder(column, { isDescending: false, nullsFirst: false })),
  ]);
}

function outputColumn(name: string, source: Source, table: GroupTable, page: Uint32Array): OutputField {
  const whole = wholeColumn(source, table);
  const column = takeRows(whole, page);
  const { type } = whole;
  const fieldId = source.kind === "key" ? source.field.fieldId : 0n;
  const isNullable = source.kind === "key" && source.field.nullable;
  const valid = column.valid ?? (isNullable ? new Uint8Array(page.length).fill(1) : null);
  return { name, fieldId, type, isDynamic: false, column: { ...column, valid } };
}

function wholeColumn(source: Source, table: GroupTable): Column {
  switch (source.kind) {
    case "key":
      return table.keys[source.at]!;
    case "aggregate": {
      const { counts, values } = table.states[source.at]!;
      return values ?? { kind: "fixed", type: DataType.Int64, values: counts, valid: null };
    }
    case "average": {
      const { counts, values } = table.states[source.at]!;
      const averages = Array.from(counts, (count, row): Scalar => {
        const sum = scalarAt(values!, row);
        return sum === null ? null : Number(sum) / Number(count);
      });
      return scalarColumn(DataType.Double, averages);
    }
  }
}
