import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addMonths,
  formatTimestamptz,
  isTimeZone,
  isTimestamptz,
  parseDuration,
  parseTimestamptz,
} from "./timestamptz.ts";

const ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"];
const LEAST = parseTimestamptz("0002-01-01T00:00:00Z", "UTC")!;
const MOST = parseTimestamptz("9998-12-31T23:59:59.999999Z", "UTC")!;

test("property: an instant is read back from its text", () => {
  // Before zones had whole minutes a text cannot say the offset.
  const modern = parseTimestamptz("1990-01-01T00:00:00Z", "UTC")!;
  const cases = fc.oneof(
    fc.tuple(fc.bigInt({ min: LEAST, max: MOST }), fc.constant("UTC")),
    fc.tuple(fc.bigInt({ min: modern, max: MOST }), fc.constantFrom(...ZONES)),
  );
  fc.assert(
    fc.property(cases, fc.constantFrom(...ZONES), ([value, zone], other) => {
      assert.equal(parseTimestamptz(formatTimestamptz(value, zone), other), value);
    }),
    { numRuns: 500 },
  );
});

test("texts", () => {
  const utc = (text: string): string | null => {
    const value = parseTimestamptz(text, "UTC");
    return value === null ? null : formatTimestamptz(value, "UTC");
  };
  assert.equal(utc("2025-01-01T00:00:00Z"), "2025-01-01T00:00:00Z");
  assert.equal(utc("2025-01-01 08:00:00.120+08:00"), "2025-01-01T00:00:00.12Z");
  assert.equal(utc("2024-02-29"), "2024-02-29T00:00:00Z");
  assert.equal(utc("1969-12-31T23:59:59.999999-0030"), "1970-01-01T00:29:59.999999Z");
  for (const wrong of ["", "x", "2025-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2025-01-01T24:00:00Z", "0000-01-01"]) {
    assert.equal(utc(wrong), null, wrong);
  }
  assert.equal(formatTimestamptz(0n, "Asia/Shanghai"), "1970-01-01T08:00:00+08:00");
  assert.equal(
    formatTimestamptz(parseTimestamptz("2025-07-01T12:00:00", "America/New_York")!, "UTC"),
    "2025-07-01T16:00:00Z",
  );
  assert.equal(
    formatTimestamptz(parseTimestamptz("2025-01-01T12:00:00", "America/New_York")!, "UTC"),
    "2025-01-01T17:00:00Z",
  );
});

test("instants are those of the years 1 to 9999", () => {
  const first = parseTimestamptz("0001-01-01T00:00:00Z", "UTC")!;
  const last = parseTimestamptz("9999-12-31T23:59:59.999999Z", "UTC")!;
  assert.deepEqual([first - 1n, first, 0n, last, last + 1n].map(isTimestamptz), [false, true, true, true, false]);
});

test("zones and durations", () => {
  assert.deepEqual(["UTC", "Asia/Shanghai", "Mars/Base", "", "+08:00"].map(isTimeZone), [
    true,
    true,
    false,
    false,
    false,
  ]);
  assert.deepEqual(parseDuration("P1Y2M3DT4H5M6S"), { months: 14, microseconds: 273_906_000_000n });
  for (const wrong of ["", "P", "PT", "1D", "P1.5D", "P1D2H", "PT1H2D"])
    assert.equal(parseDuration(wrong), null, wrong);
  const march = parseTimestamptz("2025-03-15T01:02:03.000004Z", "UTC")!;
  assert.equal(formatTimestamptz(addMonths(march, -2), "UTC"), "2025-01-15T01:02:03.000004Z");
  // Further than a Date reaches, and back.
  const [far, june] = [400_000 * 12, parseTimestamptz("2025-06-30T01:02:03.000004Z", "UTC")!];
  assert.equal(addMonths(addMonths(june, far), -far), june);
  assert.equal(addMonths(june, 400 * 12) - june, 146_097n * 86_400_000_000n);
});
