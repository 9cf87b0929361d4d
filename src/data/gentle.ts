/**
 * The clock of work that nobody waits for: its turns are given back for longer when others have something to do.
 *
 * Always true: where nobody else works, a turn that is given back costs nothing; where others do, the work has at most about a third of
 * the thread.
 */

import type { Runtime } from "../base/host/runtime.ts";

/** A turn of others shorter than this is no work. */
const QUIET_MILLISECONDS = 0.5;
const SHARE = 3;
/** However busy it is, the work goes on. */
const LONGEST_MILLISECONDS = 40;

export function gentle(runtime: Runtime): Runtime {
  return {
    now: () => runtime.now(),
    monotonic: () => runtime.monotonic(),
    after: (milliseconds, action) => runtime.after(milliseconds, action),
    sleep: (milliseconds, signal) => runtime.sleep(milliseconds, signal),
    random: () => runtime.random(),
    randomBytes: (count) => runtime.randomBytes(count),
    async yield() {
      const start = runtime.monotonic();
      await runtime.yield();
      const taken = runtime.monotonic() - start;
      if (taken > QUIET_MILLISECONDS) await runtime.sleep(Math.min(LONGEST_MILLISECONDS, taken * SHARE));
    },
  };
}
