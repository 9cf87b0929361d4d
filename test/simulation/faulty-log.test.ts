import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SystemRuntime } from "../../src/base/host/system.ts";
import { logConformance } from "../../src/log/conformance.ts";
import { texts } from "../../src/log/conformance/records-of.ts";
import { AppendOutcomeUnknown, Fenced, LogUnavailable } from "../../src/log/log.ts";
import { MemoryLog, MemoryLogDisk } from "../../src/log/memory.ts";
import { FaultyLog, type LogFaults } from "./faulty-log.ts";

const MIB = 1024 * 1024;
const runtime = new SystemRuntime();
const encoder = new TextEncoder();

logConformance(
  "memory behind slow answers that overtake each other",
  async () => {
    const disk = new MemoryLogDisk();
    return {
      open: async () =>
        new FaultyLog(new MemoryLog(runtime, disk, { maxRecordBytes: MIB, maxBytesInFlight: 4 * MIB }), runtime, {
          delayAfterMilliseconds: 3,
        }),
      dispose: async () => {},
    };
  },
  { smallRecords: 2000 },
);

async function outcomes(faults: Partial<LogFaults>): Promise<{ reasons: unknown[]; found: string[]; sent: string[] }> {
  const log = new FaultyLog(new MemoryLog(runtime), runtime, {});
  const writer = await log.open("a", 1n);
  Object.assign(log.faults, faults);
  const sent = Array.from({ length: 200 }, (_, index) => `${index}`);
  const settled = await Promise.allSettled(sent.map((text) => writer.append([encoder.encode(text)])));
  const reasons = settled.map((outcome) => (outcome.status === "rejected" ? outcome.reason : null));
  return { reasons, found: await texts(log, "a"), sent };
}

describe("FaultyLog", () => {
  test("a refused append has no effect, and some are not refused", async () => {
    const { reasons, found, sent } = await outcomes({ refuse: 0.5 });
    assert.deepEqual(
      found,
      sent.filter((_, index) => reasons[index] === null),
    );
    const failed = reasons.filter((reason) => reason !== null);
    assert.ok(failed.length > 20 && failed.length < 180);
    assert.ok(failed.every((reason) => reason instanceof LogUnavailable));
  });

  test("of appends whose outcome is unknown some are there, once, and some are not", async () => {
    const { reasons, found, sent } = await outcomes({ loseRequest: 0.3, loseAnswer: 0.4 });
    assert.equal(new Set(found).size, found.length);
    const unknown = sent.filter((_, index) => reasons[index] !== null);
    assert.ok(reasons.every((reason) => reason === null || reason instanceof AppendOutcomeUnknown));
    assert.ok(unknown.some((text) => found.includes(text)));
    assert.ok(unknown.some((text) => !found.includes(text)));
    for (const [index, text] of sent.entries()) if (reasons[index] === null) assert.ok(found.includes(text));
  });

  test("delays before the log reorder places, delays after it reorder answers", async () => {
    const before = await outcomes({ delayBeforeMilliseconds: 5 });
    assert.notDeepEqual(before.found, before.sent);
    assert.deepEqual(new Set(before.found), new Set(before.sent));
    const log = new FaultyLog(new MemoryLog(runtime), runtime, { delayAfterMilliseconds: 5 });
    const writer = await log.open("a", 1n);
    const answered: number[] = [];
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        writer.append([new Uint8Array([index])]).then(() => answered.push(index)),
      ),
    );
    assert.notDeepEqual(
      answered,
      answered.toSorted((a, b) => a - b),
    );
  });

  test("an append that was held while another writer took over is fenced when it goes on", async () => {
    const log = new FaultyLog(new MemoryLog(runtime), runtime);
    const old = await log.open("a", 1n);
    const held = Promise.withResolvers<void>();
    log.faults.hold = () => held.promise;
    const zombie = old.append([encoder.encode("zombie")]);
    log.faults.hold = null;
    const young = await log.open("a", 2n);
    await young.append([encoder.encode("young")]);
    held.resolve();
    await assert.rejects(zombie, Fenced);
    assert.deepEqual(await texts(log, "a"), ["young"]);
  });

  test("an opening whose answer was lost has fenced all the same", async () => {
    const log = new FaultyLog(new MemoryLog(runtime), runtime);
    const old = await log.open("a", 1n);
    log.faults.loseAnswer = 1;
    await assert.rejects(log.open("a", 2n), AppendOutcomeUnknown);
    await assert.rejects(old.append([encoder.encode("zombie")]), Fenced);
    log.faults.loseAnswer = 0;
    await (await log.open("a", 3n)).append([encoder.encode("young")]);
    assert.deepEqual(await texts(log, "a"), ["young"]);
  });
});
