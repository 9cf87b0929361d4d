import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Watermark } from "./watermark.ts";

describe("watermark", () => {
  test("stands still while an earlier tick is open, and then hands out everything in order", () => {
    const watermark = new Watermark<string>(5n);
    const slots = [10n, 11n, 12n].map((tick) => watermark.allocate(tick));
    assert.deepEqual(watermark.settle(slots[2]!, "C"), []);
    assert.equal(watermark.confirmed, 5n);
    assert.deepEqual(watermark.settle(slots[0]!, "A"), ["A"]);
    assert.equal(watermark.confirmed, 10n);
    assert.deepEqual(watermark.settle(slots[1]!, "B"), ["B", "C"]);
    assert.equal(watermark.confirmed, 12n);
    assert.equal(watermark.openCount, 0);
  });

  test("a tick that carries nothing is confirmed and handed to nobody", () => {
    const watermark = new Watermark<string>(0n);
    const [first, second] = [watermark.allocate(1n), watermark.allocate(2n)];
    assert.deepEqual(watermark.settle(second, "B"), []);
    assert.deepEqual(watermark.settle(first, null), ["B"]);
    assert.equal(watermark.confirmed, 2n);
  });

  test("ticks only grow, and are settled once", () => {
    const watermark = new Watermark<string>(3n);
    assert.throws(() => watermark.allocate(3n), /ascending/);
    const slot = watermark.allocate(4n);
    watermark.settle(slot, "A");
    assert.throws(() => watermark.settle(slot, "A"), /once/);
  });

  test("property: what is handed out is the settled prefix, in order, each once", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1 << 20 }), { maxLength: 40 }), (dice) => {
        const watermark = new Watermark<bigint>(0n);
        const open = dice.map((_, at) => watermark.allocate(BigInt(at * 2 + 1)));
        const settled = new Set<bigint>();
        const out: bigint[] = [];
        for (const die of dice) {
          const [slot] = open.splice(die % open.length, 1);
          const value = die % 5 === 0 ? null : slot!.timeTick;
          out.push(...watermark.settle(slot!, value));
          settled.add(slot!.timeTick);
          let confirmed = 0n;
          for (let at = 0; at < dice.length && settled.has(BigInt(at * 2 + 1)); at += 1) confirmed = BigInt(at * 2 + 1);
          assert.equal(watermark.confirmed, confirmed);
          assert.ok(out.every((tick, at) => tick <= confirmed && (at === 0 || tick > out[at - 1]!)));
        }
        assert.equal(watermark.openCount, 0);
        assert.equal(out.length, dice.filter((die) => die % 5 !== 0).length);
      }),
    );
  });
});
