/** Vectors of every type over gRPC: what may be declared, indexed, inserted and asked, at each limit and past it; vector fields that come later. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import { sparseEntry } from "../../model/sparse.ts";
import { DataType } from "../../model/types.ts";
import { ConsistencyLevel, PlaceholderGroupSchema, type Status } from "../wire/generated/common_pb.js";
import type { SearchRequestSchema } from "../wire/generated/milvus_pb.js";
import { type FieldSchema, FieldSchemaSchema, type VectorFieldSchema } from "../wire/generated/schema_pb.js";
import {
  type FieldDataInit,
  KEY,
  flush,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  service,
  until,
} from "./testing/messages.ts";
import { type Running, TestClient, startServer } from "./testing/server.ts";

type FieldInit = Exclude<MessageInitShape<typeof FieldSchemaSchema>, FieldSchema>;
type VectorData = NonNullable<MessageInitShape<typeof VectorFieldSchema>["data"]>;

function vector(name: string, dataType: DataType, dimension: number | null, nullable = false): FieldInit {
  const typeParams = dimension === null ? [] : [{ key: "dim", value: String(dimension) }];
  return { name, dataType: dataType as never, typeParams, nullable };
}

function column(
  fieldName: string,
  type: DataType,
  dim: number,
  data: VectorData,
  validData: boolean[] = [],
): FieldDataInit {
  return {
    type: type as never,
    fieldName,
    validData,
    field: { case: "vectors", value: { dim: BigInt(dim), data } },
  } as FieldDataInit;
}

const bits = (...rows: readonly number[]): VectorData => ({ case: "binaryVector", value: Uint8Array.from(rows) });
const halves = (...rows: readonly number[]): VectorData => ({
  case: "float16Vector",
  value: new Uint8Array(Uint16Array.from(rows).buffer),
});
const sparse = (...contents: readonly Uint8Array[]): VectorData => ({
  case: "sparseFloatVector",
  value: { contents: [...contents], dim: 0n },
});

function search(
  collectionName: string,
  field: string,
  type: DataType,
  values: readonly Uint8Array[],
  given: Readonly<Record<string, string>> = {},
): MessageInitShape<typeof SearchRequestSchema> {
  const group = create(PlaceholderGroupSchema, {
    placeholders: [{ tag: "$0", type: type as never, values: [...values] }],
  });
  return {
    collectionName,
    searchInput: { case: "placeholderGroup", value: toBinary(PlaceholderGroupSchema, group) },
    nq: BigInt(values.length),
    searchParams: params({ topk: "5", params: "{}", anns_field: field, ...given }),
    useDefaultConsistency: true,
    outputFields: [field],
  } as MessageInitShape<typeof SearchRequestSchema>;
}

describe("vectors of every type", () => {
  const directory = mkdtempSync(join(tmpdir(), "elanus-vector-types-"));
  let server: Running;
  let client: TestClient;

  before(async () => {
    server = await startServer({}, 0, { directory });
    client = new TestClient(server.port);
  });

  after(async () => {
    client.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
    assert.deepEqual(server.faults, []);
  });

  async function declare(name: string, ...fields: readonly FieldInit[]): Promise<Status> {
    const schema = schemaBytes({ name, fields: [KEY, ...fields] });
    return await client.call(service.createCollection, {
      collectionName: name,
      schema,
      consistencyLevel: ConsistencyLevel.Strong,
    });
  }

  function refused(status: Status | undefined, reason: string): void {
    assert.deepEqual([status?.reason, status?.code], [`${reason}: invalid parameter`, 1100]);
  }

  const index = (collectionName: string, fieldName: string, extra: Readonly<Record<string, string>>): Promise<Status> =>
    client.call(service.createIndex, { collectionName, fieldName, extraParams: params(extra) });

  test("dimensions at each limit and past it", async () => {
    const limits = [
      [DataType.Float16Vector, 2, 32_768, "float"],
      [DataType.BFloat16Vector, 2, 32_768, "float"],
      [DataType.Int8Vector, 2, 32_768, "float"],
      [DataType.BinaryVector, 8, 262_144, "binary"],
    ] as const;
    for (const [type, least, most, kind] of limits) {
      const step = type === DataType.BinaryVector ? 8 : 1;
      ok(await declare(`dim_${type}`, vector("least", type, least), vector("most", type, most)));
      refused(
        await declare("never", vector("v", type, most + step)),
        `invalid dimension: ${most + step} of field v. ${kind} vector dimension should be in range 2 ~ ${most}`,
      );
      refused(await declare("never", vector("v", type, 1)), "invalid dimension: 1. should be in range 2 ~ 32768");
      refused(
        await declare("never", vector("v", type, null)),
        "dimension is not defined in field type params of field v, check type param `dim` for vector field",
      );
    }
    refused(
      await declare("never", vector("v", DataType.BinaryVector, 12)),
      "invalid dimension: 12 of field v. binary vector dimension should be multiple of 8.",
    );
    refused(
      await declare("never", vector("v", DataType.SparseFloatVector, 12)),
      "dim should not be specified for sparse vector field v(101)",
    );
  });

  test("indexes and metrics of each type", async () => {
    const name = "indexed";
    const fields = [
      vector("half", DataType.Float16Vector, 4),
      vector("small", DataType.Int8Vector, 4),
      vector("bits", DataType.BinaryVector, 16),
      vector("words", DataType.SparseFloatVector, null),
    ];
    ok(await declare(name, ...fields));
    const cases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
      [
        "half",
        { index_type: "HNSW", metric_type: "HAMMING" },
        "float vector index does not support metric type: HAMMING",
      ],
      ["half", { index_type: "BIN_FLAT" }, "data type Float16Vector can't build with this index BIN_FLAT"],
      ["small", { metric_type: "JACCARD" }, "int vector index does not support metric type: JACCARD"],
      ["small", { index_type: "IVF_FLAT" }, "data type Int8Vector can't build with this index IVF_FLAT"],
      ["bits", { metric_type: "L2" }, "binary vector index does not support metric type: L2"],
      ["bits", { index_type: "HNSW" }, "data type BinaryVector can't build with this index HNSW"],
      [
        "bits",
        { index_type: "BIN_IVF_FLAT", metric_type: "SUBSTRUCTURE" },
        "metric type SUBSTRUCTURE not found or not supported, supported: [HAMMING JACCARD]",
      ],
      ["words", { metric_type: "L2" }, "only IP&BM25 is the supported metric type for sparse index"],
      ["words", { metric_type: "BM25" }, "only BM25 Function output field support BM25 metric type"],
      ["words", { index_type: "FLAT" }, "data type SparseFloatVector can't build with this index FLAT"],
      [
        "words",
        { index_type: "SPARSE_INVERTED_INDEX", inverted_index_algo: "FAST" },
        "sparse inverted index algo FAST not found or not supported",
      ],
      [
        "words",
        { index_type: "SPARSE_WAND", drop_ratio_build: "1" },
        "Out of range in json: param 'drop_ratio_build' (1) should be in range [0, 1)",
      ],
    ];
    for (const [field, extra, reason] of cases) refused(await index(name, field, extra), reason);
    const metrics: Record<string, string> = {};
    for (const { name: field } of fields) {
      ok(await index(name, field!, {}));
      const { indexDescriptions } = await client.call(service.describeIndex, {
        collectionName: name,
        fieldName: field!,
      });
      const told = new Map(indexDescriptions[0]!.params.map(({ key, value }) => [key, value]));
      assert.equal(told.get("index_type"), "AUTOINDEX");
      metrics[field!] = told.get("metric_type")!;
    }
    assert.deepEqual(metrics, { half: "COSINE", small: "COSINE", bits: "HAMMING", words: "IP" });
  });

  test("what is inserted and asked is checked", async () => {
    const name = "checked";
    ok(
      await declare(
        name,
        vector("half", DataType.Float16Vector, 2),
        vector("bits", DataType.BinaryVector, 16),
        vector("words", DataType.SparseFloatVector, null),
      ),
    );
    for (const field of ["half", "bits", "words"]) ok(await index(name, field, {}));
    await load(client, name);
    const good = {
      half: column("half", DataType.Float16Vector, 2, halves(0x3c00, 0)),
      bits: column("bits", DataType.BinaryVector, 16, bits(1, 2)),
      words: column("words", DataType.SparseFloatVector, 0, sparse(sparseEntry([1, 5], [1, 2]))),
    };
    const insert = async (more: Partial<Record<keyof typeof good, FieldDataInit>>): Promise<Status | undefined> => {
      const fieldsData = [int64s("id", [1]), ...Object.values({ ...good, ...more })];
      return (await client.call(service.insert, { collectionName: name, fieldsData, numRows: 1 })).status;
    };
    ok((await insert({}))!);
    const words = (...contents: readonly Uint8Array[]): { words: FieldDataInit } => ({
      words: column("words", DataType.SparseFloatVector, 0, sparse(...contents)),
    });
    const cases: readonly (readonly [Partial<typeof good>, string])[] = [
      [
        { half: column("half", DataType.Float16Vector, 3, halves(0, 0, 0)) },
        "the dim (3) of field data(half) is not equal to schema dim (2)",
      ],
      [
        { half: column("half", DataType.Float16Vector, 2, { case: "float16Vector", value: new Uint8Array(3) }) },
        "the length(3) of float16 data should divide the dim(2)",
      ],
      [
        { half: column("half", DataType.Float16Vector, 2, halves(0, 0, 0, 0)) },
        "the num_rows (2) of field (half) is not equal to passed num_rows (1)",
      ],
      [
        { half: column("half", DataType.Float16Vector, 2, halves(0x7c00, 0)) },
        "value '+Inf' is not a number or infinity",
      ],
      [
        { half: column("half", DataType.Float16Vector, 2, halves(0x7e00, 0)) },
        "value 'NaN' is not a number or infinity",
      ],
      [
        { bits: column("bits", DataType.BinaryVector, 16, bits(1, 2, 3)) },
        "the num(24) of all bits should divide the dim(16)",
      ],
      [words(sparseEntry([5, 5], [1, 1])), "unsorted or same indices in sparse float vector"],
      [words(sparseEntry([5], [-1])), "negative value in sparse float vector"],
      [words(sparseEntry([0xffff_ffff], [1])), "invalid index in sparse float vector: must be less than 2^32-1"],
      [
        words(sparseEntry([5], [Infinity])),
        "NaN or Inf in sparse float vector: value '+Inf' is not a number or infinity",
      ],
      [words(new Uint8Array(9)), "invalid data in sparse float vector: 9 bytes are no whole pairs of index and value"],
      [words(), "the num_rows (0) of field (words) is not equal to passed num_rows (1)"],
    ];
    for (const [more, reason] of cases) refused(await insert(more), reason);
    const wrongKind = await insert({
      bits: column("bits", DataType.Int8Vector, 16, { case: "int8Vector", value: new Uint8Array(16) }),
    });
    assert.match(
      wrongKind!.reason,
      /The data type of field bits doesn't match, expected: BINARYVECTOR, got INT8VECTOR/,
    );

    const asked = async (...given: Parameters<typeof search> extends [string, ...infer Rest] ? Rest : never) =>
      (await client.call(service.search, search(name, ...given))).status;
    ok((await asked("bits", DataType.BinaryVector, [Uint8Array.of(1, 2)]))!);
    ok((await asked("words", DataType.SparseFloatVector, [sparseEntry([], []), sparseEntry([1], [1])]))!);
    refused(
      await asked("bits", DataType.BinaryVector, [Uint8Array.of(1)]),
      "vector dimension mismatch, expected vector size(byte) 2, actual 1.",
    );
    refused(
      await asked("bits", DataType.Int8Vector, [Uint8Array.of(1, 2)]),
      "vector type must be the same, field bits - type BinaryVector, search info type Int8Vector",
    );
    refused(
      await asked("words", DataType.SparseFloatVector, [sparseEntry([2, 1], [1, 1])]),
      "unsorted or same indices in sparse float vector",
    );
    refused(
      await asked("words", DataType.SparseFloatVector, [sparseEntry([2], [1])], {
        params: JSON.stringify({ drop_ratio_search: 1 }),
      }),
      "Out of range in json: param 'drop_ratio_search' (1) should be in range [0, 1)",
    );
    refused(
      await asked("bits", DataType.BinaryVector, [Uint8Array.of(1, 2)], { group_by_field: "id" }),
      "not support search_group_by operation based on binary vector",
    );
    const floats = new Uint8Array(Float32Array.of(1, 0.5).buffer);
    ok((await asked("half", DataType.FloatVector, [floats]))!);
    refused(
      await asked("half", DataType.FloatVector, [new Uint8Array(Float32Array.of(1, 1e6).buffer)]),
      "value '+Inf' is not a number or infinity",
    );
  });

  test("searches by ids take the vectors of rows, and partial updates leave them alone", async () => {
    const name = "by_ids";
    const count = { name: "count", dataType: DataType.Int64 as never, nullable: true };
    ok(
      await declare(
        name,
        vector("bits", DataType.BinaryVector, 16),
        vector("small", DataType.Int8Vector, 2),
        vector("words", DataType.SparseFloatVector, null),
        count,
      ),
    );
    for (const field of ["bits", "small", "words"]) ok(await index(name, field, {}));
    await load(client, name);
    const fieldsData = [
      int64s("id", [1, 2, 3]),
      column("bits", DataType.BinaryVector, 16, bits(1, 1, 1, 3, 255, 255)),
      column("small", DataType.Int8Vector, 2, { case: "int8Vector", value: Uint8Array.of(1, 0, 1, 1, 255, 0) }),
      column(
        "words",
        DataType.SparseFloatVector,
        0,
        sparse(sparseEntry([1], [1]), sparseEntry([1], [2]), sparseEntry([2], [1])),
      ),
    ];
    ok((await client.call(service.insert, { collectionName: name, fieldsData, numRows: 3 })).status!);
    const partial = { fieldsData: [int64s("id", [2]), int64s("count", [7])], numRows: 1, partialUpdate: true };
    ok((await client.call(service.upsert, { collectionName: name, ...partial })).status!);
    const byIds = async (field: string): Promise<[bigint[], number[]]> => {
      const asked = search(name, field, DataType.None, [], {});
      const found = await client.call(service.search, {
        ...asked,
        searchInput: { case: "ids", value: { idField: { case: "intId", value: { data: [2n] } } } },
        searchByPrimaryKeys: true,
        nq: 1n,
      } as MessageInitShape<typeof SearchRequestSchema>);
      ok(found.status!);
      return [[...(found.results!.ids!.idField.value!.data as bigint[])], [...found.results!.scores]];
    };
    assert.deepEqual(await byIds("bits"), [
      [2n, 1n, 3n],
      [0, 1, 13],
    ]);
    assert.deepEqual((await byIds("small"))[0], [2n, 1n, 3n]);
    assert.deepEqual(await byIds("words"), [
      [2n, 1n],
      [4, 2],
    ]);
    const { fieldsData: rows } = await client.call(service.query, {
      collectionName: name,
      expr: "count == 7",
      outputFields: ["words"],
      useDefaultConsistency: true,
    });
    const words = rows.find(({ fieldName }) => fieldName === "words")!;
    assert.ok(words.field.case === "vectors" && words.field.value.data.case === "sparseFloatVector");
    assert.deepEqual(
      words.field.value.data.value.contents.map((entry) => [...entry]),
      [[...sparseEntry([1], [2])]],
    );
  });

  test("a vector field that comes later: null in rows of before, searched as soon as it is indexed and loaded", async () => {
    const name = "later";
    ok(await declare(name, vector("half", DataType.Float16Vector, 2)));
    ok(await index(name, "half", {}));
    await load(client, name);
    const put = async (ids: readonly number[], ...more: readonly FieldDataInit[]): Promise<void> => {
      const half = column("half", DataType.Float16Vector, 2, halves(...ids.flatMap(() => [0x3c00, 0])));
      const fieldsData = [int64s("id", ids), half, ...more];
      ok((await client.call(service.insert, { collectionName: name, fieldsData, numRows: ids.length })).status!);
    };
    await put([1, 2]);
    await flush(client, name);
    await put([3]);
    const add = (field: FieldInit): Promise<Status> =>
      client.call(service.addCollectionField, {
        collectionName: name,
        schema: toBinary(FieldSchemaSchema, create(FieldSchemaSchema, field)),
      });
    refused(
      await add(vector("bits", DataType.BinaryVector, 16)),
      "added field must be nullable, please check it, field name = bits",
    );
    ok(await add(vector("bits", DataType.BinaryVector, 16, true)));
    ok(await add(vector("words", DataType.SparseFloatVector, null, true)));
    await put(
      [4, 5],
      column("bits", DataType.BinaryVector, 16, bits(255, 1), [true, false]),
      column("words", DataType.SparseFloatVector, 0, sparse(sparseEntry([9], [2])), [false, true]),
    );
    ok(await index(name, "bits", { metric_type: "HAMMING" }));
    ok(await index(name, "words", { metric_type: "IP" }));
    const check = async (where: string): Promise<void> => {
      const found = await client.call(
        service.search,
        search(name, "bits", DataType.BinaryVector, [Uint8Array.of(255, 0)]),
      );
      ok(found.status!);
      assert.deepEqual([found.results!.ids!.idField.value!.data, [...found.results!.scores]], [[4n], [1]], where);
      const sparseFound = await client.call(
        service.search,
        search(name, "words", DataType.SparseFloatVector, [sparseEntry([9], [1.5])]),
      );
      ok(sparseFound.status!);
      assert.deepEqual([...sparseFound.results!.scores], [3], where);
      const rows = await client.call(service.query, {
        collectionName: name,
        expr: "id > 0",
        outputFields: ["bits", "words"],
        useDefaultConsistency: true,
      });
      ok(rows.status!);
      const [bitField, wordField] = ["bits", "words"].map((field) =>
        rows.fieldsData.find(({ fieldName }) => fieldName === field)!,
      );
      assert.deepEqual(bitField!.validData, [false, false, false, true, false], where);
      assert.deepEqual(wordField!.validData, [false, false, false, false, true], where);
      assert.ok(bitField!.field.case === "vectors" && bitField!.field.value.data.case === "binaryVector");
      assert.deepEqual([...bitField!.field.value.data.value], [255, 1], where);
      assert.ok(wordField!.field.case === "vectors" && wordField!.field.value.data.case === "sparseFloatVector");
      assert.deepEqual(
        wordField!.field.value.data.value.contents.map((entry) => [...entry]),
        [[...sparseEntry([9], [2])]],
        where,
      );
    };
    await check("growing");
    await flush(client, name);
    await check("in files");
    client.close();
    await server.close();
    server = await startServer({}, 0, { directory });
    client = new TestClient(server.port);
    await until(async () => (await client.call(service.getLoadState, { collectionName: name })).state === 3);
    await check("after a restart");
  });
});
