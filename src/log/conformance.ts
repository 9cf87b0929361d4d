/**
 * What every `LogBackend` must do, as one suite that each implementation runs.
 *
 * `make` gives a fresh log for one test: `open()` opens it (again after a close: a restart) and `dispose()` removes it. Give the
 * backend a small `maxRecordBytes` (1 MiB, say): the suite appends records of that size.
 */

import { after, describe } from "node:test";
import { fencingTests } from "./conformance/fencing.ts";
import { loadTests } from "./conformance/load.ts";
import { readingTests } from "./conformance/reading.ts";
import { recordsTests } from "./conformance/records.ts";
import type { LogUnderTest, MakeLog } from "./conformance/subject.ts";
import { truncationTests } from "./conformance/truncation.ts";

export interface LogConformanceOptions {
  /** Records of the throughput test. */
  readonly smallRecords?: number;
}

export function logConformance(
  name: string,
  make: () => Promise<LogUnderTest>,
  { smallRecords = 100_000 }: LogConformanceOptions = {},
): void {
  describe(`log conformance: ${name}`, () => {
    const made: LogUnderTest[] = [];
    after(async () => {
      for (const underTest of made) await underTest.dispose();
    });

    const fresh: MakeLog = async () => {
      const underTest = await make();
      made.push(underTest);
      let log = await underTest.open();
      return {
        log,
        reopen: async () => {
          await log.close();
          log = await underTest.open();
          return log;
        },
      };
    };

    readingTests(fresh);
    recordsTests(fresh);
    truncationTests(fresh);
    fencingTests(fresh);
    loadTests(fresh, smallRecords);
  });
}
