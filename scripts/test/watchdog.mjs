/**
 * Loaded into the process of every test file: ends it when its tests are over and something still keeps it alive, or when it has run
 * far too long, and says what it was waiting for. Node's own limit is for single tests; a forgotten server would hang the run.
 *
 * Plain JavaScript without imports but Node's, so that it cannot fail for a reason of the code under test. The timers keep nothing alive.
 */

import { after } from "node:test";

const FILE_LIMIT_MILLISECONDS = Number(process.env.ELANUS_TEST_FILE_LIMIT_MILLISECONDS ?? 300_000);
const LINGER_MILLISECONDS = Number(process.env.ELANUS_TEST_LINGER_MILLISECONDS ?? 15_000);

// Taken now: a test may put its own clock in place of the real one.
const { setTimeout } = globalThis;

function endAfter(milliseconds, what) {
  setTimeout(() => {
    process.stderr.write(`${what}; alive are: ${process.getActiveResourcesInfo().join(", ")}\n`);
    process.exit(1);
  }, milliseconds).unref();
}

endAfter(FILE_LIMIT_MILLISECONDS, `the file has run for ${FILE_LIMIT_MILLISECONDS / 1000} s`);
after(() =>
  endAfter(LINGER_MILLISECONDS, `the tests ended ${LINGER_MILLISECONDS / 1000} s ago and the process did not`),
);
