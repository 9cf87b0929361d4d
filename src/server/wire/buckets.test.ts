import assert from "node:assert/strict";
import { test } from "node:test";
import { type MessageInitShape, create, fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { Bucket, HitValue } from "../../model/buckets.ts";
import { encodeBucket } from "./buckets.ts";
import { type AggBucketSchema as Schema, AggBucketSchema } from "./generated/schema_pb.js";
import * as arbitrary from "./testing/arbitrary.ts";

const scalar = fc.oneof(arbitrary.int64, arbitrary.name, fc.boolean());
const value = fc.oneof(scalar, arbitrary.bytes, fc.constant(null));
const field = fc.oneof(
  fc.record({ fieldId: arbitrary.int64, name: arbitrary.name, isFloat: fc.constant(false), value }),
  fc.record({
    fieldId: arbitrary.int64,
    name: arbitrary.name,
    isFloat: fc.boolean(),
    value: arbitrary.float as fc.Arbitrary<HitValue>,
  }),
);

function bucket(depth: number): fc.Arbitrary<Bucket> {
  return fc.record({
    key: fc.array(
      fc.record({ fieldId: arbitrary.int64, name: arbitrary.name, value: fc.oneof(scalar, fc.constant(null)) }),
      { maxLength: 3 },
    ),
    count: fc.nat(),
    metrics: fc
      .array(fc.tuple(arbitrary.name, fc.oneof(scalar, fc.double())), { maxLength: 3 })
      .map((entries) => new Map(entries)),
    hits: fc.array(
      fc.record({
        key: fc.oneof(arbitrary.int64, arbitrary.name),
        score: arbitrary.float,
        fields: fc.array(field, { maxLength: 3 }),
      }),
      { maxLength: 2 },
    ),
    buckets: depth === 0 ? fc.constant([]) : fc.array(bucket(depth - 1), { maxLength: 2 }),
  });
}

/** The same bucket as the generated code has it. */
function message({ key, count, metrics, hits, buckets }: Bucket): MessageInitShape<typeof Schema> {
  const choice = (given: HitValue, isFloat = false): object => {
    if (given === null) return {};
    const names = { bigint: "intVal", boolean: "boolVal", string: "stringVal", object: "bytesVal" };
    const name =
      typeof given === "number" ? (isFloat ? "floatVal" : "doubleVal") : names[typeof given as keyof typeof names];
    return { value: { case: name, value: given } };
  };
  return {
    key: key.map(({ fieldId, name, value: given }) => ({ fieldId, fieldName: name, ...choice(given) })),
    count: BigInt(count),
    metrics: Object.fromEntries(Array.from(metrics, ([alias, given]) => [alias, choice(given)])),
    hits: hits.map((hit) => ({
      pk: typeof hit.key === "bigint" ? { case: "intPk", value: hit.key } : { case: "strPk", value: hit.key },
      score: hit.score,
      fields: hit.fields.map(({ fieldId, name, isFloat, value: given }) => ({
        fieldId,
        fieldName: name,
        ...choice(given, isFloat),
      })),
    })),
    subGroups: buckets.map(message),
  } as MessageInitShape<typeof Schema>;
}

test("buckets are written as the generated code reads them", () => {
  fc.assert(
    fc.property(bucket(2), (given) => {
      assert.deepEqual(
        fromBinary(AggBucketSchema, encodeBucket(given).finish()),
        create(AggBucketSchema, message(given)),
      );
    }),
    { numRuns: 300 },
  );
});
