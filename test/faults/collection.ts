/** A small collection and the calls that the fault tests make on it. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MilvusError } from "../../src/base/errors.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { DataType } from "../../src/model/types.ts";
import type { DeclaredField, InputField, InsertRequest } from "../../src/proxy/requests.ts";
import { declaredField } from "../../src/proxy/declared-field.ts";

const STRONG = { consistencyLevel: 0, useDefaultConsistency: false, guaranteeTimestamp: 0n } as const;
const WAIT_LIMIT_MILLISECONDS = 30_000;

/** What a test opened: closed before its folders go, or it would write into them again. */
const open = new WeakMap<TestContext, Engine[]>();

/** Gone when the test ends. */
export function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "elanus-faults-"));
  context.after(async () => {
    await closeEngines(context);
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

export async function closeEngines(context: TestContext): Promise<void> {
  for (const engine of open.get(context) ?? []) await engine.close();
}

export function closeAfter(context: TestContext, engine: Engine): void {
  const engines = open.get(context) ?? [];
  open.set(context, [...engines, engine]);
}

function declared(
  name: string,
  dataType: DataType,
  isPrimaryKey = false,
  typeParams: DeclaredField["typeParams"] = [],
): DeclaredField {
  return declaredField(name, dataType, { isPrimaryKey, typeParams });
}

/** Key `id`, a text and a vector of four; indexed and loaded. */
export async function makeCollection(engine: Engine, name: string, shards = 1): Promise<void> {
  const target = { databaseName: "", collectionName: name };
  await engine.proxy.createCollection({
    ...target,
    schema: {
      name,
      description: "",
      fields: [
        declared("id", DataType.Int64, true),
        declared("text", DataType.VarChar, false, [{ key: "max_length", value: "2000" }]),
        declared("vector", DataType.FloatVector, false, [{ key: "dim", value: "4" }]),
      ],
      enableDynamicField: false,
      functionCount: 0,
      structs: [],
    },
    shardsNum: shards,
    consistencyLevel: 2,
    properties: [],
    partitionCount: 0,
  });
  await engine.proxy.createIndex(target, "vector", "", [{ key: "metric_type", value: "L2" }]);
  await load(engine, name);
}

export async function load(engine: Engine, name: string): Promise<void> {
  const target = { databaseName: "", collectionName: name };
  await engine.proxy.loadCollection(target, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  await eventually(async () => (await engine.proxy.loadProgress(target, [])) === 100, `${name} is loaded`);
}

export function insertRows(engine: Engine, name: string, first: number, rowCount: number): Promise<unknown> {
  return engine.proxy.insert(rowsRequest(name, first, rowCount));
}

export function upsertRows(engine: Engine, name: string, first: number, rowCount: number): Promise<unknown> {
  return engine.proxy.upsert(rowsRequest(name, first, rowCount));
}

function rowsRequest(collectionName: string, first: number, rowCount: number): InsertRequest {
  const numbers = Array.from({ length: rowCount }, (_, row) => first + row);
  const field = (fieldName: string, type: number, column: InputField["column"]): InputField => {
    return { type, fieldName, isDynamic: false, valid: null, column, unsupported: false, rowCount };
  };
  const texts = numbers.map((number) => Buffer.from(textOf(number)));
  const offsets = new Uint32Array(rowCount + 1);
  for (const [row, text] of texts.entries()) offsets[row + 1] = offsets[row]! + text.length;
  const vectors = Float32Array.from(numbers.flatMap((number) => [number, 1, 2, 3]));
  return {
    databaseName: "",
    collectionName,
    partitionName: "",
    rowCount,
    schemaTimestamp: 0n,
    fields: [
      field("id", DataType.Int64, { kind: "fixed", values: BigInt64Array.from(numbers, BigInt) }),
      field("text", DataType.VarChar, { kind: "bytes", offsets, bytes: Buffer.concat(texts) }),
      field("vector", DataType.FloatVector, {
        kind: "vector",
        type: DataType.FloatVector,
        dimension: 4,
        values: vectors,
      }),
    ],
  };
}

function textOf(number: number): string {
  return `text ${number} `.repeat(50);
}

export async function deleteRows(engine: Engine, name: string, expression: string): Promise<void> {
  const target = { databaseName: "", collectionName: name, partitionName: "" };
  await engine.proxy.delete({ ...target, expression, templates: new Map(), consistencyLevel: 0 });
}

export async function startFlush(engine: Engine, name: string): Promise<() => Promise<boolean>> {
  const [flushed] = await engine.proxy.flush("", [name]);
  const target = { databaseName: "", collectionName: name };
  return async () => engine.proxy.isFlushed(target, flushed!.flushTimestamp);
}

export async function flush(engine: Engine, name: string): Promise<void> {
  await eventually(await startFlush(engine, name), `${name} is flushed`);
}

/** Every id, with the text beside it checked, so that a wrong column does not pass. */
export async function readIds(engine: Engine, name: string): Promise<number[]> {
  const answer = await engine.proxy.query({
    databaseName: "",
    collectionName: name,
    ...STRONG,
    partitionNames: [],
    expression: "id >= 0",
    templates: new Map(),
    outputFields: ["id", "text"],
    params: new Map(),
  });
  const ids = answer.fields.find((field) => field.name === "id")?.column;
  const texts = answer.fields.find((field) => field.name === "text")?.column;
  assert.ok(ids?.kind === "fixed" && texts?.kind === "bytes");
  const numbers = Array.from(ids.values, Number);
  for (const [row, number] of numbers.entries()) {
    assert.equal(
      Buffer.from(texts.bytes.subarray(texts.offsets[row], texts.offsets[row + 1])).toString(),
      textOf(number),
    );
  }
  return numbers.toSorted((left, right) => left - right);
}

/** The nearest id to that of a row. */
export async function nearest(engine: Engine, name: string, number: number): Promise<number> {
  const found = await engine.proxy.search({
    databaseName: "",
    collectionName: name,
    ...STRONG,
    partitionNames: [],
    expression: "",
    templates: new Map(),
    queries: { type: DataType.FloatVector, values: Float32Array.of(number, 1, 2, 3), queryCount: 1 },
    outputFields: [],
    params: new Map([
      ["topk", "1"],
      ["anns_field", "vector"],
    ]),
  });
  assert.ok(found.keys.kind === "fixed");
  return Number(found.keys.values[0]);
}

export function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, at) => first + at);
}

export async function eventually(isSo: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const began = performance.now();
  while (!(await isSo())) {
    assert.ok(performance.now() - began < WAIT_LIMIT_MILLISECONDS, `${what} in time`);
    await sleep(5);
  }
}

/** What the promise was refused with: an error of the table. */
export async function refusal(refused: Promise<unknown>): Promise<MilvusError> {
  const outcome = await refused.then(
    () => null,
    (error: unknown) => error,
  );
  assert.notEqual(outcome, null, "it was not refused");
  assert.ok(outcome instanceof MilvusError, String((outcome as Error).stack));
  return outcome;
}

/** The files of a directory and below, as paths from it. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted();
}
