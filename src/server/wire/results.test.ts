import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { milvusError } from "../../base/errors.ts";
import { type Column, type KeyColumn } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import * as arbitrary from "./testing/arbitrary.ts";
import { QueryResultsSchema, SearchResultsSchema } from "./generated/milvus_pb.js";
import { encodeQueryResults, encodeSearchResults } from "./results.ts";
import { statusOf } from "./status.ts";
import { joined, plainKeys, plainOfOracle, plainResult } from "./testing/oracle.ts";

const SUCCESS = statusOf(null);

describe("SearchResults and QueryResults", () => {
  const hits = fc.array(fc.nat(6), { maxLength: 4 }).chain((topks) => {
    const count = topks.reduce((sum, topk) => sum + topk, 0);
    const floats = fc
      .array(arbitrary.float, { minLength: count, maxLength: count })
      .map((values) => Float32Array.from(values));
    const keys = fc.oneof(
      fc.array(arbitrary.int64, { minLength: count, maxLength: count }).map((values): KeyColumn => ({
        kind: "fixed",
        type: DataType.Int64,
        values: BigInt64Array.from(values),
        valid: null,
      })),
      arbitrary.stringColumn(count, DataType.VarChar),
    );
    return fc.record({
      topks: fc.constant(topks),
      topK: fc.nat(16_384),
      ids: keys,
      scores: floats,
      distances: fc.option(floats),
      recalls: fc.constant(null),
      fields: fc.array(arbitrary.resultField(count), { maxLength: 3 }),
      outputFields: fc.array(arbitrary.name, { maxLength: 3 }),
      primaryFieldName: arbitrary.name,
      allSearchCount: fc.nat(),
      groupBy: fc.option(
        fc.record({
          fields: fc.array(arbitrary.resultField(count), { minLength: 1, maxLength: 3 }),
          isSingular: fc.boolean(),
        }),
      ),
      buckets: fc.constant(null),
      iterator: fc.option(fc.record({ token: arbitrary.name, lastBound: arbitrary.float })),
    });
  });

  test("are written as the generated code reads them", () => {
    const answer = fc.record({
      status: fc.constantFrom(SUCCESS, statusOf(milvusError("CollectionNotLoaded", "", { collection: "c" }))),
      collectionName: arbitrary.name,
      sessionTimestamp: arbitrary.uint64,
      hits: fc.option(hits),
    });
    fc.assert(
      fc.property(answer, (answer) => {
        const oracle = fromBinary(SearchResultsSchema, joined(encodeSearchResults(answer)));
        assert.equal(oracle.status?.reason, answer.status.reason);
        assert.equal(oracle.collectionName, answer.collectionName);
        assert.equal(oracle.sessionTs, answer.sessionTimestamp);
        assert.equal(oracle.results === undefined, answer.hits === null);
        if (answer.hits === null) return;
        const results = oracle.results!;
        assert.equal(results.numQueries, BigInt(answer.hits.topks.length));
        assert.equal(results.topK, BigInt(answer.hits.topK));
        assert.deepEqual(results.topks, answer.hits.topks.map(BigInt));
        assert.deepEqual(results.scores, [...answer.hits.scores]);
        assert.deepEqual(results.distances, [...(answer.hits.distances ?? [])]);
        assert.deepEqual(plainKeys(results.ids), plainResult(answer.hits.ids));
        assert.deepEqual(results.outputFields, answer.hits.outputFields);
        assert.equal(results.primaryFieldName, answer.hits.primaryFieldName);
        assert.equal(results.allSearchCount, BigInt(answer.hits.allSearchCount));
        const { fields = [], isSingular = false } = answer.hits.groupBy ?? {};
        assert.equal(results.groupByFieldValue?.fieldName, isSingular ? fields[0]!.name : undefined);
        assert.deepEqual(
          results.groupByFieldValues.map(({ fieldName }) => fieldName),
          isSingular ? [] : fields.map(({ name }) => name),
        );
        assert.equal(results.searchIteratorV2Results?.token, answer.hits.iterator?.token);
        assert.equal(results.searchIteratorV2Results?.lastBound, answer.hits.iterator?.lastBound);
        assert.deepEqual(
          results.fieldsData.map((field) => plainOfOracle(field).values),
          answer.hits.fields.map(({ column }) => plainResult(column)),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("of a query likewise", () => {
    const answer = fc.nat(8).chain((rows) =>
      fc.record({
        status: fc.constant(SUCCESS),
        collectionName: arbitrary.name,
        sessionTimestamp: arbitrary.uint64,
        fields: fc.array(arbitrary.resultField(rows), { maxLength: 4 }),
        outputFields: fc.array(arbitrary.name, { maxLength: 3 }),
        primaryFieldName: arbitrary.name,
      }),
    );
    fc.assert(
      fc.property(answer, (answer) => {
        const oracle = fromBinary(QueryResultsSchema, joined(encodeQueryResults(answer)));
        assert.equal(oracle.status?.code, 0);
        assert.equal(oracle.collectionName, answer.collectionName);
        assert.equal(oracle.sessionTs, answer.sessionTimestamp);
        assert.deepEqual(oracle.outputFields, answer.outputFields);
        assert.equal(oracle.primaryFieldName, answer.primaryFieldName);
        assert.deepEqual(
          oracle.fieldsData.map((field) => [field.fieldName, plainOfOracle(field).values]),
          answer.fields.map(({ name, column }) => [name, plainResult(column)]),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("refuse columns of different lengths", () => {
    const column: Column = { kind: "fixed", type: DataType.Int64, values: new BigInt64Array(2), valid: null };
    const field = { name: "f", fieldId: 100n, isDynamic: false, column };
    const short = { ...field, column: { ...column, values: new BigInt64Array(1) } };
    const answer = {
      status: SUCCESS,
      collectionName: "c",
      sessionTimestamp: 0n,
      outputFields: [],
      primaryFieldName: "f",
    };
    assert.throws(() => encodeQueryResults({ ...answer, fields: [field, short] }), /each row has a value/);
  });
});
