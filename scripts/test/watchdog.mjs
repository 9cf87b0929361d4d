/**
 * Loaded into the process of every test file: ends it when its tests are over and something still keeps it alive, or when none of them has
 * ended for far too long, and says what it was waiting for. Node's own limit is for single tests; a forgotten server would hang the run.
 *
 * Plain JavaScript without imports but Node's, so that it cannot fail for a reason of the code under test. The timers keep nothing alive.
 */

import { after, afterEach } from "node:test";

const TEST_LIMIT_MILLISECONDS = Number(process.env.ELANUS_TEST_LIMIT_MILLISECONDS ?? 300_000);
const LINGER_MILLISECONDS = Number(process.env.ELANUS_TEST_LINGER_MILLISECONDS ?? 15_000);

// Taken now: a test may put its own clock in place of the real one.
const { setTimeout } = globalThis;

function endAfter(milliseconds, what) {
  return setTimeout(() => {
    process.stderr.write(`${what}; alive are: ${process.getActiveResourcesInfo().join(", ")}\n`);
    process.exit(1);
  }, milliseconds).unref();
}

const standstill = endAfter(TEST_LIMIT_MILLISECONDS, `no test has ended for ${TEST_LIMIT_MILLISECONDS / 1000} s`);
// Not after so long from the start: a file of many tests takes as long as the machine needs for them.
afterEach(() => void standstill.refresh());
after(() =>
  endAfter(LINGER_MILLISECONDS, `the tests ended ${LINGER_MILLISECONDS / 1000} s ago and the process did not`),
);
