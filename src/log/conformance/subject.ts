/** What the suites are given. */

import type { LogBackend } from "../log.ts";

export interface LogUnderTest {
  open(): Promise<LogBackend>;
  dispose(): Promise<void>;
}

/** A fresh log, and how to close it and open it again. */
export type MakeLog = () => Promise<{ readonly log: LogBackend; readonly reopen: () => Promise<LogBackend> }>;
