/**
 * Fields that clients write as text and that are stored as something else: times, geometries.
 *
 * Always true of the result: columns of stored values, an entry where the sender had one; what was sent as stored values stays as it is.
 */

import { invalidParameter } from "../base/errors.ts";
import { type BytesColumn, bytesAt, bytesColumn, textAt } from "../model/columns.ts";
import { GeometryError } from "../model/geometry.ts";
import type { CollectionInfo, FieldSchema } from "../model/schema.ts";
import { isTimeZone, parseTimestamptz, timeZoneOf } from "../model/timestamptz.ts";
import { DataType } from "../model/types.ts";
import { decodeWkb, encodeWkb } from "../model/wkb.ts";
import { parseWkt } from "../model/wkt.ts";
import type { Pace } from "../storage/pace.ts";
import type { InputField } from "./requests.ts";

/** So many texts are read in about two milliseconds. */
const STEP_ROWS = 2048;

/** @throws 1100 for texts that are none. */
export async function readTexts(
  { schema, properties }: Pick<CollectionInfo, "schema" | "properties">,
  fields: readonly InputField[],
  pace: Pace | null,
): Promise<readonly InputField[]> {
  const read: InputField[] = [];
  for (const input of fields) {
    const field = schema.fields.find(({ name }) => name === input.fieldName);
    const isText = field !== undefined && input.column?.kind === "bytes";
    if (isText && field.dataType === DataType.Timestamptz)
      read.push(await readTimes(field, input, timeZoneOf(properties), pace));
    else if (isText && field.dataType === DataType.Geometry) read.push(await readGeometries(field, input, pace));
    else read.push(input);
  }
  return read;
}

async function readTimes(field: FieldSchema, input: InputField, zone: string, pace: Pace | null): Promise<InputField> {
  const texts = textColumn(input, field);
  const values = new BigInt64Array(texts.offsets.length - 1);
  for (let row = 0; row < values.length; row += 1) {
    if (row % STEP_ROWS === STEP_ROWS - 1) await pace?.pause();
    if (isPresent(input, row)) values[row] = timeOf(textAt(texts, row), zone);
  }
  return { ...input, column: { kind: "fixed", values } };
}

/** Text, or the binary form; both become the binary form that we write. */
async function readGeometries(field: FieldSchema, input: InputField, pace: Pace | null): Promise<InputField> {
  const sent = textColumn(input, field);
  const entries: Uint8Array[] = [];
  for (let row = 0; row < sent.offsets.length - 1; row += 1) {
    if (row % STEP_ROWS === STEP_ROWS - 1) await pace?.pause();
    entries.push(isPresent(input, row) ? geometryOf(bytesAt(sent, row)) : new Uint8Array(0));
  }
  const { offsets, bytes } = bytesColumn(field.dataType, entries);
  return { ...input, column: { kind: "bytes", offsets, bytes } };
}

function geometryOf(sent: Uint8Array): Uint8Array {
  try {
    const isBinary = sent.length > 0 && sent[0]! <= 1;
    return encodeWkb(isBinary ? decodeWkb(sent) : parseWkt(Buffer.from(sent).toString("utf8")));
  } catch (thrown) {
    if (!(thrown instanceof GeometryError)) throw thrown;
    throw invalidParameter(`failed to insert invalid geometry: ${thrown.message}`);
  }
}

export function timeOf(text: string, zone: string): bigint {
  const refused = (reason: string): Error => invalidParameter(`got invalid timestamptz string '${text}': ${reason}`);
  if (!isTimeZone(zone)) {
    throw refused("invalid timezone name; must be a valid IANA Time Zone ID (e.g., 'Asia/Shanghai' or 'UTC')");
  }
  const value = parseTimestamptz(text, zone);
  if (value === null) throw refused(`invalid timestamp string: '${text}'. Does not match any known format`);
  return value;
}

function textColumn(input: InputField, field: FieldSchema): BytesColumn {
  return { ...(input.column as Pick<BytesColumn, "kind" | "offsets" | "bytes">), type: field.dataType, valid: null };
}

/** A sender may leave out null entries, or pad them with anything. */
function isPresent({ valid, rowCount }: InputField, row: number): boolean {
  return valid === null || valid.length !== rowCount || valid[row] !== 0;
}
