/**
 * A client of the gRPC port that speaks bytes: encoding is done before the clock starts, so that what is measured is the server.
 */

import { Client, Metadata, credentials } from "@grpc/grpc-js";
import { type DescMethodUnary, type MessageInitShape, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DataType } from "../../src/model/types.ts";
import { encodeFieldData } from "../../src/server/wire/field-data.ts";
import { PlaceholderGroupSchema, PlaceholderType } from "../../src/server/wire/generated/common_pb.js";
import {
  MilvusService,
  MutationResultSchema,
  QueryResultsSchema,
  SearchResultsSchema,
} from "../../src/server/wire/generated/milvus_pb.js";
import { WireWriter } from "../../src/server/wire/writer.ts";
import { COLLECTION, DIMENSION } from "./collection.ts";

export interface Request {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export class WireClient {
  readonly #client: Client;

  constructor(port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  send({ path, bytes }: Request): Promise<Uint8Array> {
    const same = (message: Uint8Array): Buffer => Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, same, same, bytes, new Metadata(), (error, answer) => {
        if (error !== null) reject(error);
        else resolve(answer!);
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}

function request<Descriptor extends DescMethodUnary>(
  method: Descriptor,
  message: MessageInitShape<Descriptor["input"]>,
): Request {
  const bytes = toBinary(method.input, create(method.input, message));
  return { path: `/${method.parent.typeName}/${method.name}`, bytes };
}

const methods = MilvusService.method;

export function connectRequest(): Request {
  return request(methods.connect, {});
}

function countRequest(): Request {
  return request(methods.query, { collectionName: COLLECTION, outputFields: ["count(*)"], consistencyLevel: 3 });
}

/** -1 as long as the collection is not loaded. */
export async function countRows(client: WireClient): Promise<number> {
  const { status, fieldsData } = fromBinary(QueryResultsSchema, await client.send(countRequest()));
  if (status?.code !== 0) return -1;
  const field = fieldsData[0]?.field;
  if (field?.case !== "scalars" || field.value.data.case !== "longData") throw new Error("a count is an int64");
  return Number(field.value.data.value.data[0]);
}

/** The first `limit` rows of a filter, with all fields. */
export function rowsRequest(filter: string, limit: number): Request {
  return request(methods.query, {
    collectionName: COLLECTION,
    expr: filter,
    outputFields: ["*"],
    consistencyLevel: 3,
    queryParams: [{ key: "limit", value: String(limit) }],
  });
}

export function checkRows(answer: Uint8Array, limit: number): void {
  const { status, fieldsData } = fromBinary(QueryResultsSchema, answer);
  if (status?.code !== 0) throw new Error(`query failed: ${status?.reason}`);
  const vectors = fieldsData.find(({ fieldName }) => fieldName === "vector")?.field;
  if (vectors?.case !== "vectors" || vectors.value.data.case !== "floatVector") throw new Error("there are no vectors");
  if (vectors.value.data.value.data.length !== limit * DIMENSION) throw new Error("there are too few rows");
}

export function insertBytes(firstKey: number, values: Float32Array): Request {
  const rowCount = values.length / DIMENSION;
  const ids = BigInt64Array.from({ length: rowCount }, (_, row) => BigInt(firstKey + row));
  const common = { fieldId: 0n, isDynamic: false };
  const writer = new WireWriter();
  writer.text(3, COLLECTION);
  const keys = { ...common, name: "id" };
  writer.message(
    5,
    encodeFieldData({ ...keys, column: { kind: "fixed", type: DataType.Int64, values: ids, valid: null } }),
  );
  const column = { kind: "vector", type: DataType.FloatVector, dimension: DIMENSION, values, valid: null } as const;
  writer.message(5, encodeFieldData({ ...common, name: "vector", column }));
  writer.uint32(7, rowCount);
  return { path: `/${methods.insert.parent.typeName}/${methods.insert.name}`, bytes: writer.finish() };
}

export function checkInserted(answer: Uint8Array, rowCount: number): void {
  const { status, insertCnt } = fromBinary(MutationResultSchema, answer);
  if (status?.code !== 0 || insertCnt !== BigInt(rowCount)) throw new Error(`insert failed: ${status?.reason}`);
}

export function searchRequest(query: Float32Array, limit: number, outputFields: readonly string[]): Request {
  const values = [new Uint8Array(query.buffer, query.byteOffset, query.byteLength)];
  const placeholder = { tag: "$0", type: PlaceholderType.FloatVector, values };
  const group = toBinary(PlaceholderGroupSchema, create(PlaceholderGroupSchema, { placeholders: [placeholder] }));
  return request(methods.search, {
    collectionName: COLLECTION,
    searchInput: { case: "placeholderGroup", value: group },
    nq: 1n,
    outputFields: [...outputFields],
    consistencyLevel: 3,
    searchParams: [
      { key: "topk", value: String(limit) },
      { key: "params", value: "{}" },
      { key: "anns_field", value: "vector" },
    ],
  });
}

export function checkFound(answer: Uint8Array, limit: number): void {
  const { status, results } = fromBinary(SearchResultsSchema, answer);
  if (status?.code !== 0 || results?.scores.length !== limit) throw new Error(`search failed: ${status?.reason}`);
}
