import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import * as arbitrary from "./testing/arbitrary.ts";
import { decodeFieldData } from "./field-data.ts";
import { InsertRequestSchema } from "./generated/milvus_pb.js";
import { decodeInsertRequest, decodeUpsertRequest } from "./insert.ts";
import { WireReader } from "./reader.ts";
import { decodeHybridSearchRequest, decodeSearchRequest } from "./search-request.ts";
import { decodeTemplateValue } from "./template-value.ts";
import { WireError } from "./wire-error.ts";
import { encodeMessage } from "./control.ts";

describe("malformed bytes", () => {
  const decoders = [
    decodeInsertRequest,
    decodeUpsertRequest,
    decodeSearchRequest,
    decodeHybridSearchRequest,
    (bytes: Uint8Array) => decodeFieldData(new WireReader(bytes)),
    (bytes: Uint8Array) => decodeTemplateValue(new WireReader(bytes)),
  ];
  /** Decodes, or throws a `WireError`: nothing else may come out. */
  function survives(bytes: Uint8Array): void {
    for (const decode of decoders) {
      try {
        decode(bytes);
      } catch (error) {
        assert.ok(error instanceof WireError, String(error));
      }
    }
  }

  test("that are random never do harm", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), survives), { numRuns: 5000 });
  });

  test("that are a message with a wrong byte never do harm", () => {
    const record = fc.record({ ...arbitrary.insertInit, at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(record, ({ at, byte, ...init }) => {
        const bytes = encodeMessage(InsertRequestSchema, init as MessageInitShape<typeof InsertRequestSchema>);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        survives(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test("that are cut short are refused or are a shorter message", () => {
    fc.assert(
      fc.property(fc.record(arbitrary.insertInit), fc.nat(), (init, at) => {
        const bytes = encodeMessage(InsertRequestSchema, init as MessageInitShape<typeof InsertRequestSchema>);
        survives(bytes.subarray(0, at % (bytes.length + 1)));
      }),
      { numRuns: 2000 },
    );
  });

  test("are refused with the place", () => {
    const refusals: [number[], RegExp][] = [
      [[0x00], /field number 0 at offset 1/],
      [[0x0b], /a group/],
      [[0x0e], /wire type 6/],
      [[0x12, 0x05, 0x61], /a length beyond the end/],
      [[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f], /a length beyond 31 bits/],
      [[0x38, 0x80], /unexpected end/],
      [[0x40, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], /beyond 64 bits/],
      [[0x38, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], /beyond 64 bits/],
      [[0xff, 0xff, 0xff, 0xff, 0x1f], /a tag beyond 32 bits/],
    ];
    for (const [bytes, text] of refusals) {
      assert.throws(
        () => decodeInsertRequest(Uint8Array.from(bytes)),
        (error) => error instanceof WireError && text.test(error.message),
      );
    }
    // A packed run that ends inside a varint, and one of floats that four does not divide.
    const long = Uint8Array.of(0x2a, 0x07, 0x1a, 0x05, 0x1a, 0x03, 0x0a, 0x01, 0x80);
    assert.throws(() => decodeInsertRequest(long), /inside a varint/);
    const ones = Array.from({ length: 9 }, () => 0xff);
    const wide = Uint8Array.of(0x2a, 0x10, 0x1a, 0x0e, 0x1a, 0x0c, 0x0a, 0x0a, ...ones, 0x02);
    assert.throws(() => decodeInsertRequest(wide), /beyond 64 bits/);
    const float = Uint8Array.of(0x2a, 0x08, 0x22, 0x06, 0x12, 0x04, 0x0a, 0x02, 0x00, 0x00);
    assert.throws(() => decodeInsertRequest(float), /a packed run of 2 bytes/);
  });

  test("skips fields that it does not know, and known ones of another wire type", () => {
    const bytes = new BinaryWriter()
      .tag(99, 2)
      .string("later")
      .tag(98, 0)
      .int64(5)
      .tag(97, 1)
      .fixed64(6)
      .tag(96, 5)
      .fixed32(7);
    bytes.tag(2, 0).int32(9).tag(2, 2).string("db").tag(7, 5).fixed32(4);
    const insert = decodeInsertRequest(bytes.finish());
    assert.equal(insert.dbName, "db");
    assert.equal(insert.rowCount, 0);
  });
});
