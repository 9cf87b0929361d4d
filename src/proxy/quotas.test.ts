import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MilvusError } from "../base/errors.ts";
import { SystemRuntime } from "../base/host/system.ts";
import type { CollectionInfo } from "../model/schema.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import { type Counted, Quotas, checkRate } from "./quotas.ts";

class Clock extends SystemRuntime {
  milliseconds = 0;

  override monotonic(): number {
    return this.milliseconds;
  }
}

type Properties = Readonly<Record<string, string>>;

function described(
  properties: Properties,
  databaseProperties: Properties = {},
  collectionId = 1n,
): DescribedCollection {
  const list = (record: Properties) => Object.entries(record).map(([key, value]) => ({ key, value }));
  return {
    collection: { collectionId, properties: list(properties) } as unknown as CollectionInfo,
    aliases: [],
    indexes: [],
    load: null,
    databaseProperties: list(databaseProperties),
  };
}

const refusal = (take: () => void): Error & { readonly code: number } => {
  try {
    take();
  } catch (thrown) {
    return thrown as Error & { readonly code: number };
  }
  return assert.fail("nothing was refused");
};

describe("rates", () => {
  const KEYS: readonly (readonly [Counted, string, number, string])[] = [
    ["insertBytes", "collection.insertRate.max.mb", 1024 * 1024, "2.097152e+06"],
    ["deleteBytes", "collection.deleteRate.max.mb", 1024 * 1024, "2.097152e+06"],
    ["searchVectors", "collection.searchRate.max.vps", 1, "2"],
    ["queries", "collection.queryRate.max.qps", 1, "2"],
  ];
  for (const [counted, key, unit, shown] of KEYS) {
    test(`${key}: a second of it at once, a debt for what was larger, then as much as time gives`, () => {
      const clock = new Clock();
      const quotas = new Quotas(clock);
      const collection = described({ [key]: "2" });
      quotas.take(collection, counted, 1.5 * unit);
      quotas.take(collection, counted, 1.5 * unit);
      const { code, message } = refusal(() => quotas.take(collection, counted, 1));
      assert.equal(code, 8);
      assert.equal(
        message,
        `request is rejected by grpc RateLimiter middleware, please retry later: rate limit exceeded[rate=${shown}]`,
      );
      clock.milliseconds = 500;
      refusal(() => quotas.take(collection, counted, 1));
      clock.milliseconds = 501;
      quotas.take(collection, counted, 1);
      for (const [other] of KEYS) if (other !== counted) quotas.take(collection, other, 1e12);
      quotas.take(described({ [key]: "2" }, {}, 2n), counted, 1);
    });
  }

  test("over any time no more goes through than that time's worth, a second's before it, and one debt", () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 3_000 }), amount: fc.integer({ min: 1, max: 50 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 60 }), (rate, steps) => {
        const clock = new Clock();
        const quotas = new Quotas(clock);
        const collection = described({ "collection.searchRate.max.vps": String(rate) });
        let taken = 0;
        for (const { wait, amount } of steps) {
          clock.milliseconds += wait;
          try {
            quotas.take(collection, "searchVectors", amount);
            taken += amount;
          } catch (thrown) {
            assert.ok(thrown instanceof MilvusError && thrown.code === 8);
          }
          assert.ok(taken <= rate * (1 + clock.milliseconds / 1_000) + 50 + 1e-6);
        }
      }),
    );
  });

  test("none is said, or a negative one: nothing is limited; zero shuts", () => {
    const quotas = new Quotas(new Clock());
    for (const properties of [{}, { "collection.queryRate.max.qps": "-1" }] as Properties[]) {
      for (let call = 0; call < 1_000; call += 1) quotas.take(described(properties), "queries", 1);
    }
    const { message } = refusal(() => quotas.take(described({ "collection.queryRate.max.qps": "0" }), "queries", 1));
    assert.match(message, /\[rate=0\]$/);
  });

  test("what is no number is refused when it is set, and other properties are not looked at", () => {
    for (const value of ["", " ", "fast", "NaN", "Infinity"]) {
      const { message } = refusal(() => checkRate("collection.insertRate.max.mb", value));
      assert.match(message, /^invalid collection\.insertRate\.max\.mb value: .*expected a number/);
    }
    checkRate("collection.insertRate.max.mb", "0.5");
    checkRate("collection.insertRate.max.mb", "-1");
    checkRate("collection.description", "fast");
  });
});

describe("what an administrator has shut", () => {
  test("writes, or reads, of every collection of the database", () => {
    const quotas = new Quotas(new Clock());
    const shut = "quota exceeded[reason=access has been disabled by the administrator]";
    const writing = described({}, { "database.force.deny.writing": "True" });
    const reading = described({}, { "database.force.deny.reading": "true" });
    for (const counted of ["insertBytes", "deleteBytes"] as const) {
      const { code, message } = refusal(() => quotas.take(writing, counted, 1));
      assert.deepEqual([code, message], [9, shut]);
      quotas.take(reading, counted, 1);
    }
    for (const counted of ["searchVectors", "queries"] as const) {
      const { code, message } = refusal(() => quotas.take(reading, counted, 1));
      assert.deepEqual([code, message], [9, shut]);
      quotas.take(writing, counted, 1);
    }
    quotas.take(described({}, { "database.force.deny.writing": "false" }), "insertBytes", 1);
  });
});
