/** What is granted counts until it is given back, and the refusal says why. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MilvusError } from "../base/errors.ts";
import { MemoryGate } from "./memory-gate.ts";

const MEBIBYTE = 1024 * 1024;

test("loads at the same time share what is left below nine tenths of the memory", () => {
  let used = 300 * MEBIBYTE;
  const gate = new MemoryGate({ totalBytes: 1000 * MEBIBYTE, usedBytes: () => used });
  const first = gate.tryReserve(400 * MEBIBYTE);
  assert.ok(first !== null);
  assert.equal(gate.tryReserve(201 * MEBIBYTE), null);
  const second = gate.tryReserve(200 * MEBIBYTE);
  assert.ok(second !== null);
  assert.throws(
    () => gate.reserve(1),
    (error) => {
      assert.ok(error instanceof MilvusError);
      assert.equal(error.code, 3);
      return true;
    },
  );
  second();
  second();
  assert.throws(() => gate.reserve(256 * MEBIBYTE), {
    message:
      "load segment failed, OOM if load, maxSegmentSize = 256 MB, memUsage = 700 MB, predictMemUsage = 956 MB, " +
      "totalMem = 1000 MB thresholdFactor = 0.900000: memory limit exceeded[predict(MB)=956][limit(MB)=1000]",
  });
  used = 700 * MEBIBYTE;
  first();
  gate.reserve(200 * MEBIBYTE)();
  assert.equal(gate.tryReserve(201 * MEBIBYTE), null);
});
