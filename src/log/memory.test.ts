import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Runtime } from "../base/host/runtime.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { logConformance } from "./conformance.ts";
import { collect, texts } from "./conformance/records-of.ts";
import { AppendOutcomeUnknown, Fenced, LogUnavailable } from "./log.ts";
import { MemoryLog, MemoryLogDisk } from "./memory.ts";

const MIB = 1024 * 1024;

logConformance("memory", async () => {
  const disk = new MemoryLogDisk();
  return {
    open: async () => new MemoryLog(new SystemRuntime(), disk, { maxRecordBytes: MIB, maxBytesInFlight: 4 * MIB }),
    dispose: async () => {},
  };
});

logConformance(
  "memory with slow syncs",
  async () => {
    const disk = new MemoryLogDisk();
    return {
      open: async () =>
        new MemoryLog(new SystemRuntime(), disk, { maxRecordBytes: MIB, maxBytesInFlight: MIB, syncMilliseconds: 3 }),
      dispose: async () => {},
    };
  },
  { smallRecords: 5000 },
);

/** The system's runtime with dice that a test loads. */
function loaded(random: () => number): Runtime {
  const system = new SystemRuntime();
  return new Proxy<Runtime>(system, {
    get: (target, name) => {
      if (name === "random") return random;
      const member = Reflect.get(target, name) as (...values: unknown[]) => unknown;
      return member.bind(target);
    },
  });
}

describe("MemoryLog", () => {
  for (const [dice, kept] of [
    [0, 0],
    [0.5, 5],
    [0.999, 10],
  ] as const) {
    test(`a crash keeps a prefix of what was in flight: dice ${dice} keep ${kept} of 10`, async () => {
      const disk = new MemoryLogDisk();
      const log = new MemoryLog(
        loaded(() => dice),
        disk,
      );
      const writer = await log.open("a", 1n);
      await writer.append([new Uint8Array([99])]);
      const appends = Array.from({ length: 10 }, (_, index) => writer.append([new Uint8Array([index])]));
      const outcomes = Promise.allSettled(appends);
      log.crash();
      for (const outcome of await outcomes) {
        assert.ok(outcome.status === "rejected" && outcome.reason instanceof AppendOutcomeUnknown);
      }
      await assert.rejects(writer.append([new Uint8Array(1)]));
      await assert.rejects(async () => void (await collect(log, "a")), LogUnavailable);
      const restarted = new MemoryLog(
        loaded(() => 0.9),
        disk,
      );
      const expected = [99, ...Array.from({ length: kept }, (_, index) => index)];
      const read = async (): Promise<number[]> => (await collect(restarted, "a")).map((record) => record.body[0] ?? -1);
      assert.deepEqual(await read(), expected);
      await restarted.open("a", 1n);
      assert.deepEqual(await read(), expected, "the fate of what was in flight is settled once");
    });
  }

  test("a rival process with a higher term fences the first, whose appends in flight are settled by the opening", async () => {
    const disk = new MemoryLogDisk();
    const first = new MemoryLog(
      loaded(() => 0.5),
      disk,
    );
    const rival = new MemoryLog(
      loaded(() => 0.5),
      disk,
    );
    const writer = await first.open("a", 1n);
    const outcomes = Promise.allSettled(["x", "y", "z"].map((text) => writer.append([new TextEncoder().encode(text)])));
    await rival.open("a", 2n);
    const settled = await texts(rival, "a");
    const statuses = (await outcomes).map((outcome) => outcome.status);
    assert.deepEqual(settled, ["x", "y"]);
    assert.deepEqual(statuses, ["fulfilled", "fulfilled", "rejected"]);
    await assert.rejects(writer.append([new Uint8Array(1)]), Fenced);
    assert.deepEqual(await texts(rival, "a"), settled);
  });
});
