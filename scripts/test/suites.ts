/**
 * Runs test files with Node's own runner, two at a time, each in a process of its own, and gathers what a person wants to read.
 *
 * Always true: a file that defines no test, dies, or does not end (`watchdog.mjs`) is a failure like a failed test.
 */

import { join } from "node:path";
import { run } from "node:test";
import type { EventData } from "node:test";
import { pathToFileURL } from "node:url";

export interface Failure {
  readonly file: string;
  readonly name: string;
  readonly error: Error;
}

export interface Results {
  readonly passed: boolean;
  readonly files: number;
  readonly milliseconds: number;
  readonly failures: readonly Failure[];
  /** Names of tests that were skipped or marked as still to do. */
  readonly skipped: readonly string[];
  /** What a failed file printed, by file, its end only. */
  readonly output: ReadonlyMap<string, string>;
  /** Milliseconds by file. */
  readonly durations: ReadonlyMap<string, number>;
  /** The closing lines of Node's runner, as it words them. */
  readonly summary: readonly string[];
}

const FILES_AT_ONCE = 2;
const TEST_LIMIT_MILLISECONDS = 300_000;
/** Against a file that never yields, whose own watchdog cannot run. Of silence: how long all of it takes is the machine's. */
const SILENCE_LIMIT_MILLISECONDS = Number(process.env["ELANUS_TEST_SILENCE_LIMIT_MILLISECONDS"] ?? 400_000);
const WATCHDOG = pathToFileURL(join(import.meta.dirname, "watchdog.mjs")).href;
const SEED = pathToFileURL(join(import.meta.dirname, "seed.mjs")).href;
const OUTPUT_LIMIT_CHARACTERS = 16_000;

export interface RunOptions {
  readonly namePattern?: string | undefined;
  /** What random cases are drawn from; undefined: another one for every property. */
  readonly seed?: number | undefined;
}

export async function runTestFiles(files: readonly string[], { namePattern, seed }: RunOptions = {}): Promise<Results> {
  if (seed !== undefined) process.env.ELANUS_TEST_SEED = String(seed);
  const started = performance.now();
  const failures: Failure[] = [];
  const skipped: string[] = [];
  const output = new Map<string, string>();
  const durations = new Map<string, number>();
  const summary: string[] = [];
  const silence = new AbortController();
  const silent = setTimeout(() => silence.abort(), SILENCE_LIMIT_MILLISECONDS);
  const stream = run({
    files: [...files],
    concurrency: FILES_AT_ONCE,
    timeout: TEST_LIMIT_MILLISECONDS,
    signal: silence.signal,
    execArgv: [
      "--disable-warning=ExperimentalWarning",
      `--import=${WATCHDOG}`,
      ...(seed === undefined ? [] : [`--import=${SEED}`]),
    ],
    ...(namePattern === undefined ? {} : { testNamePatterns: namePattern }),
  });
  const keep = ({ file = "", message }: EventData.TestStdout | EventData.TestStderr): void => {
    output.set(file, `${output.get(file) ?? ""}${message}`.slice(-OUTPUT_LIMIT_CHARACTERS));
  };
  stream.on("test:stdout", keep);
  stream.on("test:stderr", keep);
  stream.on("test:pass", (data) => {
    // The runner counts a file without tests as one test named like the file.
    if (files.includes(data.name) && data.nesting === 0) {
      failures.push({ file: data.name, name: data.name, error: new Error("the file defines no test") });
    }
    if (data.skip !== undefined || data.todo !== undefined) skipped.push(`${data.file ?? ""}: ${data.name}`);
  });
  stream.on("test:fail", (data) => {
    const cause = data.details.error;
    if (!isOnlyAboutChildren(cause)) {
      failures.push({ file: data.file ?? data.name, name: data.name, error: rootCause(cause) });
    }
  });
  stream.on("test:summary", (data) => {
    if (data.file === undefined) return;
    durations.set(data.file, data.duration_ms);
  });
  stream.on("test:diagnostic", (data) => {
    if (data.file === undefined && data.nesting === 0) summary.push(data.message);
  });
  for await (const _event of stream) silent.refresh();
  clearTimeout(silent);
  return {
    passed: failures.length === 0 && files.length > 0,
    files: files.length,
    milliseconds: performance.now() - started,
    failures,
    skipped,
    output,
    durations,
    summary,
  };
}

/** A suite fails because a test in it did; the test itself is reported already. */
function isOnlyAboutChildren(error: Error): boolean {
  return (error as Error & { failureType?: string }).failureType === "subtestsFailed";
}

/** The runner wraps what was thrown. */
function rootCause(error: Error): Error {
  return error.cause instanceof Error ? error.cause : error;
}
