/** The child's operations, as calls of the engine's proxy. */

import { SystemRuntime } from "../../src/base/host/system.ts";
import { fieldOf, structOf } from "../../src/client/collection-options.ts";
import { rowsOf as plainRows } from "../../src/client/result-rows.ts";
import { columnsOfRows } from "../../src/client/rows-input.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { DeclaredField, InputField, InsertRequest, QueryResponse } from "../../src/proxy/requests.ts";
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
import { ROW_FIELDS, ROW_INDEXES, ROW_STRUCTS, strange, valuesOf } from "./row-fields.ts";
import { SEARCHED_FIELDS, VECTOR_FIELDS, type VectorField } from "./vector-fields.ts";
import { declaredField } from "../../src/proxy/declared-field.ts";

const PAGE_ROWS = 700;
const SEARCHES = 12;
const HITS = 5;
const EVERYTHING = ["*"];
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
      await proxy.insert(await writeRequest(engine, operation));
      return;
    case "upsert":
      await proxy.upsert(await writeRequest(engine, operation));
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
      await proxy.insert(await rowsRequest(engine, operation.name, 0, numbers, operation.id, ""));
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
      ? rowsOf(await query(engine, collection, "version >= 0", EVERYTHING, new Map(), []))
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
    const page = rowsOf(await query(engine, collection, expression, EVERYTHING, params, []));
    rows.push(...page);
    if (page.length < PAGE_ROWS) return rows;
    const [lane, number] = page.at(-1)!;
    expression = `key > ${keyLiteral(lane, number)}`;
  }
}

function rowsOf(answer: QueryResponse): CollectionState["rows"][number][] {
  const [lanes, numbers, versions] = ["lane", "number", "version"].map((name) => integers(answer, name));
  const columns = VECTOR_FIELDS.map(({ name }) => answer.fields.find((field) => field.name === name)!.column);
  const rows = plainRows(
    answer.fields.filter(({ name }) => !VECTOR_FIELDS.some((field) => field.name === name)),
    lanes!.length,
  );
  return Array.from(lanes!, (lane, row) => {
    const [number, version] = [numbers![row]!, versions![row]!];
    const wrong = strange(rows[row]!, lane, number, version);
    if (wrong !== null)
      throw new Error(`lane ${lane} key ${number} version ${version} has the ${wrong} of another row`);
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
        ...ROW_FIELDS.map(fieldOf),
        ...VECTOR_FIELDS.map(({ name: field, type, dimension }) =>
          dimension === null ? declared(field, type) : declared(field, type, "dim", String(dimension)),
        ),
      ],
      enableDynamicField: true,
      functionCount: 0,
      structs: ROW_STRUCTS.map(structOf),
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
  for (const { name: field, metric } of [...VECTOR_FIELDS, ...ROW_INDEXES]) {
    await proxy.createIndex(target, field, "", [{ key: "metric_type", value: metric }]);
  }
  await proxy.loadCollection(target, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  while ((await proxy.loadProgress(target, [])) < 100) await runtime.sleep(2);
}

function declared(name: string, dataType: DataType, parameter?: string, value = ""): DeclaredField {
  return declaredField(name, dataType, parameter === undefined ? {} : { typeParams: [{ key: parameter, value }] });
}

function writeRequest(
  engine: Engine,
  operation: Extract<Operation, { kind: "insert" | "upsert" }>,
): Promise<InsertRequest> {
  const { lane, numbers, id, partition } = operation;
  return rowsRequest(engine, LANES[lane]!.collection, lane, numbers, id, PARTITIONS[partition]!);
}

async function rowsRequest(
  engine: Engine,
  collectionName: string,
  lane: number,
  numbers: readonly number[],
  version: number,
  partitionName: string,
): Promise<InsertRequest> {
  const target = { databaseName: "", collectionName };
  const { schema } = (await engine.proxy.describe(target)).collection;
  const others = schema.fields.filter(({ name }) => !VECTOR_FIELDS.some((field) => field.name === name));
  const rows = numbers.map((number) => ({
    key: collectionName === "words" ? textKey(lane, number) : integerKey(lane, number),
    lane,
    number,
    version,
    ...valuesOf(lane, number, version),
  }));
  const { fields } = columnsOfRows({ ...schema, fields: others }, rows, false);
  const rowCount = numbers.length;
  const vectors = VECTOR_FIELDS.map(({ name, type, columnOf }): InputField => {
    const column = columnOf(numbers.map((number) => vectorOf(lane, number, version)));
    return { type, fieldName: name, isDynamic: false, valid: null, column, unsupported: false, rowCount };
  });
  return { ...target, partitionName, rowCount, schemaTimestamp: 0n, fields: [...fields, ...vectors] };
}

function keyLiteral(lane: number, number: number): string {
  return LANES[lane]!.collection === "words" ? JSON.stringify(textKey(lane, number)) : String(integerKey(lane, number));
}
