/**
 * The hot messages by hand beside the generated code, in the same process on the same bytes: an insert of 10,000 rows of an int64
 * and 128 floats, and a search result of 16,384 hits.
 *
 * Medians and fastest times of runs that take turns, after a warm-up. On a busy machine read the fastest: the longer a run takes, the
 * more often it is interrupted, so load makes the ratio of the medians look better than it is.
 *
 * The insert is decoded twice: with its floats where a `Float32Array` can view them, and one byte further, where they must be copied.
 * Which of the two a real request meets is chance. "Generated" encoding starts from the same columns, so it includes turning them
 * into the arrays that the generated code wants.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DataType } from "../src/model/types.ts";
import { InsertRequestSchema, SearchResultsSchema } from "../src/server/wire/generated/milvus_pb.js";
import { decodeInsertRequest } from "../src/server/wire/insert.ts";
import { type SearchAnswer, encodeSearchResults } from "../src/server/wire/results.ts";
import { statusOf } from "../src/server/wire/status.ts";

const ROWS = 10_000;
const DIMENSION = 128;
const HITS = 16_384;
const WARM_UP_RUNS = 5;
const RUNS = 25;

export async function codecBench(): Promise<void> {
  const insert = insertBytes();
  for (const aligned of [true, false]) {
    const bytes = placed(insert, aligned);
    report(
      `decode InsertRequest, ${ROWS} x (int64, ${DIMENSION} floats), ${megabytes(bytes)} MB, floats ${aligned ? "viewed" : "copied"}`,
      compare(
        () => decodeInsertRequest(bytes).fields.length,
        () => fromBinary(InsertRequestSchema, bytes).fieldsData.length,
      ),
    );
  }
  // The hand-written encoder is timed up to one contiguous buffer, which the transport would otherwise make.
  const answer = searchAnswer();
  const { oracle, bytes } = searchOracle(answer);
  report(
    `encode SearchResults, ${HITS} hits (id, score, int64 column), ${megabytes(bytes)} MB`,
    compare(
      () => Buffer.concat(encodeSearchResults(answer)).length,
      () => toBinary(SearchResultsSchema, oracle()).length,
    ),
  );
}

function insertBytes(): Uint8Array {
  const random = sequence();
  const ids = Array.from({ length: ROWS }, (_, row) => 450_000_000_000_000_000n + BigInt(row));
  const floats = Array.from({ length: ROWS * DIMENSION }, () => Math.fround(random()));
  const message = create(InsertRequestSchema, {
    collectionName: "bench",
    numRows: ROWS,
    fieldsData: [
      {
        type: DataType.Int64,
        fieldName: "id",
        field: { case: "scalars", value: { data: { case: "longData", value: { data: ids } } } },
      },
      {
        type: DataType.FloatVector,
        fieldName: "vector",
        field: {
          case: "vectors",
          value: { dim: BigInt(DIMENSION), data: { case: "floatVector", value: { data: floats } } },
        },
      },
    ],
  });
  return toBinary(InsertRequestSchema, message);
}

/** The message in a larger buffer, so that its floats are viewed in place, or are not. */
function placed(message: Uint8Array, aligned: boolean): Uint8Array {
  for (let shift = 0; shift < 4; shift += 1) {
    const buffer = new Uint8Array(message.length + shift);
    buffer.set(message, shift);
    const bytes = buffer.subarray(shift);
    const { column } = decodeInsertRequest(bytes).fields[1]!;
    const viewed = column?.kind === "vector" && column.values.buffer === buffer.buffer;
    if (viewed === aligned) return bytes;
  }
  throw new Error("no place has the alignment that was asked for");
}

function searchAnswer(): SearchAnswer {
  const random = sequence();
  const ids = BigInt64Array.from({ length: HITS }, (_, hit) => 450_000_000_000_000_000n + BigInt(hit * 7));
  const values = BigInt64Array.from({ length: HITS }, () => BigInt(Math.floor(random() * 1e6)));
  return {
    status: statusOf(null),
    collectionName: "bench",
    sessionTimestamp: 1n,
    hits: {
      topks: [HITS],
      topK: HITS,
      ids: { kind: "fixed", type: DataType.Int64, values: ids, valid: null },
      scores: Float32Array.from({ length: HITS }, random),
      distances: null,
      recalls: null,
      fields: [
        {
          name: "value",
          fieldId: 101n,
          isDynamic: false,
          column: { kind: "fixed", type: DataType.Int64, values, valid: null },
        },
      ],
      outputFields: ["value"],
      primaryFieldName: "id",
      allSearchCount: HITS,
      groupBy: null,
      buckets: null,
      iterator: null,
    },
  };
}

/** What a server without an own codec does for each answer: the same columns into a message of arrays. */
function searchOracle(answer: SearchAnswer): {
  oracle: () => ReturnType<typeof create<typeof SearchResultsSchema>>;
  bytes: Uint8Array;
} {
  const bytes = new Uint8Array(Buffer.concat(encodeSearchResults(answer)));
  const decoded = fromBinary(SearchResultsSchema, bytes);
  const again = toBinary(SearchResultsSchema, decoded);
  if (!Buffer.from(again).equals(bytes)) throw new Error("the two codecs write different bytes");
  const ids = (answer.hits!.ids.kind === "fixed" && answer.hits!.ids.values) as BigInt64Array;
  const values = answer.hits!.fields[0]!.column as { readonly values: BigInt64Array };
  return {
    bytes,
    oracle: () => {
      const results = decoded.results!;
      results.scores = Array.from(answer.hits!.scores);
      results.ids!.idField = { case: "intId", value: { ...emptyLongs(results.ids!), data: Array.from(ids) } };
      const field = results.fieldsData[0]!.field;
      if (field.case === "scalars" && field.value.data.case === "longData") {
        field.value.data.value.data = Array.from(values.values);
      }
      return decoded;
    },
  };
}

function emptyLongs(ids: { readonly idField: { readonly case?: string | undefined; readonly value?: unknown } }): {
  $typeName: "milvus.proto.schema.LongArray";
  data: bigint[];
} {
  return ids.idField.value as { $typeName: "milvus.proto.schema.LongArray"; data: bigint[] };
}

interface Times {
  readonly hand: readonly number[];
  readonly generated: readonly number[];
}

function compare(hand: () => number, generated: () => number): Times {
  const times = { hand: [] as number[], generated: [] as number[] };
  for (let run = -WARM_UP_RUNS; run < RUNS; run += 1) {
    const handTime = timed(hand);
    const generatedTime = timed(generated);
    if (run < 0) continue;
    times.hand.push(handTime);
    times.generated.push(generatedTime);
  }
  return times;
}

function timed(work: () => number): number {
  const start = performance.now();
  if (work() <= 0) throw new Error("nothing was done");
  return performance.now() - start;
}

function report(what: string, { hand, generated }: Times): void {
  const line = (name: string, times: readonly number[]): string =>
    `  ${name.padEnd(10)} fastest ${format(Math.min(...times))} ms   median ${format(median(times))} ms`;
  const fastest = Math.min(...generated) / Math.min(...hand);
  console.log(what);
  console.log(line("by hand", hand));
  console.log(line("generated", generated));
  console.log(
    `  ratio      fastest ${fastest.toFixed(1).padStart(8)}      median ${(median(generated) / median(hand)).toFixed(1).padStart(8)}`,
  );
}

function format(milliseconds: number): string {
  return milliseconds.toFixed(3).padStart(8);
}

function median(times: readonly number[]): number {
  return times.toSorted((left, right) => left - right)[times.length >> 1]!;
}

function megabytes(bytes: Uint8Array): string {
  return (bytes.length / 1e6).toFixed(2);
}

/** The same numbers in [0, 1) at each run. */
function sequence(): () => number {
  let state = 0x9e3779b9;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
