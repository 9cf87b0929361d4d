/**
 * Buckets of a search aggregation to their wire form.
 *
 *   AggBucket       1 key: BucketKeyEntry[]  2 count: int64  3 metrics: map<string, MetricValue>  4 hits: AggHit[]  5 sub_groups: AggBucket[]
 *   BucketKeyEntry  1 field_id  2 field_name  3 int_val | 4 string_val | 5 bool_val
 *   MetricValue     1 int_val | 2 double_val | 3 string_val | 4 bool_val
 *   AggHit          1 int_pk | 2 str_pk  3 score: float  4 fields: AggHitField[]
 *   AggHitField     1 field_id  2 field_name  3 int_val | 4 bool_val | 5 float_val | 6 double_val | 7 string_val | 8 bytes_val
 *
 * A null has none of the values.
 */

import type { Bucket, BucketHit, HitValue } from "../../model/buckets.ts";
import { WireWriter } from "./writer.ts";

export function encodeBucket(bucket: Bucket): WireWriter {
  const writer = new WireWriter();
  for (const { fieldId, name, value } of bucket.key) {
    const entry = named(fieldId, name);
    addValue(entry, value, { integer: 3, text: 4, boolean: 5 });
    writer.message(1, entry);
  }
  writer.int64(2, BigInt(bucket.count));
  for (const [alias, value] of bucket.metrics) {
    const metric = new WireWriter();
    addValue(metric, value, { integer: 1, double: 2, text: 3, boolean: 4 });
    const entry = new WireWriter();
    entry.text(1, alias);
    entry.message(2, metric);
    writer.message(3, entry);
  }
  for (const hit of bucket.hits) writer.message(4, encodeHit(hit));
  for (const inner of bucket.buckets) writer.message(5, encodeBucket(inner));
  return writer;
}

function encodeHit({ key, score, fields }: BucketHit): WireWriter {
  const writer = new WireWriter();
  addValue(writer, key, { integer: 1, text: 2 });
  writer.floatAlways(3, score);
  for (const { fieldId, name, isFloat, value } of fields) {
    const field = named(fieldId, name);
    addValue(field, value, {
      integer: 3,
      boolean: 4,
      [isFloat ? "float" : "double"]: isFloat ? 5 : 6,
      text: 7,
      bytes: 8,
    });
    writer.message(4, field);
  }
  return writer;
}

function named(fieldId: bigint, name: string): WireWriter {
  const writer = new WireWriter();
  writer.int64(1, fieldId);
  writer.text(2, name);
  return writer;
}

type Kind = "integer" | "boolean" | "float" | "double" | "text" | "bytes";

/** `numbers`: the field for each kind of value. One of a choice is written even when it is zero or empty. */
function addValue(writer: WireWriter, value: HitValue, numbers: Readonly<Partial<Record<Kind, number>>>): void {
  if (value === null) return;
  switch (typeof value) {
    case "bigint":
      return writer.int64Always(numbers.integer!, value);
    case "boolean":
      return writer.int64Always(numbers.boolean!, value ? 1n : 0n);
    case "string":
      return writer.textAlways(numbers.text!, value);
    case "number":
      return numbers.float === undefined
        ? writer.doubleAlways(numbers.double!, value)
        : writer.floatAlways(numbers.float, value);
    case "object":
      return writer.bytesAlways(numbers.bytes!, value);
  }
}
