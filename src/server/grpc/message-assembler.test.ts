import assert from "node:assert/strict";
import { test } from "node:test";
import { StreamDecoder } from "@grpc/grpc-js/build/src/stream-decoder.js";
import fc from "fast-check";
import { MessageAssembler } from "./message-assembler.ts";

function framed(message: Uint8Array, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

test("messages come out as grpc-js's decoder gives them, however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 1 }))),
      fc.array(fc.nat({ max: 300 })),
      (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(([message, compressed]) => framed(message, compressed)));
        const places = [...cuts.filter((cut) => cut < bytes.length), 0, bytes.length].toSorted((a, b) => a - b);
        const ours = new MessageAssembler(-1);
        const theirs = new StreamDecoder(-1);
        for (let at = 1; at < places.length; at += 1) {
          const piece = bytes.subarray(places[at - 1], places[at]);
          assert.deepEqual(ours.write(piece), theirs.write(piece));
        }
      },
    ),
  );
});

test("a large message is whole, and its memory does not come with the announcement", () => {
  const message = Buffer.alloc(9_000_000, 7);
  for (let at = 0; at < message.length; at += 65_521) message[at] = at % 251;
  const bytes = framed(message);
  const assembler = new MessageAssembler(message.length);
  const before = process.memoryUsage().arrayBuffers;
  assert.deepEqual(assembler.write(bytes.subarray(0, 100)), []);
  assert.ok(process.memoryUsage().arrayBuffers - before < 3_000_000);
  let found: Buffer[] = [];
  for (let at = 100; at < bytes.length; at += 16_384) found = assembler.write(bytes.subarray(at, at + 16_384));
  assert.equal(found.length, 1);
  assert.ok(found[0]!.equals(bytes));
});

test("a message beyond the limit is refused by its head alone", () => {
  const assembler = new MessageAssembler(10);
  assert.equal(assembler.write(framed(Buffer.alloc(10))).length, 1);
  assert.throws(() => assembler.write(framed(Buffer.alloc(11)).subarray(0, 5)), /larger than max \(11 vs 10\)/);
});
