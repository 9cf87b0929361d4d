/**
 * Good requests with bytes changed, cut, doubled and swapped: whatever comes of it, the answer is an answer of Milvus or INTERNAL, no
 * role takes a fault, and the server goes on.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { int64s, ok, service } from "../../src/server/milvus/testing/messages.ts";
import { MilvusService } from "../../src/server/wire/generated/milvus_pb.js";
import { BOOKS, type Fixture, goodColumns, openFixture } from "./fixture.ts";
import { REQUESTS } from "./requests.ts";

const INTERNAL = 13;

type Mutation =
  | { readonly kind: "set"; readonly at: number; readonly byte: number }
  | { readonly kind: "cut" | "drop" | "double"; readonly at: number };

const mutations = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("set" as const), at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }),
    fc.record({ kind: fc.constantFrom("cut" as const, "drop" as const, "double" as const), at: fc.nat() }),
  ),
  { minLength: 1, maxLength: 4 },
);

function mutate(bytes: Uint8Array, list: readonly Mutation[]): Uint8Array {
  let result = Buffer.from(bytes);
  for (const mutation of list) {
    if (result.length === 0) break;
    const at = mutation.at % result.length;
    switch (mutation.kind) {
      case "set":
        result[at] = mutation.byte;
        break;
      case "cut":
        result = result.subarray(0, at);
        break;
      case "drop":
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1)]);
        break;
      case "double":
        result = Buffer.concat([result, result.subarray(at)]);
    }
  }
  return result;
}

describe("good requests, damaged", () => {
  let fixture: Fixture;
  before(async () => void (fixture = await openFixture()));
  after(() => fixture.close());

  for (const [number, { method, bytes }] of REQUESTS.entries()) {
    test(`${method.name} (${number})`, async () => {
      await fc.assert(
        fc.asyncProperty(mutations, async (list) => {
          const path = `/${MilvusService.typeName}/${method.name}`;
          const reply = await fixture.client.raw(path, mutate(bytes, list));
          if (reply.error !== null) return assert.equal(reply.error.code, INTERNAL, reply.error.details);
          const answer: object = fromBinary(method.output, reply.bytes!);
          const status = ("status" in answer ? answer.status : answer) as { code: number; reason: string };
          assert.equal(status.code === 0, status.reason === "", "an error has a text");
          assert.notEqual(status.code, 65_535, status.reason);
          assert.deepEqual(fixture.server.faults, []);
        }),
        { numRuns: 300 },
      );
    });
  }

  test("and the server goes on", async () => {
    const fieldsData = goodColumns(int64s("id", [701, 702, 703]));
    ok(await fixture.client.call(service.insert, { collectionName: BOOKS, fieldsData, numRows: 3 }));
  });
});
