/**
 * The journal beside what the disk itself can do, measured in the same run: durable appends a second with 1, 16, 128 and 1024 in flight,
 * and megabytes a second of large records. The limits write the same bytes with plain write + fdatasync in a loop, as many records at a
 * time as are in flight: over blocks that the file has already (what the journal comes near by allocating ahead), and over new blocks
 * (what a log cannot avoid in the long run, for its files grow).
 *
 *   node bench/journal.ts
 */

import { closeSync, fdatasyncSync, fsyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SystemRuntime } from "../src/base/host/system.ts";
import { Journal } from "../src/log/journal/journal.ts";

const RECORD_BYTES = 200;
const LARGE_BYTES = 512 * 1024;
const MIB = 1024 * 1024;
const SECONDS = 1.5;

interface Speed {
  readonly perSecond: number;
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
}

function speed(count: number, elapsedMilliseconds: number, latencies: number[]): Speed {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
  return { perSecond: (count / elapsedMilliseconds) * 1000, p50Milliseconds: at(0.5), p99Milliseconds: at(0.99) };
}

/** Batch after batch into one file: over and over the same blocks, or always new ones. */
function rawSpeed(directory: string, recordBytes: number, recordsAtOnce: number, isGrowing: boolean): Speed {
  const path = join(directory, "raw");
  const file = openSync(path, "w");
  const fileBytes = 64 * MIB;
  try {
    const allocatedBytes = isGrowing ? 0 : fileBytes;
    for (let at = 0; at < allocatedBytes; at += MIB) writeSync(file, new Uint8Array(MIB), 0, MIB, at);
    fsyncSync(file);
    const batch = new Uint8Array(recordBytes * recordsAtOnce).fill(1);
    const latencies: number[] = [];
    const start = performance.now();
    let count = 0;
    let at = 0;
    while (performance.now() - start < SECONDS * 1000) {
      if (at + batch.byteLength > fileBytes && !isGrowing) at = 0;
      const before = performance.now();
      writeSync(file, batch, 0, batch.byteLength, at);
      fdatasyncSync(file);
      latencies.push(performance.now() - before);
      at += batch.byteLength;
      count += recordsAtOnce;
    }
    return speed(count, performance.now() - start, latencies);
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
}

async function journalSpeed(directory: string, recordBytes: number, inFlight: number): Promise<Speed> {
  const journal = await Journal.open(directory, { runtime: new SystemRuntime() });
  const writer = await journal.open("bench", 1n);
  const parts = [new Uint8Array(recordBytes).fill(1)];
  const latencies: number[] = [];
  let count = 0;
  const start = performance.now();
  const end = start + SECONDS * 1000;
  const client = async (): Promise<void> => {
    for (let before = performance.now(); before < end; before = performance.now()) {
      await writer.append(parts);
      latencies.push(performance.now() - before);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, client));
  const elapsed = performance.now() - start;
  await journal.truncate("bench", (await journal.bounds("bench")).end);
  await journal.close();
  return speed(count, elapsed, latencies);
}

export async function journalBench(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "elanus-bench-journal-"));
  try {
    console.log(
      "record      in flight |  journal/s  p50 ms  p99 ms | raw, old blocks |  journal | raw, new blocks |  journal",
    );
    for (const [recordBytes, inFlight] of [
      [RECORD_BYTES, 1],
      [RECORD_BYTES, 16],
      [RECORD_BYTES, 128],
      [RECORD_BYTES, 1024],
      [LARGE_BYTES, 1],
      [LARGE_BYTES, 16],
    ] as const) {
      const overwriting = rawSpeed(root, recordBytes, inFlight, false);
      const growing = rawSpeed(root, recordBytes, inFlight, true);
      const journal = await journalSpeed(join(root, `${recordBytes}-${inFlight}`), recordBytes, inFlight);
      const unit = (records: number): string =>
        recordBytes < LARGE_BYTES ? records.toFixed(0) : `${((records * recordBytes) / 1e6).toFixed(0)} MB`;
      const beside = (raw: Speed): string =>
        `${unit(raw.perSecond).padStart(15)} | ${((journal.perSecond / raw.perSecond) * 100).toFixed(0).padStart(6)} %`;
      console.log(
        `${String(recordBytes).padStart(6)} B ${String(inFlight).padStart(12)} | ` +
          `${unit(journal.perSecond).padStart(10)} ${journal.p50Milliseconds.toFixed(2).padStart(7)} ` +
          `${journal.p99Milliseconds.toFixed(2).padStart(7)} | ${beside(overwriting)} | ${beside(growing)}`,
      );
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

if (import.meta.main) await journalBench();
