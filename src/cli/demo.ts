/**
 * `npm start`: standalone over `./data`, with 5,000 WordNet synsets in it, three questions answered, and a word on how to connect.
 *
 * Always true: rows are loaded once, into a directory that has no such collection; a load that was broken off is taken up again by
 * upserting everything, which changes nothing about what is there.
 */

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { SystemRuntime } from "../base/host/system.ts";
import { bytesColumn, textAt, type BytesColumn } from "../model/columns.ts";
import { ConsistencyLevel, DataType } from "../model/types.ts";
import type { Proxy } from "../proxy/proxy.ts";
import { declaredField as field } from "../proxy/declared-field.ts";
import type { DeclaredField, InputField } from "../proxy/requests.ts";
import { DEFAULT_HOST, DEFAULT_PORT, startServer } from "../server/server.ts";
import { connectText, type FoundMeaning, formatAnswer } from "./answers.ts";
import { describeFailure, EXIT } from "./failure.ts";
import { stopOnSignals } from "./interrupt.ts";
import { Progress, withCommas } from "./progress.ts";
import { kernelText, untilStopped } from "./serving.ts";
import {
  readWordnetQueries,
  readWordnetRows,
  WORDNET_DIMENSION,
  wordnetBatches,
  type WordnetQueries,
  type WordnetRows,
} from "./wordnet.ts";

const COLLECTION = "wordnet";
const TARGET = { databaseName: "", collectionName: COLLECTION };
const EXAMPLES = resolve(import.meta.dirname, "../../examples/wordnet");
const BATCH_ROWS = 1_000;
/** Questions of the example that read well. */
const QUESTIONS = [10, 41, 7];
const MEANINGS = 3;
const DEFAULT_COLUMNS = 100;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", default: "./data" },
      host: { type: "string", default: DEFAULT_HOST },
      port: { type: "string", default: String(DEFAULT_PORT) },
    },
  });
  const runtime = new SystemRuntime();
  const stop = stopOnSignals(process, runtime, () => process.exit(EXIT.interrupted));
  const output = process.stdout;
  const directory = resolve(values.data);
  const server = await startServer({ directory, host: values.host, port: Number(values.port) });
  try {
    output.write(`Elanus ${server.version}, data in ${directory}; ${kernelText(server.engine.kernel)}\n\n`);
    await fill(server.engine.proxy, stop);
    output.write("\n");
    const queries = await readWordnetQueries(EXAMPLES);
    for (const question of QUESTIONS) {
      const found = await ask(server.engine.proxy, queries, question);
      output.write(`${formatAnswer(queries.texts[question]!, found, output.columns ?? DEFAULT_COLUMNS)}\n`);
    }
    output.write(connectText(server.host, server.port, COLLECTION));
    await untilStopped(stop);
    output.write("\nstopping\n");
  } finally {
    await server.close();
  }
  return EXIT.done;
}

/** Brings the rows in, unless they are there. */
async function fill(proxy: Proxy, stop: AbortSignal): Promise<void> {
  const rows = await readWordnetRows(EXAMPLES);
  if (await proxy.hasCollection(TARGET)) {
    await loaded(proxy);
    const found = await count(proxy);
    if (found === rows.rowCount) {
      process.stdout.write(`${withCommas(found)} synsets of WordNet are there.\n`);
      return;
    }
  } else {
    await create(proxy);
  }
  const progress = new Progress(process.stdout, "Loading WordNet", rows.rowCount);
  let done = 0;
  for (const batch of wordnetBatches(rows, BATCH_ROWS)) {
    stop.throwIfAborted();
    await proxy.upsert({
      ...TARGET,
      partitionName: "",
      fields: inputFields(batch),
      rowCount: batch.rowCount,
      schemaTimestamp: 0n,
    });
    progress.update((done += batch.rowCount));
  }
  progress.finish();
  await proxy.flush("", [COLLECTION]);
}

async function create(proxy: Proxy): Promise<void> {
  const text = (name: string, maxLength: number): DeclaredField =>
    field(name, DataType.VarChar, { typeParams: [{ key: "max_length", value: String(maxLength) }] });
  await proxy.createCollection({
    ...TARGET,
    schema: {
      name: COLLECTION,
      description: "WordNet 3.0 synsets with sentence embeddings",
      fields: [
        field("id", DataType.Int64, { isPrimaryKey: true }),
        text("lemma", 128),
        text("pos", 8),
        text("category", 32),
        text("gloss", 1_024),
        field("senses", DataType.Int32),
        field("vector", DataType.FloatVector, { typeParams: [{ key: "dim", value: String(WORDNET_DIMENSION) }] }),
      ],
      enableDynamicField: false,
      functionCount: 0,
      structs: [],
    },
    shardsNum: 1,
    consistencyLevel: ConsistencyLevel.Bounded,
    properties: [],
    partitionCount: 0,
  });
  await proxy.createIndex(TARGET, "vector", "", [
    { key: "index_type", value: "AUTOINDEX" },
    { key: "metric_type", value: "COSINE" },
  ]);
  await loaded(proxy);
}

async function loaded(proxy: Proxy): Promise<void> {
  await proxy.loadCollection(TARGET, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  const runtime = new SystemRuntime();
  while ((await proxy.loadProgress(TARGET, [])) < 100) await runtime.sleep(5);
}

function inputFields(rows: WordnetRows): InputField[] {
  const common = { isDynamic: false, valid: null, unsupported: false, rowCount: rows.rowCount };
  const text = (fieldName: string, entries: readonly string[]): InputField => {
    const { offsets, bytes } = bytesColumn(DataType.VarChar, entries);
    return { ...common, type: DataType.VarChar, fieldName, column: { kind: "bytes", offsets, bytes } };
  };
  return [
    { ...common, type: DataType.Int64, fieldName: "id", column: { kind: "fixed", values: rows.ids } },
    text("lemma", rows.lemmas),
    text("pos", rows.partsOfSpeech),
    text("category", rows.categories),
    text("gloss", rows.glosses),
    { ...common, type: DataType.Int32, fieldName: "senses", column: { kind: "fixed", values: rows.senses } },
    {
      ...common,
      type: DataType.FloatVector,
      fieldName: "vector",
      column: { kind: "vector", type: DataType.FloatVector, dimension: WORDNET_DIMENSION, values: rows.vectors },
    },
  ];
}

const STRONG = { consistencyLevel: ConsistencyLevel.Strong, useDefaultConsistency: false, guaranteeTimestamp: 0n };

async function count(proxy: Proxy): Promise<number> {
  const { fields } = await proxy.query({
    ...TARGET,
    ...STRONG,
    partitionNames: [],
    expression: "",
    templates: new Map(),
    outputFields: ["count(*)"],
    params: new Map(),
  });
  const column = fields[0]!.column;
  return column.kind === "fixed" ? Number(column.values[0]) : 0;
}

async function ask(proxy: Proxy, queries: WordnetQueries, question: number): Promise<FoundMeaning[]> {
  const start = question * WORDNET_DIMENSION;
  const values = queries.vectors.slice(start, start + WORDNET_DIMENSION);
  const { scores, fields } = await proxy.search({
    ...TARGET,
    ...STRONG,
    partitionNames: [],
    expression: "",
    templates: new Map(),
    queries: { type: DataType.FloatVector, values, queryCount: 1 },
    outputFields: ["lemma", "gloss"],
    params: new Map([["topk", String(MEANINGS)]]),
  });
  const column = (name: string): BytesColumn => fields.find((output) => output.name === name)!.column as BytesColumn;
  return Array.from(scores, (score, at) => ({
    score,
    lemma: textAt(column("lemma"), at),
    gloss: textAt(column("gloss"), at),
  }));
}

try {
  process.exitCode = await main();
} catch (error) {
  const { text, exitStatus } = describeFailure(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = exitStatus;
}
