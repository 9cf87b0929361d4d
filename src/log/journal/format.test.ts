import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { encodeFileHeader, fileName, parseFileHeader, sequenceOf } from "./format.ts";
import { DATA, RECORD_HEADER_BYTES, beginRecord, parseRecordHeader, recordBytes, sealRecord } from "./format.ts";
import { encodeOpening } from "./writer.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("golden: a file header", () => {
  const bytes = encodeFileHeader({ sequence: 2, firstPosition: 0x1_0000_0040, openingRecords: 3 });
  assert.equal(
    hex(bytes),
    "454c414e4a524e4c" + // ELANJRNL
      "01000000" + // format version
      "00000000" + // feature flags
      "0200000000000000" + // sequence
      "4000000001000000" + // first position
      "03000000" + // opening records
      "00".repeat(24) +
      "2b09b2d9",
  );
  assert.deepEqual(parseFileHeader(bytes), {
    state: "good",
    header: { sequence: 2, firstPosition: 0x1_0000_0040, openingRecords: 3 },
  });
});

test("golden: a data record", () => {
  const bytes = new Uint8Array(recordBytes(5));
  const view = new DataView(bytes.buffer);
  beginRecord(view, 0, 5, DATA, 7, 0x0102030405060708n);
  bytes.set(new TextEncoder().encode("hello"), RECORD_HEADER_BYTES);
  sealRecord(bytes, view, 0, 0x2_0000_0010, 0x2_0000_0008);
  assert.equal(
    hex(bytes),
    "bd31ee31" + // checksum
      "05000000" + // bytes of the body
      "01000000" + // kind
      "07000000" + // channel
      "0807060504030201" + // term
      "1000000002000000" + // position
      "0800000002000000" + // batch start
      "68656c6c6f" +
      "000000", // padding
  );
  assert.deepEqual(parseRecordHeader(view, 0), {
    checksum: 0x31ee31bd,
    bodyBytes: 5,
    kind: DATA,
    channel: 7,
    term: 0x0102030405060708n,
    position: 0x2_0000_0010,
    batchStart: 0x2_0000_0008,
  });
});

test("golden: the opening of a file", () => {
  const opening = encodeOpening(1, 0, [{ id: 1, name: "dml_0", term: 9n, truncatedTo: 640, end: 1025 }]);
  assert.equal(
    hex(opening.subarray(64)),
    "298b3c7b" + // checksum
      "15000000" + // bytes of the body
      "02000000" + // kind
      "01000000" + // channel
      "0900000000000000" + // term
      "4000000000000000" + // position
      "0000000000000000" + // batch start
      "8002000000000000" + // truncated to
      "0104000000000000" + // end
      "646d6c5f30" + // dml_0
      "000000",
  );
});

test("the sizes of records are multiples of 8", () => {
  assert.deepEqual([0, 1, 8, 9].map(recordBytes), [40, 48, 48, 56]);
});

test("names and sequences of files", () => {
  assert.equal(fileName(12), "0000000000000012.journal");
  assert.equal(sequenceOf("0000000000000012.journal"), 12);
  for (const name of ["12.journal", "0000000000000012.journal.bak", "lock"]) assert.equal(sequenceOf(name), null);
});

test("every flipped bit of a file header is noticed; an unknown version or feature is named", () => {
  const good = encodeFileHeader({ sequence: 1, firstPosition: 0, openingRecords: 0 });
  for (let bit = 0; bit < good.byteLength * 8; bit++) {
    const flipped = good.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(parseFileHeader(flipped).state, "damaged", `bit ${bit}`);
  }
  for (const [offset, named] of [
    [8, "version 9"],
    [12, "flags 0x9"],
  ] as const) {
    const foreign = good.slice();
    foreign[offset] = 9;
    new DataView(foreign.buffer).setUint32(60, crc32(foreign.subarray(0, 60)), true);
    const parsed = parseFileHeader(foreign);
    assert.ok(parsed.state === "unknown" && parsed.problem.includes(named));
  }
});
