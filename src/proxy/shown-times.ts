/** Times as an answer shows them: texts in the zone that the request or the collection names, or some of their parts as numbers. */

import { invalidParameter } from "../base/errors.ts";
import type { Column, FixedColumn } from "../model/columns.ts";
import type { CollectionInfo } from "../model/schema.ts";
import {
  DEFAULT_TIME_ZONE,
  type TimeFields,
  formatTimestamptz,
  isTimeZone,
  TIME_ZONE_KEY,
  timeFields,
  timeZoneOf,
} from "../model/timestamptz.ts";
import { DataType } from "../model/types.ts";

const PARTS = ["year", "month", "day", "hour", "minute", "second", "microsecond"] as const;
type Part = (typeof PARTS)[number];

/** Rows between two turns: a millisecond or two. */
const STEP_ROWS = 1024;

export interface TimeView {
  readonly zone: string;
  /** Null: whole texts. */
  readonly parts: readonly Part[] | null;
}

export const UTC_TEXTS: TimeView = { zone: DEFAULT_TIME_ZONE, parts: null };

/** @throws 1100 for a zone or a part that there is not. */
export function timeView(
  collection: Pick<CollectionInfo, "properties">,
  params: ReadonlyMap<string, string>,
): TimeView {
  const zone = params.get(TIME_ZONE_KEY) || timeZoneOf(collection.properties);
  if (!isTimeZone(zone)) throw invalidParameter(`unknown or invalid IANA Time Zone ID: ${zone}`);
  const wanted = params.get("time_fields") ?? "";
  if (wanted.trim() === "") return { zone, parts: null };
  const parts = wanted.split(",").map((text) => {
    const name = text.trim().toLowerCase();
    const part = PARTS.find((known) => known === name);
    if (part === undefined)
      throw invalidParameter(`unsupported time field: ${text.trim()}, supported: ${PARTS.join(", ")}`);
    return part;
  });
  return { zone, parts };
}

/** Yields where others may have a turn. */
export function* shownTimes(column: FixedColumn, { zone, parts }: TimeView): Generator<void, Column> {
  const values = column.values as BigInt64Array;
  const { valid } = column;
  const isPresent = (row: number): boolean => valid === null || valid[row] !== 0;
  if (parts === null) {
    const offsets = new Uint32Array(values.length + 1);
    const pieces: Buffer[] = [];
    for (let from = 0; from < values.length; from += STEP_ROWS) {
      const end = Math.min(values.length, from + STEP_ROWS);
      let texts = "";
      for (let row = from; row < end; row += 1) {
        if (isPresent(row)) texts += formatTimestamptz(values[row]!, zone);
        offsets[row + 1] = offsets[from]! + texts.length;
      }
      // Times have no letter beyond ASCII, so that a letter is a byte.
      pieces.push(Buffer.from(texts, "latin1"));
      yield;
    }
    return { kind: "bytes", type: DataType.Timestamptz, offsets, bytes: Buffer.concat(pieces), valid };
  }
  const offsets = new Uint32Array(values.length + 1);
  for (let row = 0; row < values.length; row += 1)
    offsets[row + 1] = offsets[row]! + (isPresent(row) ? parts.length : 0);
  const numbers = new BigInt64Array(offsets[values.length]!);
  for (let row = 0; row < values.length; row += 1) {
    if (!isPresent(row)) continue;
    const fields: TimeFields = timeFields(values[row]!, zone);
    for (const [at, part] of parts.entries()) numbers[offsets[row]! + at] = BigInt(fields[part]);
    if ((row + 1) % STEP_ROWS === 0) yield;
  }
  const elements = { kind: "fixed", type: DataType.Int64, values: numbers, valid: null } as const;
  return { kind: "array", type: DataType.Array, elementType: DataType.Int64, offsets, elements, valid };
}
