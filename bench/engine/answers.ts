/**
 * How long the server's main thread is held up by answers with all fields of 16,384 rows: numbers, texts, documents, arrays, times, keys of the dynamic
 * field and vectors. The client is in another process; its requests are encoded beforehand.
 */

import { Engine } from "../../src/engine/engine.ts";
import { type Column, bytesColumn, fixedValues } from "../../src/model/columns.ts";
import { ConsistencyLevel, DataType } from "../../src/model/types.ts";
import { declaredField as field } from "../../src/proxy/declared-field.ts";
import type { DeclaredField, InputField } from "../../src/proxy/requests.ts";
import { median, printTable } from "../measure.ts";
import { BATCH_ROWS, COLLECTION, DIMENSION, TARGET, dataDirectory, flush, load, vectors } from "./collection.ts";
import { hostServer } from "./hosted.ts";
import { type Request, WireClient, checkFound, checkRows, rowsRequest, searchRequest } from "./wire-client.ts";

const ROWS = 20_000;
const LIMIT = 16_384;
const CALLS = 10;
const ROUNDS = 3;

const NUMBERS = [
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Float,
  DataType.Double,
] as const;

const FIELDS: readonly DeclaredField[] = [
  field("id", DataType.Int64, { isPrimaryKey: true }),
  field("vector", DataType.FloatVector, { typeParams: [{ key: "dim", value: String(DIMENSION) }] }),
  ...NUMBERS.map((type) => field(`number${type}`, type, { nullable: true })),
  field("text", DataType.VarChar, { typeParams: [{ key: "max_length", value: "200" }] }),
  field("document", DataType.JSON),
  field("time", DataType.Timestamptz),
  field("tags", DataType.Array, {
    elementType: DataType.Int64,
    typeParams: [{ key: "max_capacity", value: "16" }],
  }),
  field("words", DataType.Array, {
    elementType: DataType.VarChar,
    typeParams: [
      { key: "max_capacity", value: "16" },
      { key: "max_length", value: "20" },
    ],
  }),
];

function columnsOf(
  first: number,
  count: number,
): Map<string, { readonly column: Column; readonly isDynamic?: boolean }> {
  const rows = Array.from({ length: count }, (_, at) => first + at);
  const integers = (values: readonly number[]): Column => ({
    kind: "fixed",
    type: DataType.Int64,
    values: BigInt64Array.from(values, BigInt),
    valid: null,
  });
  const offsets = Uint32Array.from({ length: count + 1 }, (_, at) => at * 4);
  const arrayOf = (elementType: DataType, elements: Column): Column => ({
    kind: "array",
    type: DataType.Array,
    elementType,
    offsets,
    elements: elements as Column & { readonly kind: "fixed" | "bytes" },
    valid: null,
  });
  const four = rows.flatMap((row) => [row, row % 7, row % 11, row % 13]);
  const columns = new Map<string, { readonly column: Column; readonly isDynamic?: boolean }>([
    ["id", { column: integers(rows) }],
    [
      "vector",
      {
        column: {
          kind: "vector",
          type: DataType.FloatVector,
          dimension: DIMENSION,
          values: vectors(count, first + 1),
          valid: null,
        },
      },
    ],
    [
      "text",
      {
        column: bytesColumn(
          DataType.VarChar,
          rows.map((row) => `the text of row ${row}, as long as most texts in rows are: ü`),
        ),
      },
    ],
    [
      "document",
      {
        column: bytesColumn(
          DataType.JSON,
          rows.map((row) => `{"size": ${row}, "color": "red", "tags": [1, 2, 3], "in": {"deep": "x${row}"}}`),
        ),
      },
    ],
    [
      "time",
      {
        column: bytesColumn(
          DataType.VarChar,
          rows.map((row) => new Date(1.7e12 + row * 1000).toISOString()),
        ),
      },
    ],
    ["tags", { column: arrayOf(DataType.Int64, integers(four)) }],
    [
      "words",
      {
        column: arrayOf(
          DataType.VarChar,
          bytesColumn(
            DataType.VarChar,
            four.map((row) => `word ${row}`),
          ),
        ),
      },
    ],
    [
      "$meta",
      {
        isDynamic: true,
        column: bytesColumn(
          DataType.JSON,
          rows.map((row) => `{"more": ${row}, "name": "thing ${row}"}`),
        ),
      },
    ],
  ]);
  for (const type of NUMBERS) {
    const values = fixedValues(type, count);
    for (let at = 0; at < count; at += 1) {
      const small = type === DataType.Bool ? at % 2 : at % 100;
      if (values instanceof BigInt64Array) values[at] = BigInt(small);
      else values[at] = small;
    }
    const valid = Uint8Array.from(rows, (row) => +(row % 10 !== 0));
    columns.set(`number${type}`, { column: { kind: "fixed", type, values, valid } });
  }
  return columns;
}

function inputOf(fieldName: string, column: Column, isDynamic: boolean, rowCount: number): InputField {
  const common = { type: column.type, fieldName, isDynamic, valid: column.valid, unsupported: false, rowCount };
  switch (column.kind) {
    case "vector":
      return { ...common, column: column as InputField["column"] & { readonly kind: "vector" } };
    case "array": {
      const { elementType, offsets, elements } = column;
      return {
        ...common,
        column: {
          kind: "array",
          elementType,
          offsets,
          elements: elements as InputField["column"] & { readonly kind: "fixed" },
        },
      };
    }
    default:
      return { ...common, column };
  }
}

export async function answersBench(): Promise<void> {
  using directory = dataDirectory();
  const engine = await Engine.open({ directory: directory.path });
  const { proxy } = engine;
  const schema = {
    name: COLLECTION,
    description: "",
    fields: FIELDS,
    enableDynamicField: true,
    functionCount: 0,
    structs: [],
  };
  await proxy.createCollection({
    ...TARGET,
    schema,
    shardsNum: 1,
    consistencyLevel: ConsistencyLevel.Bounded,
    properties: [],
    partitionCount: 0,
  });
  await proxy.createIndex(TARGET, "vector", "", [
    { key: "index_type", value: "FLAT" },
    { key: "metric_type", value: "IP" },
  ]);
  await load(proxy);
  for (let first = 0; first < ROWS; first += BATCH_ROWS) {
    const fields = [...columnsOf(first, BATCH_ROWS)].map(([name, { column, isDynamic = false }]) =>
      inputOf(name, column, isDynamic, BATCH_ROWS),
    );
    await proxy.insert({ ...TARGET, partitionName: "", rowCount: BATCH_ROWS, schemaTimestamp: 0n, fields });
  }
  await flush(proxy);
  await engine.close();

  const server = await hostServer(
    directory.path,
    (process.env["ELANUS_BENCH_NODE_OPTIONS"] ?? "").split(" ").filter(Boolean),
  );
  const client = new WireClient(server.port);
  const scalars = FIELDS.flatMap(({ name }) => (name === "vector" ? [] : [name]));
  const query = vectors(1, 5);
  const works: readonly (readonly [string, Request, (answer: Uint8Array) => void])[] = [
    ["query, all fields", rowsRequest("id >= 100", LIMIT), (answer) => checkRows(answer, LIMIT)],
    ["search, all fields", searchRequest(query, LIMIT, ["*"]), (answer) => checkFound(answer, LIMIT)],
    ["search, all but the vector", searchRequest(query, LIMIT, scalars), (answer) => checkFound(answer, LIMIT)],
  ];
  const lines: string[][] = [];
  try {
    for (const [name, request, check] of works) {
      const delays = [];
      const main: number[] = [];
      let bytes = 0;
      check(await client.send(request));
      for (let round = 0; round < ROUNDS; round += 1) {
        const answers: Uint8Array[] = [];
        const { delay, mainThreadSeconds } = await server.watched(async () => {
          for (let at = 0; at < CALLS; at += 1) answers.push(await client.send(request));
        });
        for (const answer of answers) check(answer);
        bytes = answers[0]!.length;
        delays.push(delay);
        main.push(mainThreadSeconds / CALLS);
      }
      lines.push([
        name,
        (bytes / 1e6).toFixed(1),
        (1000 * median(main)).toFixed(0),
        median(delays.map((delay) => delay.p50Milliseconds)).toFixed(1),
        median(delays.map((delay) => delay.p99Milliseconds)).toFixed(1),
        median(delays.map((delay) => delay.p999Milliseconds)).toFixed(1),
        Math.max(...delays.map((delay) => delay.maxMilliseconds)).toFixed(1),
        median(delays.map((delay) => delay.p999StretchMilliseconds)).toFixed(1),
        Math.max(...delays.map((delay) => delay.maxStretchMilliseconds)).toFixed(1),
      ]);
    }
  } finally {
    client.close();
    await server.stop();
  }
  printTable(
    `Delay of the server's event loop, ${LIMIT} rows an answer, medians of ${ROUNDS} rounds of ${CALLS} (max: of all)`,
    [
      "",
      "MB",
      "main thread ms a call",
      "p50 ms",
      "p99 ms",
      "p99.9 ms",
      "max ms",
      "p99.9 processor ms",
      "max processor ms",
    ],
    lines,
  );
}
