/**
 * Loaded into the process of every test file when a run has a seed: every property then draws the same cases each time, so that the
 * verdict over a commit is the commit's and not the dice's. Runs without a seed explore, and print the seed of what they find.
 */

import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.ELANUS_TEST_SEED) });
