/**
 * The obvious model of a segment: a list of row versions, and answers by looking at all of them.
 *
 * Programs are lists of steps, each at a later timestamp; the same program drives the model and the segment under test.
 */

import fc from "fast-check";
import { bytesColumn, type Column, type ColumnBatch, type KeyColumn, textAt } from "../../model/columns.ts";
import type { CollectionSchema, FieldSchema } from "../../model/schema.ts";
import { plainField } from "../../model/testing/plain-field.ts";
import { DataType, Metric } from "../../model/types.ts";

export type KeyType = "int64" | "varchar";

export const KEY_FIELD = 100n;
export const VECTOR_FIELD = 101n;
/** A number that no two versions share: tells which version an answer means. */
export const SERIAL_FIELD = 102n;
export const NOTE_FIELD = 103n;
export const DIMENSION = 2;

export interface Version {
  readonly key: number;
  readonly vector: readonly [number, number];
  readonly serial: number;
  readonly note: string | null;
  readonly timestamp: bigint;
  deletedAt: bigint | null;
}

export interface Step {
  readonly kind: "insert" | "upsert" | "delete";
  readonly rows: readonly { readonly key: number; readonly vector: readonly [number, number] }[];
  /** A delete by filter read so many steps before; null: a delete by key. */
  readonly readBefore?: number | null;
}

/** Few keys and few places, so that repeated keys and equal scores are frequent. */
export const programs: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("insert" as const, "insert" as const, "upsert" as const, "delete" as const),
    rows: fc.array(
      fc.record({
        key: fc.integer({ min: -12, max: 12 }),
        vector: fc.tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 })),
      }),
      { minLength: 1, maxLength: 12, size: "max" },
    ),
    readBefore: fc.option(fc.nat({ max: 4 })),
  }),
  { minLength: 1, maxLength: 24, size: "max" },
);

/** Timestamps far above 2^32, so that both halves count. */
export function stepTimestamp(step: number): bigint {
  return 0xffff_fff0n + BigInt(step) * 7n;
}

export class VersionModel {
  readonly versions: Version[] = [];

  insert(rows: Step["rows"], timestamp: bigint): Version[] {
    const added = rows.map(({ key, vector }, at): Version => {
      const serial = this.versions.length + at;
      return { key, vector, serial, note: serial % 5 === 0 ? null : `note ${serial}`, timestamp, deletedAt: null };
    });
    this.versions.push(...added);
    return added;
  }

  delete(keys: readonly number[], timestamp: bigint, upperBound: bigint): void {
    for (const version of this.versions) {
      if (!keys.includes(version.key) || version.timestamp >= timestamp || version.timestamp >= upperBound) continue;
      if (version.deletedAt === null || timestamp < version.deletedAt) version.deletedAt = timestamp;
    }
  }

  visible(timestamp: bigint): Version[] {
    return this.versions.filter(
      (version) => version.timestamp <= timestamp && (version.deletedAt === null || timestamp < version.deletedAt),
    );
  }

  /** The nearest `k`; scores are never -0. */
  search(
    query: readonly [number, number],
    metric: Metric,
    k: number,
    timestamp: bigint,
    keyType: KeyType,
    passes: (version: Version) => boolean = () => true,
  ): { serial: number; score: number }[] {
    const sign = metric === Metric.L2 ? 1 : -1;
    const score = ({ vector: [x, y] }: Version): number =>
      metric === Metric.L2 ? (x - query[0]) ** 2 + (y - query[1]) ** 2 : x * query[0] + y * query[1];
    const ordered = this.visible(timestamp)
      .filter(passes)
      .toSorted(
        (left, right) =>
          sign * (score(left) - score(right)) ||
          compareKeyNumbers(left.key, right.key, keyType) ||
          right.serial - left.serial,
      );
    return ordered
      .filter((version, at) => ordered.findIndex((other) => other.key === version.key) === at)
      .slice(0, k)
      .map((version) => ({ serial: version.serial, score: score(version) + 0 }));
  }

  /** The newest visible version of every key, by key. */
  newest(timestamp: bigint, keyType: KeyType, passes: (version: Version) => boolean = () => true): Version[] {
    const newest = new Map<number, Version>();
    for (const version of this.visible(timestamp)) if (passes(version)) newest.set(version.key, version);
    return [...newest.values()].toSorted((left, right) => compareKeyNumbers(left.key, right.key, keyType));
  }
}

/** Runs the program on the model and, step by step, on whatever `insert` and `remove` stand for. */
export function runProgram(
  program: readonly Step[],
  model: VersionModel,
  insert: (versions: readonly Version[], timestamp: bigint) => void,
  remove: (keys: readonly number[], timestamp: bigint, upperBound: bigint | null) => void,
): void {
  for (let at = 0; at < program.length; at += 1) {
    const { kind, rows, readBefore = null } = program[at]!;
    const timestamp = stepTimestamp(at);
    const keys = rows.map((row) => row.key);
    // The bound is the first timestamp that the read did not see.
    const bound = kind === "delete" && readBefore !== null ? stepTimestamp(at - readBefore) + 1n : null;
    if (kind !== "insert") {
      model.delete(keys, timestamp, bound ?? timestamp);
      // An upsert's delete may come before or after its rows: both have one timestamp.
      if (at % 2 === 0) remove(keys, timestamp, bound);
    }
    if (kind !== "delete") insert(model.insert(rows, timestamp), timestamp);
    if (kind !== "insert" && at % 2 === 1) remove(keys, timestamp, bound);
  }
}

/** Long keys with a common beginning; some are prefixes of others, and their order is not that of the numbers. */
function keyText(key: number): string {
  return `document/${key < 0 ? "ä".repeat(-key) : String(key)}`;
}

export function compareKeyNumbers(left: number, right: number, keyType: KeyType): number {
  if (keyType === "int64") return left - right;
  return Buffer.compare(Buffer.from(keyText(left)), Buffer.from(keyText(right)));
}

export function keyColumn(keys: readonly number[], keyType: KeyType): KeyColumn {
  if (keyType === "varchar") return bytesColumn(DataType.VarChar, keys.map(keyText));
  const values = BigInt64Array.from(keys, int64Key);
  return { kind: "fixed", type: DataType.Int64, values, valid: null };
}

/** Numbers whose order is that of `key` and which need both halves. */
function int64Key(key: number): bigint {
  return BigInt(key) * 0x4000_0001n;
}

export function keyNames(column: KeyColumn): string[] {
  if (column.kind === "fixed") return Array.from(column.values, String);
  return Array.from({ length: column.offsets.length - 1 }, (_, row) => textAt(column, row));
}

export function batchOf(versions: readonly Version[], keyType: KeyType): ColumnBatch {
  const values = Float32Array.from(versions.flatMap((version) => version.vector));
  const serials = BigInt64Array.from(versions, (version) => BigInt(version.serial));
  const hasNull = versions.some((version) => version.note === null);
  const valid = hasNull ? Uint8Array.from(versions, (version) => (version.note === null ? 0 : 1)) : null;
  return {
    rowCount: versions.length,
    columns: new Map<bigint, Column>([
      [
        KEY_FIELD,
        keyColumn(
          versions.map((version) => version.key),
          keyType,
        ),
      ],
      [VECTOR_FIELD, { kind: "vector", type: DataType.FloatVector, dimension: DIMENSION, values, valid: null }],
      [SERIAL_FIELD, { kind: "fixed", type: DataType.Int64, values: serials, valid: null }],
      [
        NOTE_FIELD,
        bytesColumn(
          DataType.VarChar,
          versions.map((version) => version.note ?? ""),
          valid,
        ),
      ],
    ]),
  };
}

export function testSchema(keyType: KeyType): CollectionSchema {
  const keyDataType = keyType === "int64" ? DataType.Int64 : DataType.VarChar;
  const maxLengthBytes = keyType === "int64" ? 0 : 64;
  const fields: FieldSchema[] = [
    plainField(KEY_FIELD, "id", keyDataType, { isPrimaryKey: true, maxLengthBytes }),
    plainField(VECTOR_FIELD, "place", DataType.FloatVector, { dimension: DIMENSION }),
    plainField(SERIAL_FIELD, "serial", DataType.Int64),
    plainField(NOTE_FIELD, "note", DataType.VarChar, { nullable: true, maxLengthBytes: 64 }),
  ];
  return { name: "test", description: "", fields, enableDynamicField: false, version: 1 };
}
