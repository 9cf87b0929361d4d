import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { encodeMessage } from "./control.ts";
import { PlaceholderGroupSchema } from "./generated/common_pb.js";
import { KnownSearches } from "./known-searches.ts";
import { type WireSearch, decodeSearchRequest } from "./search-request.ts";
import { WireError } from "./wire-error.ts";

const FLOAT_VECTOR = 101;

function group(values: readonly number[]): Uint8Array {
  const vector = new Uint8Array(Float32Array.from(values).buffer);
  return encodeMessage(PlaceholderGroupSchema, {
    placeholders: [{ tag: "$0", type: FLOAT_VECTOR, values: [vector] }],
  });
}

function requestOf(
  collection: string,
  vectors: Uint8Array,
  fields: (writer: BinaryWriter) => void = () => {},
): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(3, WireType.LengthDelimited).string(collection);
  writer.tag(6, WireType.LengthDelimited).bytes(vectors);
  fields(writer);
  return writer.finish();
}

function withoutShape({ shape: _shape, ...request }: WireSearch): Omit<WireSearch, "shape"> {
  return request;
}

describe("requests that were seen before", () => {
  test("are decoded as if they had not been, whatever is sent and in whatever order", () => {
    const known = new KnownSearches();
    const field = fc.oneof(
      fc.record({
        number: fc.constantFrom(1, 2, 3, 4, 5, 8, 9, 20, 22, 30),
        text: fc.constantFrom("", "a", "ü", "b".repeat(40)),
      }),
      fc.record({ number: fc.constantFrom(7, 10, 11, 12, 13, 14, 15, 16, 6, 31), varint: fc.nat(2) }),
      fc.record({ number: fc.constant(6), vector: fc.array(fc.float({ noNaN: true }), { maxLength: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 5 }), (fields) => {
        const writer = new BinaryWriter();
        for (const sent of fields) {
          if ("vector" in sent) writer.tag(6, WireType.LengthDelimited).bytes(group(sent.vector));
          else if ("text" in sent) writer.tag(sent.number, WireType.LengthDelimited).string(sent.text);
          else writer.tag(sent.number, WireType.Varint).uint32(sent.varint);
        }
        const bytes = writer.finish();
        let expected: WireSearch | string;
        try {
          expected = decodeSearchRequest(bytes);
        } catch (error) {
          assert.ok(error instanceof WireError);
          expected = error.message;
        }
        for (let time = 0; time < 2; time += 1) {
          if (typeof expected === "string") assert.throws(() => known.decode(bytes), { message: expected });
          else assert.deepEqual(withoutShape(known.decode(bytes)), withoutShape(expected));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("have one shape where only the vectors differ, and vectors of their own", () => {
    const known = new KnownSearches();
    const first = known.decode(requestOf("c", group([1, 2])));
    const second = known.decode(requestOf("c", group([3, 4, 5])));
    assert.ok(first.shape !== undefined && first.shape === second.shape);
    assert.equal(first.searchParams, second.searchParams);
    assert.deepEqual(first.placeholders[0]!.queries, Float32Array.of(1, 2));
    assert.deepEqual(second.placeholders[0]!.queries, Float32Array.of(3, 4, 5));
    assert.notEqual(known.decode(requestOf("d", group([1, 2]))).shape, first.shape);
    assert.notEqual(
      known.decode(requestOf("c", group([1, 2]), (more) => more.tag(14, WireType.Varint).uint32(1))).shape,
      first.shape,
    );
  });

  test("a placeholder group that is no protobuf is a fault of that request alone", () => {
    const known = new KnownSearches();
    const broken = requestOf("c", Uint8Array.of(0x0a, 0x7f));
    for (let time = 0; time < 2; time += 1) {
      assert.notEqual(known.decode(broken).placeholderFault, null);
      assert.equal(known.decode(requestOf("c", group([1]))).placeholderFault, null);
    }
  });

  test("have no shape with what is left as bytes, with keys, with two groups, and when they are long", () => {
    const known = new KnownSearches();
    const unlike: readonly ((writer: BinaryWriter) => void)[] = [
      ...[17, 18, 19, 20, 21, 22, 23, 24].map(
        (number) => (writer: BinaryWriter) => void writer.tag(number, WireType.LengthDelimited).bytes(new Uint8Array()),
      ),
      (writer) => void writer.tag(6, WireType.LengthDelimited).bytes(group([1])),
      (writer) => void writer.tag(5, WireType.LengthDelimited).string("x".repeat(4096)),
    ];
    for (const fields of unlike) assert.equal(known.decode(requestOf("c", group([1]), fields)).shape, undefined);
  });

  test("only so many are remembered, the last asked for longest", () => {
    const known = new KnownSearches();
    const shapeOf = (name: string): object => known.decode(requestOf(name, group([1]))).shape!;
    const kept = shapeOf("kept");
    const lost = shapeOf("lost");
    for (let other = 0; other < 255; other += 1) {
      shapeOf(`c${other}`);
      assert.equal(shapeOf("kept"), kept);
    }
    assert.notEqual(shapeOf("lost"), lost);
  });
});
