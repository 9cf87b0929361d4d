/**
 * The rows of the simulation: of every field that is stored in another way, all of them following from one value.
 *
 * Always true: a row that was put together from two is found out, whatever field it took from the other.
 */

import type { Column, ColumnBatch, KeyColumn } from "../../src/model/columns.ts";
import type { Filter } from "../../src/model/filter.ts";
import { type CollectionSchema, TIMESTAMP_FIELD } from "../../src/model/schema.ts";
import { plainField } from "../../src/model/testing/plain-field.ts";
import { DataType, Metric } from "../../src/model/types.ts";
import { type FoundRow, type Row, WrongAnswer } from "./oracle.ts";
import { scalarFields, strangeRow } from "./scalar-fields.ts";
import { VECTOR_FIELDS } from "./vector-fields.ts";

const KEY = 100n;
const VALUE = 101n;
const COLOUR = 102n;
const COLOURS = 3n;
const SCALAR_FIELDS = scalarFields(COLOURS);

/** What a row is read with. */
export const FIELDS: readonly bigint[] = [
  KEY,
  VALUE,
  COLOUR,
  ...[...SCALAR_FIELDS, ...VECTOR_FIELDS].map(({ fieldId }) => fieldId),
];

/** Nothing is loaded before every field of vectors has an index. */
export const INDEXED = [
  ...VECTOR_FIELDS,
  ...SCALAR_FIELDS.filter(({ dataType }) => dataType === DataType.ArrayOfVector).map(({ name }) => ({
    name,
    indexType: "AUTOINDEX",
    metric: Metric.MAX_SIM_L2,
  })),
];

export function colourOf({ value }: Row): bigint {
  return value % COLOURS;
}

export function batchOf(rows: readonly Row[]): ColumnBatch {
  const values = rows.map(({ value }) => value);
  return {
    rowCount: rows.length,
    columns: new Map<bigint, Column>([
      [KEY, keyColumn(rows.map(({ key }) => key))],
      [VALUE, keyColumn(values)],
      [COLOUR, keyColumn(rows.map(colourOf))],
      ...SCALAR_FIELDS.map(({ fieldId, columnOf }): [bigint, Column] => [fieldId, columnOf(values)]),
      ...VECTOR_FIELDS.map(({ fieldId, columnOf }): [bigint, Column] => [fieldId, columnOf(values)]),
    ]),
  };
}

export function keyColumn(keys: readonly bigint[]): KeyColumn {
  return { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(keys), valid: null };
}

export function colourIs(colour: bigint): Filter {
  return {
    kind: "compare",
    field: { fieldId: COLOUR, dataType: DataType.Int64, path: [] },
    operator: "==",
    value: colour,
  };
}

export function rowsOf({ rowCount, columns }: ColumnBatch): FoundRow[] {
  const integers = (fieldId: bigint): BigInt64Array => {
    const column = columns.get(fieldId);
    if (column?.kind !== "fixed" || !(column.values instanceof BigInt64Array))
      throw new WrongAnswer(`an answer has no field ${fieldId}`);
    return column.values;
  };
  const [keys, values, colours, ticks] = [KEY, VALUE, COLOUR, TIMESTAMP_FIELD].map(integers);
  for (const scalar of SCALAR_FIELDS) {
    const column = columns.get(scalar.fieldId);
    if (column === undefined) throw new WrongAnswer(`an answer has no field ${scalar.name}`);
    const at = strangeRow(scalar, column, Array.from(values!));
    if (at !== null) {
      throw new WrongAnswer(`key ${keys![at]} mixes two rows: value ${values![at]}, another's ${scalar.name}`);
    }
  }
  return Array.from({ length: rowCount }, (_, at) => {
    const row = { key: keys![at]!, value: values![at]!, tick: ticks![at]! };
    if (colours![at] !== row.value % COLOURS) throw new WrongAnswer(`key ${row.key} mixes two rows: ${row.value}`);
    for (const { fieldId, name, isOf } of VECTOR_FIELDS) {
      const column = columns.get(fieldId);
      if (column === undefined || !isOf(column, at, row.value)) {
        throw new WrongAnswer(`key ${row.key} mixes two rows: value ${row.value}, another's ${name}`);
      }
    }
    return row;
  });
}

export function schemaOf(name: string): CollectionSchema {
  return {
    name,
    description: "",
    fields: [
      plainField(KEY, "key", DataType.Int64, { isPrimaryKey: true }),
      plainField(VALUE, "value", DataType.Int64),
      plainField(COLOUR, "colour", DataType.Int64),
      ...SCALAR_FIELDS.map(({ fieldId, name, dataType, elementType, nullable, dimension = 0 }) =>
        plainField(fieldId, name, dataType, { elementType, nullable, dimension }),
      ),
      ...VECTOR_FIELDS.map(({ fieldId, name, dataType, dimension, nullable }) =>
        plainField(fieldId, name, dataType, { dimension, nullable }),
      ),
    ],
    enableDynamicField: false,
    version: 0,
  };
}
