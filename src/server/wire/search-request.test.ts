import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type MessageInitShape, fromBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import * as arbitrary from "./testing/arbitrary.ts";
import { PlaceholderGroupSchema } from "./generated/common_pb.js";
import { HybridSearchRequestSchema, SearchRequestSchema } from "./generated/milvus_pb.js";
import { WireReader } from "./reader.ts";
import { decodeHybridSearchRequest, decodeSearchRequest } from "./search-request.ts";
import { decodeTemplateValue } from "./template-value.ts";
import { encodeMessage } from "./control.ts";
import { joined, plainResult, plainTemplate } from "./testing/oracle.ts";

const floatPlaceholder = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }))
  .chain(([nq, dim]) =>
    fc.array(fc.array(arbitrary.float, { minLength: dim, maxLength: dim }), { minLength: nq, maxLength: nq }),
  );

describe("SearchRequest", () => {
  const pairs = fc.array(fc.record({ key: arbitrary.name, value: arbitrary.text }), { maxLength: 4 });
  const request = fc.record({
    dbName: arbitrary.name,
    collectionName: arbitrary.name,
    partitionNames: fc.array(arbitrary.name, { maxLength: 3 }),
    dsl: arbitrary.text,
    outputFields: fc.array(arbitrary.name, { maxLength: 3 }),
    searchParams: pairs,
    travelTimestamp: arbitrary.uint64,
    guaranteeTimestamp: arbitrary.uint64,
    nq: arbitrary.int64,
    notReturnAllMeta: fc.boolean(),
    consistencyLevel: fc.nat(4),
    useDefaultConsistency: fc.boolean(),
    searchByPrimaryKeys: fc.boolean(),
    exprTemplateValues: fc.dictionary(arbitrary.name, arbitrary.templateValue, { maxKeys: 3, noNullPrototype: true }),
    subReqs: fc.array(fc.record({ dsl: arbitrary.text }), { maxLength: 2 }),
    input: fc.oneof(
      floatPlaceholder.map((rows) => ({ case: "placeholderGroup" as const, rows })),
      arbitrary.ids.map((value) => ({ case: "ids" as const, value })),
    ),
    functionScore: fc.option(fc.constant({ params: [{ key: "a", value: "b" }] }), { nil: undefined }),
    highlighter: fc.option(fc.constant({ type: 1 }), { nil: undefined }),
  });
  type Generated = typeof request extends fc.Arbitrary<infer T> ? T : never;

  function initOf({
    input,
    functionScore,
    highlighter,
    ...rest
  }: Generated): MessageInitShape<typeof SearchRequestSchema> {
    const searchInput =
      input.case === "ids"
        ? input
        : {
            case: input.case,
            value: encodeMessage(PlaceholderGroupSchema, {
              placeholders: [
                {
                  tag: "$0",
                  type: 101,
                  values: input.rows.map((row) => new Uint8Array(Float32Array.from(row).buffer)),
                },
              ],
            }),
          };
    return {
      ...rest,
      searchInput,
      ...(functionScore === undefined ? {} : { functionScore }),
      ...(highlighter === undefined ? {} : { highlighter }),
    } as MessageInitShape<typeof SearchRequestSchema>;
  }

  function assertSameSearch(hand: ReturnType<typeof decodeSearchRequest>, init: Generated): void {
    assert.equal(hand.dbName, init.dbName);
    assert.equal(hand.collectionName, init.collectionName);
    assert.deepEqual(hand.partitionNames, init.partitionNames);
    assert.equal(hand.expression, init.dsl);
    assert.deepEqual(hand.outputFields, init.outputFields);
    assert.deepEqual(hand.searchParams, new Map(init.searchParams.map(({ key, value }) => [key, value])));
    assert.equal(hand.travelTimestamp, init.travelTimestamp);
    assert.equal(hand.guaranteeTimestamp, init.guaranteeTimestamp);
    assert.equal(hand.queryCount, init.nq);
    assert.equal(hand.notReturnAllMeta, init.notReturnAllMeta);
    assert.equal(hand.consistencyLevel, init.consistencyLevel);
    assert.equal(hand.useDefaultConsistency, init.useDefaultConsistency);
    assert.equal(hand.searchByPrimaryKeys, init.searchByPrimaryKeys);
    assert.equal(hand.subRequests.length, init.subReqs.length);
    assert.equal(hand.functionScore !== null, init.functionScore !== undefined);
    assert.equal(hand.highlighter !== null, init.highlighter !== undefined);
    assert.equal(hand.placeholderFault, null);
    if (init.input.case === "ids") {
      assert.equal(hand.placeholders.length, 0);
      const idField = init.input.value.idField!;
      assert.ok(hand.ids !== null && idField.case !== undefined);
      assert.deepEqual(plainResult(hand.ids), idField.value.data);
    } else {
      const [placeholder] = hand.placeholders;
      assert.equal(hand.ids, null);
      assert.equal(placeholder!.type, 101);
      assert.equal(placeholder!.tag, "$0");
      assert.equal(placeholder!.count, init.input.rows.length);
      assert.equal(placeholder!.valueBytes, init.input.rows[0]!.length * 4);
      assert.deepEqual(placeholder!.queries, Float32Array.from(init.input.rows.flat()));
    }
    const oracle = fromBinary(SearchRequestSchema, encodeMessage(SearchRequestSchema, initOf(init)));
    const expected = Object.entries(oracle.exprTemplateValues).map(
      ([key, value]) => [key, plainTemplate(value)] as const,
    );
    assert.deepEqual(hand.templateValues, new Map(expected));
  }

  test("is read as the generated code writes it", () => {
    fc.assert(
      fc.property(request, (generated) => {
        assertSameSearch(decodeSearchRequest(encodeMessage(SearchRequestSchema, initOf(generated))), generated);
      }),
      { numRuns: 1000 },
    );
  });

  test("is read inside a HybridSearchRequest", () => {
    const hybrid = fc.record({
      dbName: arbitrary.name,
      collectionName: arbitrary.name,
      partitionNames: fc.array(arbitrary.name, { maxLength: 2 }),
      requests: fc.array(request, { maxLength: 3 }),
      rankParams: pairs,
      guaranteeTimestamp: arbitrary.uint64,
      outputFields: fc.array(arbitrary.name, { maxLength: 3 }),
      consistencyLevel: fc.nat(4),
      useDefaultConsistency: fc.boolean(),
    });
    fc.assert(
      fc.property(hybrid, (generated) => {
        const init = { ...generated, requests: generated.requests.map(initOf) };
        const hand = decodeHybridSearchRequest(
          encodeMessage(HybridSearchRequestSchema, init as MessageInitShape<typeof HybridSearchRequestSchema>),
        );
        assert.equal(hand.dbName, generated.dbName);
        assert.equal(hand.collectionName, generated.collectionName);
        assert.deepEqual(hand.partitionNames, generated.partitionNames);
        assert.deepEqual(hand.rankParams, new Map(generated.rankParams.map(({ key, value }) => [key, value])));
        assert.equal(hand.guaranteeTimestamp, generated.guaranteeTimestamp);
        assert.deepEqual(hand.outputFields, generated.outputFields);
        assert.equal(hand.consistencyLevel, generated.consistencyLevel);
        assert.equal(hand.useDefaultConsistency, generated.useDefaultConsistency);
        assert.equal(hand.requests.length, generated.requests.length);
        generated.requests.forEach((search, at) => assertSameSearch(hand.requests[at]!, search));
      }),
      { numRuns: 200 },
    );
  });

  test("tells what else a placeholder holds", () => {
    const search = (type: number, values: Uint8Array[]): ReturnType<typeof decodeSearchRequest> => {
      const value = encodeMessage(PlaceholderGroupSchema, { placeholders: [{ tag: "$0", type, values }] });
      return decodeSearchRequest(
        encodeMessage(SearchRequestSchema, { searchInput: { case: "placeholderGroup", value } }),
      );
    };
    const uneven = search(101, [new Uint8Array(8), new Uint8Array(12)]).placeholders[0]!;
    assert.deepEqual([uneven.valueBytes, uneven.unevenBytes, uneven.queries], [8, 12, null]);
    const odd = search(101, [new Uint8Array(7)]).placeholders[0]!;
    assert.deepEqual([odd.valueBytes, odd.unevenBytes, odd.queries], [7, null, null]);
    const sentence = search(21, [Buffer.from("ein Satz"), Buffer.from("two")]).placeholders[0]!;
    assert.equal(sentence.count, 2);
    assert.deepEqual(sentence.values!.offsets, Uint32Array.of(0, 8, 11));
    assert.equal(Buffer.from(sentence.values!.bytes).toString(), "ein Satztwo");
    const broken = decodeSearchRequest(
      encodeMessage(SearchRequestSchema, {
        searchInput: { case: "placeholderGroup", value: Uint8Array.of(0x0a, 0x7f) },
      }),
    );
    assert.match(broken.placeholderFault!, /a length beyond the end/);
  });

  test("keeps the later one of ids and placeholder group", () => {
    const value = encodeMessage(PlaceholderGroupSchema, { placeholders: [{ type: 101, values: [new Uint8Array(8)] }] });
    const group = encodeMessage(SearchRequestSchema, { searchInput: { case: "placeholderGroup", value } });
    const idField = { case: "intId" as const, value: { data: [1n] } };
    const ids = encodeMessage(SearchRequestSchema, { searchInput: { case: "ids", value: { idField } } });
    const idsLast = decodeSearchRequest(joined([group, ids]));
    assert.deepEqual([idsLast.placeholders.length, idsLast.ids === null], [0, false]);
    const groupLast = decodeSearchRequest(joined([ids, group]));
    assert.deepEqual([groupLast.placeholders.length, groupLast.ids === null], [1, true]);
  });

  test("refuses arrays that lie too deep in each other", () => {
    let array = new BinaryWriter().finish();
    for (let depth = 0; depth < 200; depth += 1) {
      const inner = new BinaryWriter().tag(1, 2).bytes(array).finish();
      array = new BinaryWriter().tag(5, 2).bytes(inner).finish();
    }
    const value = new BinaryWriter().tag(5, 2).bytes(array).finish();
    assert.throws(() => decodeTemplateValue(new WireReader(value)), /deep/);
  });
});
