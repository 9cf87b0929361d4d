/** The child's operations, as calls of the engine's proxy. */

import { SystemRuntime } from "../../src/base/host/system.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { DeclaredField, InputField, InsertRequest, QueryResponse } from "../../src/proxy/requests.ts";
import { type ArrayColumn, type BytesColumn, type FixedColumn, textAt } from "../../src/model/columns.ts";
import { DataType, LoadState } from "../../src/model/types.ts";
import {
  type CollectionState,
  LANES,
  type Operation,
  PARTITIONS,
  SHARDS,
  type SideState,
  integerKey,
  textKey,
  vectorOf,
} from "./operations.ts";
import { SEARCHED_FIELDS, VECTOR_FIELDS, type VectorField } from "./vector-fields.ts";
import { declaredField } from "../../src/proxy/declared-field.ts";

const PAGE_ROWS = 700;
const SEARCHES = 12;
const HITS = 5;
const PAD_CHARACTERS = 120;
const ROW_FIELDS = ["lane", "number", "version", "tags", "place", ...VECTOR_FIELDS.map(({ name }) => name)];
const COLLECTIONS = ["numbers", "words"] as const;
const STRONG = { consistencyLevel: 0, useDefaultConsistency: false, guaranteeTimestamp: 0n } as const;
const runtime = new SystemRuntime();

/** Makes what is not there yet; a predecessor may have died anywhere in between. Resolves when both collections are served. */
export async function prepareCollections(engine: Engine): Promise<void> {
  const { proxy } = engine;
  for (const collection of COLLECTIONS) {
    const target = { databaseName: "", collectionName: collection };
    if (!(await proxy.hasCollection(target))) {
      const key =
        collection === "numbers"
          ? declared("key", DataType.Int64)
          : declared("key", DataType.VarChar, "max_length", "64");
      await createWith(engine, collection, key, SHARDS);
    }
    for (const partition of PARTITIONS.slice(1)) await proxy.createPartition(target, partition);
    await load(engine, collection);
  }
}

export async function perform(engine: Engine, operation: Operation): Promise<void> {
  const { proxy } = engine;
  switch (operation.kind) {
    case "insert":
      await proxy.insert(writeRequest(operation));
      return;
    case "upsert":
      await proxy.upsert(writeRequest(operation));
      return;
    case "delete":
    case "deleteOlder": {
      const { lane, partition } = operation;
      const expression =
        operation.kind === "delete"
          ? `key in [${operation.numbers.map((number) => keyLiteral(lane, number)).join(",")}]`
          : `lane == ${lane} and version <= ${operation.bound}`;
      await proxy.delete({
        databaseName: "",
        collectionName: LANES[lane]!.collection,
        partitionName: partition === null ? "" : PARTITIONS[partition]!,
        expression,
        templates: new Map(),
        consistencyLevel: 0,
      });
      return;
    }
    case "flush": {
      const target = { databaseName: "", collectionName: operation.collection };
      const [flushed] = await proxy.flush("", [operation.collection]);
      while (!(await proxy.isFlushed(target, flushed!.flushTimestamp))) await runtime.sleep(2);
      return;
    }
    case "compact": {
      const { compactionId } = await proxy.compact({ databaseName: "", collectionName: operation.collection });
      while (!(await proxy.compactionProgress(compactionId)).isCompleted) await runtime.sleep(5);
      return;
    }
    case "createSide":
      return createWith(engine, operation.name, declared("key", DataType.Int64), 1);
    case "fillSide": {
      await load(engine, operation.name);
      const numbers = Array.from({ length: operation.rows }, (_, number) => number);
      await proxy.insert(rowsRequest(operation.name, 0, numbers, operation.id, ""));
      return;
    }
    case "dropSide":
      return proxy.dropCollection({ databaseName: "", collectionName: operation.name });
  }
}

/** All rows of all collections, by pages or in one answer, with counts and searches that must agree. */
export async function readEverything(
  engine: Engine,
  inOneGo: boolean,
  random: () => number,
): Promise<{ collections: CollectionState[]; sides: SideState[] }> {
  const collections: CollectionState[] = [];
  for (const collection of COLLECTIONS) {
    const rows = inOneGo
      ? rowsOf(await query(engine, collection, "version >= 0", ROW_FIELDS, new Map(), []))
      : await readPages(engine, collection);
    const partitionCounts: number[] = [];
    for (const partition of PARTITIONS) partitionCounts.push(await count(engine, collection, [partition]));
    const searches: CollectionState["searches"][number][] = [];
    for (let at = 0; at < Math.min(SEARCHES, rows.length); at += 1) {
      const field = SEARCHED_FIELDS[at % SEARCHED_FIELDS.length]!;
      searches.push(await search(engine, collection, field, rows[Math.floor(random() * rows.length)]!));
    }
    collections.push({ collection, rows, count: await count(engine, collection, []), partitionCounts, searches });
  }
  const sides: SideState[] = [];
  for (const { collection, loadState } of await engine.proxy.showCollections("")) {
    const { name } = collection.schema;
    if (!name.startsWith("side")) continue;
    if (loadState === LoadState.Loaded) await load(engine, name);
    sides.push({ name, rows: loadState === LoadState.Loaded ? await count(engine, name, []) : null });
  }
  return { collections, sides };
}

async function readPages(engine: Engine, collection: string): Promise<CollectionState["rows"]> {
  const rows: CollectionState["rows"][number][] = [];
  for (let expression = ""; ;) {
    const params = new Map([["limit", String(PAGE_ROWS)]]);
    const page = rowsOf(await query(engine, collection, expression, ROW_FIELDS, params, []));
    rows.push(...page);
    if (page.length < PAGE_ROWS) return rows;
    const [lane, number] = page.at(-1)!;
    expression = `key > ${keyLiteral(lane, number)}`;
  }
}

function tagsOf(lane: number, number: number, version: number): bigint[] {
  return [lane, number, version].slice(0, number % 4).map(BigInt);
}

function placeOf(lane: number, number: number): string {
  return `POINT (${lane} ${number})`;
}

function listAt({ offsets, elements }: ArrayColumn, row: number): bigint[] {
  const { values } = elements as FixedColumn;
  return [...(values as BigInt64Array).subarray(offsets[row], offsets[row + 1])];
}

function rowsOf(answer: QueryResponse): CollectionState["rows"][number][] {
  const [lanes, numbers, versions] = ["lane", "number", "version"].map((name) => integers(answer, name));
  const columns = VECTOR_FIELDS.map(({ name }) => answer.fields.find((field) => field.name === name)!.column);
  const tags = answer.fields.find(({ name }) => name === "tags")!.column as ArrayColumn;
  const places = answer.fields.find(({ name }) => name === "place")!.column as BytesColumn;
  return Array.from(lanes!, (lane, row) => {
    const [number, version] = [numbers![row]!, versions![row]!];
    if (listAt(tags, row).join() !== tagsOf(lane, number, version).join()) {
      throw new Error(`lane ${lane} key ${number} version ${version} has the tags of another row`);
    }
    if (textAt(places, row) !== placeOf(lane, number)) {
      throw new Error(`lane ${lane} key ${number} has the place of another row`);
    }
    for (const [at, { name, isOf }] of VECTOR_FIELDS.entries()) {
      if (isOf(columns[at]!, row, vectorOf(lane, number, version))) continue;
      throw new Error(`lane ${lane} key ${number} version ${version} has the ${name} of another row`);
    }
    return [lane, number, version] as const;
  });
}

async function count(engine: Engine, collection: string, partitions: readonly string[]): Promise<number> {
  return integers(await query(engine, collection, "", ["count(*)"], new Map(), partitions), "count(*)")[0]!;
}

async function search(
  engine: Engine,
  collection: string,
  field: VectorField,
  [lane, number, version]: readonly [number, number, number],
): Promise<CollectionState["searches"][number]> {
  const found = await engine.proxy.search({
    databaseName: "",
    collectionName: collection,
    ...STRONG,
    partitionNames: [],
    expression: "",
    templates: new Map(),
    queries: { type: field.type, values: field.query(vectorOf(lane, number, version)), queryCount: 1 },
    outputFields: ["lane", "number"],
    params: new Map([
      ["topk", String(HITS)],
      ["anns_field", field.name],
    ]),
  });
  const [lanes, numbers] = [integers(found, "lane"), integers(found, "number")];
  return {
    lane,
    number,
    version,
    distance: found.scores[0] ?? -1,
    hits: lanes.map((hitLane, at) => [hitLane, numbers[at]!] as const),
  };
}

function query(
  engine: Engine,
  collection: string,
  expression: string,
  outputFields: readonly string[],
  params: ReadonlyMap<string, string>,
  partitionNames: readonly string[],
): Promise<QueryResponse> {
  const target = { databaseName: "", collectionName: collection };
  return engine.proxy.query({
    ...target,
    ...STRONG,
    partitionNames,
    expression,
    templates: new Map(),
    outputFields,
    params,
  });
}

function integers(answer: Pick<QueryResponse, "fields">, name: string): number[] {
  const column = answer.fields.find((field) => field.name === name)?.column;
  if (column?.kind !== "fixed") throw new Error(`the answer has no column ${name}`);
  return Array.from(column.values, Number);
}

async function createWith(engine: Engine, name: string, key: DeclaredField, shardsNum: number): Promise<void> {
  const target = { databaseName: "", collectionName: name };
  await engine.proxy.createCollection({
    ...target,
    schema: {
      name,
      description: "",
      fields: [
        { ...key, isPrimaryKey: true },
        declared("lane", DataType.Int64),
        declared("number", DataType.Int64),
        declared("version", DataType.Int64),
        declared("pad", DataType.VarChar, "max_length", "200"),
        { ...declared("tags", DataType.Array, "max_capacity", "4"), elementType: DataType.Int64 },
        declared("place", DataType.Geometry),
        ...VECTOR_FIELDS.map(({ name: field, type, dimension }) =>
          dimension === null ? declared(field, type) : declared(field, type, "dim", String(dimension)),
        ),
      ],
      enableDynamicField: false,
      functionCount: 0,
      structs: [],
    },
    shardsNum,
    consistencyLevel: 2,
    properties: [],
    partitionCount: 0,
  });
}

async function load(engine: Engine, name: string): Promise<void> {
  const { proxy } = engine;
  const target = { databaseName: "", collectionName: name };
  for (const { name: field, metric } of VECTOR_FIELDS) {
    await proxy.createIndex(target, field, "", [{ key: "metric_type", value: metric }]);
  }
  await proxy.loadCollection(target, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  while ((await proxy.loadProgress(target, [])) < 100) await runtime.sleep(2);
}

function declared(name: string, dataType: DataType, parameter?: string, value = ""): DeclaredField {
  return declaredField(name, dataType, parameter === undefined ? {} : { typeParams: [{ key: parameter, value }] });
}

function writeRequest(operation: Extract<Operation, { kind: "insert" | "upsert" }>): InsertRequest {
  const { lane, numbers, id, partition } = operation;
  return rowsRequest(LANES[lane]!.collection, lane, numbers, id, PARTITIONS[partition]!);
}

function rowsRequest(
  collectionName: string,
  lane: number,
  numbers: readonly number[],
  version: number,
  partitionName: string,
): InsertRequest {
  const rowCount = numbers.length;
  const field = (name: string, type: number, column: InputField["column"]): InputField => {
    return { type, fieldName: name, isDynamic: false, valid: null, column, unsupported: false, rowCount };
  };
  const integer = (name: string, value: (number: number) => bigint): InputField =>
    field(name, DataType.Int64, { kind: "fixed", values: BigInt64Array.from(numbers, value) });
  const text = (name: string, value: (number: number) => string, type: DataType = DataType.VarChar): InputField => {
    const texts = numbers.map((number) => Buffer.from(value(number)));
    const offsets = new Uint32Array(rowCount + 1);
    for (const [row, bytes] of texts.entries()) offsets[row + 1] = offsets[row]! + bytes.length;
    return field(name, type, { kind: "bytes", offsets, bytes: Buffer.concat(texts) });
  };
  const tags = (): InputField => {
    const lists = numbers.map((number) => tagsOf(lane, number, version));
    const offsets = new Uint32Array(rowCount + 1);
    for (const [row, list] of lists.entries()) offsets[row + 1] = offsets[row]! + list.length;
    const elements = { kind: "fixed", values: BigInt64Array.from(lists.flat()) } as const;
    return field("tags", DataType.Array, { kind: "array", elementType: DataType.Int64, offsets, elements });
  };
  return {
    databaseName: "",
    collectionName,
    partitionName,
    rowCount,
    schemaTimestamp: 0n,
    fields: [
      collectionName === "words"
        ? text("key", (number) => textKey(lane, number))
        : integer("key", (number) => integerKey(lane, number)),
      integer("lane", () => BigInt(lane)),
      integer("number", BigInt),
      integer("version", () => BigInt(version)),
      tags(),
      text("place", (number) => placeOf(lane, number), DataType.Geometry),
      text("pad", (number) => `${number} `.repeat(40).slice(0, PAD_CHARACTERS)),
      ...VECTOR_FIELDS.map(({ name, type, columnOf }) =>
        field(name, type, columnOf(numbers.map((number) => vectorOf(lane, number, version)))),
      ),
    ],
  };
}

function keyLiteral(lane: number, number: number): string {
  return LANES[lane]!.collection === "words" ? JSON.stringify(textKey(lane, number)) : String(integerKey(lane, number));
}
