import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type MessageInitShape, fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { invalidParameter } from "../../base/errors.ts";
import { type KeyColumn, bytesColumn } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import * as arbitrary from "./testing/arbitrary.ts";
import { InsertRequestSchema, MutationResultSchema, UpsertRequestSchema } from "./generated/milvus_pb.js";
import { FieldDataSchema } from "./generated/schema_pb.js";
import { decodeInsertRequest, decodeUpsertRequest, encodeMutationResult } from "./insert.ts";
import { statusOf } from "./status.ts";
import { encodeMessage } from "./control.ts";
import { assertSameField, joined, plainKeys, plainResult } from "./testing/oracle.ts";

const SUCCESS = statusOf(null);

describe("InsertRequest and UpsertRequest", () => {
  test("are read as the generated code writes them", () => {
    const record = fc.record({ ...arbitrary.insertInit, namespace: fc.option(arbitrary.name, { nil: undefined }) });
    fc.assert(
      fc.property(record, (generated) => {
        const { namespace: space, ...rest } = generated;
        const init = space === undefined ? rest : { ...rest, namespace: space };
        const hand = decodeInsertRequest(
          encodeMessage(InsertRequestSchema, init as MessageInitShape<typeof InsertRequestSchema>),
        );
        assert.deepEqual(Object.keys(hand).includes("partialUpdate"), false);
        assertSameInsert(hand, generated);
      }),
      { numRuns: 500 },
    );
    const operations = fc.array(fc.record({ fieldName: arbitrary.name, op: fc.nat(2) }), { maxLength: 3 });
    const upsert = fc.record({
      ...arbitrary.insertInit,
      namespace: arbitrary.namespace,
      partialUpdate: fc.boolean(),
      fieldOps: operations,
    });
    fc.assert(
      fc.property(upsert, (generated) => {
        const { namespace: space, ...rest } = generated;
        const init = space === undefined ? rest : { ...rest, namespace: space };
        const hand = decodeUpsertRequest(
          encodeMessage(UpsertRequestSchema, init as MessageInitShape<typeof UpsertRequestSchema>),
        );
        assert.equal(hand.partialUpdate, generated.partialUpdate);
        assert.deepEqual(
          hand.fieldOperations,
          generated.fieldOps.map(({ fieldName, op }) => ({ fieldName, operation: op })),
        );
        assertSameInsert(hand, generated);
      }),
      { numRuns: 500 },
    );
  });

  function assertSameInsert(
    hand: ReturnType<typeof decodeInsertRequest>,
    init: {
      dbName: string;
      collectionName: string;
      partitionName: string;
      numRows: number;
      schemaTimestamp: bigint;
      namespace: string | undefined;
      fieldsData: readonly MessageInitShape<typeof FieldDataSchema>[];
    },
  ): void {
    assert.equal(hand.dbName, init.dbName);
    assert.equal(hand.collectionName, init.collectionName);
    assert.equal(hand.partitionName, init.partitionName);
    assert.equal(hand.rowCount, init.numRows);
    assert.equal(hand.schemaTimestamp, init.schemaTimestamp);
    assert.equal(hand.namespace, init.namespace ?? null);
    assert.equal(hand.fields.length, init.fieldsData.length);
    init.fieldsData.forEach((field, at) => assertSameField(hand.fields[at]!, encodeMessage(FieldDataSchema, field)));
  }

  test("end in a MutationResult that the generated code reads", () => {
    const keys = fc.oneof(
      fc.array(arbitrary.int64, { maxLength: 20 }).map((values): KeyColumn => ({
        kind: "fixed",
        type: DataType.Int64,
        values: BigInt64Array.from(values),
        valid: null,
      })),
      fc.array(arbitrary.text, { maxLength: 20 }).map((entries): KeyColumn => bytesColumn(DataType.VarChar, entries)),
    );
    const answer = fc.record({
      status: fc.constantFrom(SUCCESS, statusOf(invalidParameter("no"))),
      ids: fc.option(keys),
      succeeded: fc.nat(300),
      failed: fc.nat(3),
      acknowledged: fc.boolean(),
      insertCount: fc.nat(),
      deleteCount: fc.nat(),
      upsertCount: fc.nat(),
      timestamp: arbitrary.uint64,
    });
    fc.assert(
      fc.property(answer, (answer) => {
        const oracle = fromBinary(MutationResultSchema, joined(encodeMutationResult(answer)));
        assert.equal(oracle.status?.code, answer.status.code);
        assert.deepEqual(plainKeys(oracle.IDs), answer.ids === null ? null : plainResult(answer.ids));
        assert.deepEqual(oracle.succIndex, [...Array(answer.succeeded).keys()]);
        assert.deepEqual(oracle.errIndex, [...Array(answer.failed).keys()]);
        assert.equal(oracle.acknowledged, answer.acknowledged);
        assert.deepEqual(
          [oracle.insertCnt, oracle.deleteCnt, oracle.upsertCnt],
          [answer.insertCount, answer.deleteCount, answer.upsertCount].map(BigInt),
        );
        assert.equal(oracle.timestamp, answer.timestamp);
      }),
      { numRuns: 500 },
    );
  });
});
