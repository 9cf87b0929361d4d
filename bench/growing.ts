/**
 * Growing segments: memory beside the rows' own bytes while rows come in, and very many VarChar keys in one of them.
 *
 *   npm run bench -- growing                 memory, two million keys
 *   npm run bench -- growing keys 20000000   so many keys
 */

import { loadKernel } from "../src/kernel/load.ts";
import { type BytesColumn, type Column, type ColumnBatch, bytesColumn } from "../src/model/columns.ts";
import type { CollectionSchema, FieldSchema } from "../src/model/schema.ts";
import { DataType } from "../src/model/types.ts";
import { GrowingSegment } from "../src/segment/growing.ts";
import { median, printLoad, printTable, secondsOf, thousands } from "./measure.ts";

const ROWS = 300_000;
const LEAST_ROWS = 1_000;
/** Few at a time: the largest ratio is just behind a step. */
const BATCH_ROWS = 50;
const KEYS = 2_000_000;
const MOST_KEYS = 100_000_000;
const KEY_BATCH_ROWS = 20_000;
const LOOK_UPS = 20_000;

export async function growingBench(parts: readonly string[]): Promise<void> {
  printLoad();
  const [part = "all", count = String(KEYS)] = parts;
  const keyCount = Number(count);
  if (!["all", "memory", "keys"].includes(part) || !(keyCount >= KEY_BATCH_ROWS && keyCount <= MOST_KEYS)) {
    throw new Error("usage: growing [memory | keys [how many]]");
  }
  if (part !== "keys") memoryPart();
  if (part !== "memory") await keysPart(keyCount);
}

function field(fieldId: bigint, dataType: DataType, dimension = 0): FieldSchema {
  return {
    fieldId,
    name: `field${fieldId}`,
    description: "",
    dataType,
    elementType: DataType.None,
    isPrimaryKey: fieldId === 100n,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic: false,
    nullable: false,
    defaultValue: null,
    typeParams: [],
    dimension,
    maxLengthBytes: 100,
  };
}

function newSegment(fields: readonly FieldSchema[]): GrowingSegment {
  const schema: CollectionSchema = { name: "bench", description: "", enableDynamicField: false, version: 0, fields };
  const ids = { segmentId: 1n, partitionId: 1n, collectionId: 1n };
  return new GrowingSegment({ ...ids, channel: "bench", schema, startPosition: null! }, loadKernel());
}

function texts(first: number, count: number): BytesColumn {
  return bytesColumn(
    DataType.VarChar,
    Array.from({ length: count }, (_, at) => `key-${Math.imul(first + at, 0x9e3779b1) >>> 0}`),
  );
}

function columnOf({ dataType, dimension }: FieldSchema, first: number, count: number): Column {
  switch (dataType) {
    case DataType.VarChar:
      return texts(first, count);
    case DataType.JSON:
      return bytesColumn(
        dataType,
        Array.from({ length: count }, (_, at) => `{"size": ${first + at}, "color": "red", "name": "a thing"}`),
      );
    case DataType.FloatVector:
      return {
        kind: "vector",
        type: dataType,
        dimension,
        values: new Float32Array(count * dimension).fill(0.5),
        valid: null,
      };
    case DataType.Int64:
      return {
        kind: "fixed",
        type: dataType,
        values: BigInt64Array.from({ length: count }, (_, at) => BigInt(first + at)),
        valid: null,
      };
    default:
      return { kind: "fixed", type: dataType, values: new Float64Array(count).fill(0.5), valid: null };
  }
}

function batchOf(segment: GrowingSegment, first: number, count: number): ColumnBatch {
  const columns = new Map(segment.schema.fields.map((one) => [one.fieldId, columnOf(one, first, count)]));
  return { rowCount: count, columns };
}

function append(segment: GrowingSegment, first: number, count: number): void {
  segment.append(batchOf(segment, first, count), new BigInt64Array(count), BigInt(first + 1));
}

/** Processor time of this thread between turns for others. */
class Turns {
  longest = 0;
  sum = 0;
  #start = process.threadCpuUsage();

  async next(): Promise<void> {
    const { user, system } = process.threadCpuUsage(this.#start);
    this.longest = Math.max(this.longest, (user + system) / 1000);
    this.sum += (user + system) / 1000;
    this.#start = process.threadCpuUsage();
  }
}

function memoryPart(): void {
  const { Int64, VarChar, Double, JSON, FloatVector } = DataType;
  const shapes: readonly (readonly [string, readonly FieldSchema[]])[] = [
    ["Int64 key, 384 dimensions", [field(100n, Int64), field(101n, FloatVector, 384)]],
    ["VarChar key, 128 dimensions", [field(100n, VarChar), field(101n, FloatVector, 128)]],
    [
      "Int64 key, 32 dimensions, text, JSON, number",
      [field(100n, Int64), field(101n, FloatVector, 32), field(102n, VarChar), field(103n, JSON), field(104n, Double)],
    ],
    ["VarChar key, 8 dimensions", [field(100n, VarChar), field(101n, FloatVector, 8)]],
    ["Int64 key, 2 dimensions", [field(100n, Int64), field(101n, FloatVector, 2)]],
  ];
  const lines = shapes.map(([name, fields]) => {
    const segment = newSegment(fields);
    const ratios: number[] = [];
    let [largest, largestAt, small] = [0, 0, 0];
    for (let first = 0; first < ROWS; first += BATCH_ROWS) {
      append(segment, first, BATCH_ROWS);
      const ratio = segment.memoryBytes / segment.rawBytes;
      if (segment.rowCount < LEAST_ROWS) {
        small = Math.max(small, ratio);
        continue;
      }
      ratios.push(ratio);
      if (ratio > largest) [largest, largestAt] = [ratio, segment.rowCount];
    }
    const bytesARow = segment.rawBytes / ROWS;
    segment.close();
    const figures = [bytesARow.toFixed(0), median(ratios).toFixed(2), largest.toFixed(2), thousands(largestAt)];
    return [name, ...figures, small.toFixed(2)];
  });
  printTable(
    `memory of a growing segment beside its rows' bytes after every ${BATCH_ROWS} rows, ${thousands(LEAST_ROWS)} to ${thousands(ROWS)} rows`,
    ["", "bytes a row", "median ratio", "largest ratio", "at rows", `largest below ${thousands(LEAST_ROWS)} rows`],
    lines,
  );
}

async function keysPart(count: number): Promise<void> {
  const segment = newSegment([field(100n, DataType.VarChar), field(101n, DataType.FloatVector, 2)]);
  // Stretches between two turns for others, of each append all of them and the longest.
  const appends: number[] = [];
  const pauses: number[] = [];
  const seconds = await secondsOf(async () => {
    for (let first = 0; first < count; first += KEY_BATCH_ROWS) {
      const batch = batchOf(segment, first, KEY_BATCH_ROWS);
      const turns = new Turns();
      await segment.appendInTurns(batch, new BigInt64Array(KEY_BATCH_ROWS), BigInt(first + 1), () => turns.next());
      await turns.next();
      appends.push(turns.sum);
      pauses.push(turns.longest);
    }
  });
  const { rowCount, rawBytes, memoryBytes } = segment;
  const keys = segment.keys() as BytesColumn;
  const found = segment.rowsOfKeys(texts(Math.floor(count / 2), LOOK_UPS)).length;
  if (found !== LOOK_UPS) throw new Error(`${found} of ${LOOK_UPS} keys were found`);
  const lookUp = await secondsOf(() => segment.rowsOfKeys(texts(7, LOOK_UPS)));
  const resident = process.memoryUsage.rss();
  // What a flush asks first, with turns for others: the longest stretch between two of them, and all of it.
  const turns = new Turns();
  await segment.flushOrder(() => turns.next());
  segment.close();
  printTable(
    `${thousands(rowCount)} distinct VarChar keys in one growing segment`,
    ["", ""],
    [
      ["rows a second", thousands(rowCount / seconds)],
      [`an append of ${thousands(KEY_BATCH_ROWS)} rows, median, processor ms`, median(appends).toFixed(1)],
      ["the slowest of them", Math.max(...appends).toFixed(1)],
      ["the longest pause of each, median", median(pauses).toFixed(1)],
      ["the longest pause of all", Math.max(...pauses).toFixed(1)],
      ["pauses of more than 50", String(pauses.filter((pause) => pause > 50).length)],
      ["all in order for a flush, processor ms", turns.sum.toFixed(0)],
      ["longest pause of it", turns.longest.toFixed(1)],
      ["bytes of a key itself", (keys.bytes.length / rowCount).toFixed(1)],
      ["bytes of a row (key, offset, 2 floats, row id, timestamp)", (rawBytes / rowCount).toFixed(1)],
      ["bytes a key, all told", (memoryBytes / rowCount).toFixed(1)],
      ["bytes a key beside the row", ((memoryBytes - rawBytes) / rowCount).toFixed(1)],
      ["resident memory of the process, MB", thousands(resident / 1e6)],
      ["µs to look up a key", ((lookUp * 1e6) / LOOK_UPS).toFixed(1)],
    ],
  );
}
