/**
 * Rows, and columns as a program holds them, to the columns of an insert.
 *
 * Always true:
 *  - rows are read once, in order; a key that is no field goes to the dynamic field, or is refused where there is none;
 *  - the program's own arrays are copied once and stay its own, unless it hands them over (`transfer`).
 */

import { invalidParameter } from "../base/errors.ts";
import { type FixedValues, fixedValues, isBytesType } from "../model/columns.ts";
import { type CollectionSchema, type FieldSchema, dynamicField } from "../model/schema.ts";
import { structByName, structOfField } from "../model/structs.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import {
  type DenseVectorType,
  type VectorValues,
  isDenseVectorType,
  vectorStride,
  vectorValues,
} from "../model/vectors.ts";
import type { InputField } from "../proxy/requests.ts";
import { type ColumnBuilder, inputField } from "./column-builder.ts";
import { columnBuilder } from "./column-builders.ts";
import { StructBuilder } from "./struct-builder.ts";
import { type MovableValues, copiedValues } from "./copied-column.ts";

/**
 * A column: typed array of the field's width (vectors row after row; halves as raw bits or as floats), or a list of values, null where the
 * field is nullable.
 */
export type ColumnValues =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | readonly unknown[];

export type ColumnsInput = Readonly<Record<string, ColumnValues>>;

export interface InputColumns {
  readonly fields: readonly InputField[];
  readonly rowCount: number;
  readonly transfer: readonly ArrayBuffer[];
}

interface FieldWriter {
  readonly name: string;
  readonly builder: ColumnBuilder;
  /** Every object has something of this name from `Object.prototype`. */
  readonly isInherited: boolean;
}

/** @throws 1100 with row and field. */
export function columnsOfRows(
  schema: CollectionSchema,
  rows: readonly object[],
  withAutomaticKey: boolean,
): InputColumns {
  const rowCount = rows.length;
  if (rowCount === 0) throw invalidParameter("there are no rows");
  const writers: FieldWriter[] = [];
  const write = (name: string, builder: ColumnBuilder): void =>
    void writers.push({ name, builder, isInherited: name in Object.prototype });
  for (const field of schema.fields) {
    if (field.isDynamic || (field.autoId && !withAutomaticKey)) continue;
    if (structOfField(schema, field.fieldId) === null) write(field.name, columnBuilder(field, rowCount));
  }
  for (const struct of schema.structs ?? []) write(struct.name, new StructBuilder(schema, struct, rowCount));
  const known = new Set(writers.map(({ name }) => name));
  const meta = dynamicField(schema);
  const extra = meta === null ? null : columnBuilder(meta, rowCount);
  for (let row = 0; row < rowCount; row += 1) {
    const source = rows[row];
    if (typeof source !== "object" || source === null || Array.isArray(source)) {
      throw invalidParameter(`row ${row} is no object with a key for each field`);
    }
    const values = source as Record<string, unknown>;
    for (const { name, builder, isInherited } of writers) {
      builder.put(row, isInherited && !Object.hasOwn(values, name) ? undefined : values[name]);
    }
    const rest = unknownKeys(values, known);
    if (extra !== null) extra.put(row, rest ?? NOTHING);
    else if (rest !== null) throw unknownField(schema, Object.keys(rest)[0]!, row);
  }
  const transfer: ArrayBuffer[] = [];
  const fields = writers.map(({ builder }) => builder.finish(transfer));
  if (extra !== null) fields.push(extra.finish(transfer));
  return { fields, rowCount, transfer };
}

const NOTHING = {};

function unknownKeys(values: Record<string, unknown>, known: ReadonlySet<string>): Record<string, unknown> | null {
  let rest: Record<string, unknown> | null = null;
  for (const key of Object.keys(values)) {
    if (known.has(key) || values[key] === undefined) continue;
    // Without a prototype, so that the key __proto__ is one like any other.
    rest ??= Object.create(null) as Record<string, unknown>;
    rest[key] = values[key];
  }
  return rest;
}

function unknownField(schema: CollectionSchema, key: string, row: number | null): Error {
  const key0 = schema.fields.find((field) => field.name === key);
  const place = row === null ? "" : `row ${row}: `;
  if (key0?.autoId === true)
    return invalidParameter(`${place}the collection gives the key ${key} itself (autoId); leave it out`);
  return invalidParameter(`${place}collection ${schema.name} has no field ${key}, and no dynamic field to take it`);
}

/** @throws 1100 when the columns do not fit the schema or each other. */
export function columnsOfColumns(
  schema: CollectionSchema,
  columns: ColumnsInput,
  withAutomaticKey: boolean,
  handOver: boolean,
): InputColumns {
  const meta = dynamicField(schema);
  const given = Object.entries(columns).filter(([, values]) => values !== undefined);
  const declared = new Map(schema.fields.filter((field) => !field.isDynamic).map((field) => [field.name, field]));
  const rowCount = commonRowCount(given, declared);
  const transfer: ArrayBuffer[] = [];
  const fields: InputField[] = [];
  const extra: (readonly [string, ColumnValues])[] = [];
  for (const [name, values] of given) {
    const field = declared.get(name);
    const struct = structByName(schema, name);
    if (struct !== null) {
      fields.push(builtColumn(new StructBuilder(schema, struct, rowCount), values as readonly unknown[], transfer));
    } else if (field !== undefined && !(field.autoId && !withAutomaticKey)) {
      fields.push(columnOf(field, values, rowCount, handOver, transfer));
    } else if (field === undefined && meta !== null) extra.push([name, values]);
    else throw unknownField(schema, name, null);
  }
  if (meta !== null && extra.length > 0) fields.push(dynamicColumn(meta, extra, rowCount, transfer));
  // An array that two fields share is one buffer.
  return { fields, rowCount, transfer: [...new Set(transfer)] };
}

function commonRowCount(
  given: readonly (readonly [string, ColumnValues])[],
  declared: ReadonlyMap<string, FieldSchema>,
): number {
  let first: { readonly name: string; readonly rowCount: number } | null = null;
  for (const [name, values] of given) {
    const field = declared.get(name);
    const isFlat = field !== undefined && flatType(field, values) !== null;
    const stride = isFlat ? vectorStride(field.dataType, field.dimension) : 1;
    const rowCount = values.length / stride;
    if (!Number.isInteger(rowCount)) {
      throw invalidParameter(
        `column ${name} has ${values.length} ${values instanceof Float32Array ? "floats" : "entries"}, which is no multiple of its dimension ${field?.dimension}`,
      );
    }
    first ??= { name, rowCount };
    if (first.rowCount !== rowCount) {
      throw invalidParameter(`column ${name} has ${rowCount} rows and column ${first.name} has ${first.rowCount}`);
    }
  }
  if (first === null || first.rowCount === 0) throw invalidParameter("there are no rows");
  return first.rowCount;
}

function columnOf(
  field: FieldSchema,
  values: ColumnValues,
  rowCount: number,
  handOver: boolean,
  transfer: ArrayBuffer[],
): InputField {
  if (Array.isArray(values)) return builtColumn(columnBuilder(field, rowCount), values, transfer);
  const typed = values as Exclude<ColumnValues, readonly unknown[]>;
  const { dataType: type, dimension } = field;
  const flat = flatType(field, typed);
  const wanted = isDenseVectorType(type)
    ? vectorValues(flat ?? type, 0)
    : isBytesType(type)
      ? []
      : fixedValues(type, 0);
  if (!(typed instanceof (wanted.constructor as new () => object))) {
    const arrays = Array.isArray(wanted) ? "an array" : `a ${wanted.constructor.name} or an array`;
    const got = typeof values === "object" && values !== null ? values.constructor.name : typeof values;
    throw invalidParameter(`column ${field.name} (${dataTypeName(type)}) takes ${arrays}, not a ${got}`);
  }
  const own = movedValues(typed, handOver, transfer);
  const column =
    flat !== null
      ? ({ kind: "vector", type: flat, dimension, values: own as VectorValues } as const)
      : ({ kind: "fixed", values: own as FixedValues } as const);
  return inputField(field, rowCount, column, null);
}

/** The type of vectors that lie end to end in `values`: the field's, or floats for one of halves; null when they do not. */
function flatType({ dataType: type }: FieldSchema, values: ColumnValues): DenseVectorType | null {
  if (!isDenseVectorType(type)) return null;
  const isHalf = type === DataType.Float16Vector || type === DataType.BFloat16Vector;
  if (isHalf && values instanceof Float32Array) return DataType.FloatVector;
  return values.constructor === vectorValues(type, 0).constructor ? type : null;
}

/** Handed over only as a whole: what else looks into the buffer would lose it. */
function movedValues<Values extends MovableValues>(values: Values, handOver: boolean, transfer: ArrayBuffer[]): Values {
  const isWhole = values.byteLength === values.buffer.byteLength && values.buffer instanceof ArrayBuffer;
  if (!handOver || !isWhole) return copiedValues(values, transfer);
  transfer.push(values.buffer as ArrayBuffer);
  return values;
}

function builtColumn(builder: ColumnBuilder, values: readonly unknown[], transfer: ArrayBuffer[]): InputField {
  for (let row = 0; row < values.length; row += 1) builder.put(row, values[row]);
  return builder.finish(transfer);
}

function dynamicColumn(
  meta: FieldSchema,
  columns: readonly (readonly [string, ColumnValues])[],
  rowCount: number,
  transfer: ArrayBuffer[],
): InputField {
  const builder = columnBuilder(meta, rowCount);
  for (let row = 0; row < rowCount; row += 1) {
    const entry = Object.create(null) as Record<string, unknown>;
    for (const [name, values] of columns) if (values[row] !== undefined) entry[name] = values[row];
    builder.put(row, entry);
  }
  return builder.finish(transfer);
}
