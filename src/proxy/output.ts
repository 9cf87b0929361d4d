/**
 * Which fields an answer has: names, `*`, keys of the dynamic field. And how columns become output.
 */

import { invalidParameter } from "../base/errors.ts";
import { drained } from "../base/turns.ts";
import {
  type BytesColumn,
  type Column,
  type ColumnBatch,
  bytesAt,
  bytesColumn,
  columnRows,
  textAt,
} from "../model/columns.ts";
import {
  type CollectionSchema,
  type FieldSchema,
  type StructSchema,
  dynamicField,
  primaryKeyField,
} from "../model/schema.ts";
import { bareName, fieldsNamed, structOfField } from "../model/structs.ts";
import { DataType } from "../model/types.ts";
import type { OutputField } from "./requests.ts";
import { decodeWkb } from "../model/wkb.ts";
import { formatWkt } from "../model/wkt.ts";
import { shownTimes, type TimeView, UTC_TEXTS } from "./shown-times.ts";

/** Rows that are written as texts between two turns: a millisecond or two. */
const STEP_ROWS = 1024;

export interface OutputPlan {
  /** Fields to read, in the order of the answer. */
  readonly fields: readonly FieldSchema[];
  /** Those that some of the fields are part of. Absent: none. */
  readonly structs?: readonly StructSchema[];
  /** Keys of `$meta` that were asked for one by one; null: the whole of it. */
  readonly dynamicKeys: readonly string[] | null;
  /** What the answer names as its fields. */
  readonly names: readonly string[];
}

/**
 * `*` means what there is to be had: with `loaded` (empty: all fields) those fields only.
 *
 * @throws 1100 `field x not exist`.
 */
export function planOutput(
  schema: CollectionSchema,
  wanted: readonly string[],
  withKey: boolean,
  loaded: readonly bigint[] = [],
): OutputPlan {
  const isLoaded = ({ fieldId }: FieldSchema): boolean => loaded.length === 0 || loaded.includes(fieldId);
  const meta = dynamicField(schema);
  const fields = new Set<FieldSchema>();
  const names = new Set<string>();
  const keys = new Set<string>();
  let wholeMeta = false;
  for (const raw of wanted) {
    const name = raw.trim();
    if (name === "*") {
      for (const field of schema.fields.filter(isLoaded)) {
        fields.add(field);
        names.add(shownName(schema, field));
      }
      wholeMeta = meta !== null && isLoaded(meta);
      continue;
    }
    const named = fieldsNamed(schema, name);
    if (named.length > 0) {
      for (const field of named) fields.add(field);
      if (named[0] === meta) wholeMeta = true;
      names.add(shownName(schema, named[0]!));
      continue;
    }
    if (meta === null) {
      throw invalidParameter(`field ${name} not exist`);
    } else {
      fields.add(meta);
      keys.add(dynamicKey(name, meta.name));
    }
    names.add(name);
  }
  const key = primaryKeyField(schema);
  if (withKey && !fields.has(key)) {
    fields.add(key);
    names.add(key.name);
  }
  const structs = (schema.structs ?? []).filter(({ fieldIds }) =>
    [...fields].some(({ fieldId }) => fieldIds.includes(fieldId)),
  );
  return {
    fields: [...fields],
    structs,
    dynamicKeys: wholeMeta || keys.size === 0 ? null : [...keys],
    names: [...names],
  };
}

/** `$meta["a"]` and `a` ask for the same. */
function dynamicKey(name: string, metaName: string): string {
  const path = /^(.*)\["(.*)"\]$/.exec(name) ?? /^(.*)\['(.*)'\]$/.exec(name);
  return path !== null && path[1] === metaName ? path[2]! : name;
}

/** A sub-field is a part of its struct's column. */
function shownName(schema: CollectionSchema, field: FieldSchema): string {
  return structOfField(schema, field.fieldId)?.name ?? field.name;
}

/**
 * The columns of an answer, in the order of the plan; those of a struct are one, at the place of its first. Yields where others may have
 * a turn: texts of many rows are tens of milliseconds of work.
 */
export function* outputFieldsInTurns(
  plan: OutputPlan,
  batch: ColumnBatch,
  view: TimeView,
): Generator<void, OutputField[]> {
  const shown: OutputField[] = [];
  const begun = new Map<StructSchema, OutputField[]>();
  for (const field of plan.fields) {
    const column = batch.columns.get(field.fieldId)!;
    const restricted =
      field.isDynamic && plan.dynamicKeys !== null ? yield* onlyKeys(column as BytesColumn, plan.dynamicKeys) : column;
    const output = yield* outputFieldInTurns(field, restricted, view);
    const struct = plan.structs?.find(({ fieldIds }) => fieldIds.includes(field.fieldId));
    if (struct === undefined) {
      shown.push(output);
      continue;
    }
    const part = { ...output, name: bareName(struct, field) };
    const parts = begun.get(struct);
    if (parts !== undefined) parts.push(part);
    else {
      const first = [part];
      begun.set(struct, first);
      const { name, fieldId } = struct;
      shown.push({
        name,
        fieldId,
        type: DataType.ArrayOfStruct,
        isDynamic: false,
        column: part.column,
        subFields: first,
      });
    }
  }
  return shown;
}

export function outputFields(plan: OutputPlan, batch: ColumnBatch, view: TimeView): OutputField[] {
  return drained(outputFieldsInTurns(plan, batch, view));
}

export function outputField(field: FieldSchema, stored: Column, view: TimeView = UTC_TEXTS): OutputField {
  return drained(outputFieldInTurns(field, stored, view));
}

function* outputFieldInTurns(field: FieldSchema, stored: Column, view: TimeView): Generator<void, OutputField> {
  const { name, fieldId, isDynamic } = field;
  const isTime = stored.kind === "fixed" && stored.type === DataType.Timestamptz;
  const column = isTime
    ? yield* shownTimes(stored, view)
    : field.dataType === DataType.Geometry
      ? yield* shownGeometries(stored as BytesColumn)
      : stored;
  return { name, fieldId, type: column.type, isDynamic, column: padded(field, column) };
}

function* shownGeometries(column: BytesColumn): Generator<void, Column> {
  const texts: string[] = [];
  for (let row = 0; row < columnRows(column); row += 1) {
    texts.push(column.valid?.[row] === 0 ? "" : formatWkt(decodeWkb(bytesAt(column, row))));
    if (texts.length % STEP_ROWS === 0) yield;
  }
  return bytesColumn(DataType.Geometry, texts, column.valid);
}

/** Nullable fields always say which entries there are, even when all are. */
function padded(field: FieldSchema, column: Column): Column {
  if (!field.nullable || column.valid !== null) return column;
  return { ...column, valid: new Uint8Array(columnRows(column)).fill(1) };
}

function* onlyKeys(column: BytesColumn, keys: readonly string[]): Generator<void, BytesColumn> {
  const rows = columnRows(column);
  const entries: string[] = [];
  for (let row = 0; row < rows; row += 1) {
    const value = JSON.parse(textAt(column, row)) as Record<string, unknown>;
    const kept: Record<string, unknown> = {};
    for (const key of keys) if (Object.hasOwn(value, key)) kept[key] = value[key];
    entries.push(JSON.stringify(kept));
    if (entries.length % STEP_ROWS === 0) yield;
  }
  return bytesColumn(column.type, entries);
}
