import assert from "node:assert/strict";
import { test } from "node:test";
import { countBits, hasBit, intersectInto, subtractInto } from "./bitset.ts";

/** Bytes that look random, at an address that is so many bytes behind a round one. */
function bytesAt(offset: number, length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(offset + length), offset);
  let state = seed;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

test("sets of every length at every address are counted, met and subtracted bit by bit", () => {
  for (let length = 0; length < 40; length += 1) {
    for (let offset = 0; offset < 5; offset += 1) {
      const left = bytesAt(offset, length, length + 1);
      const right = bytesAt((offset * 3) % 5, length + (length % 3), 7 * length + offset);
      const rows = Array.from({ length: length * 8 }, (_, row) => row);
      assert.equal(countBits(left), rows.filter((row) => hasBit(left, row)).length);
      const [both, rest] = [left.slice(), left.slice()];
      intersectInto(both, right);
      subtractInto(rest, right);
      for (const row of rows) {
        assert.equal(hasBit(both, row), hasBit(left, row) && hasBit(right, row));
        assert.equal(hasBit(rest, row), hasBit(left, row) && !hasBit(right, row));
      }
    }
  }
  assert.equal(countBits(new Uint8Array(64).fill(255)), 512);
});
