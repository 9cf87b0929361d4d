/**
 * What several benches need to measure and to print: medians, processor time and memory of processes, delays of an event loop.
 *
 * Always true: what is printed is a median of rounds, or says what else it is.
 */

import { readFileSync, readdirSync } from "node:fs";
import { createHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { loadavg } from "node:os";

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The least value that `share` of all values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) * share)]!;
}

export async function secondsOf(action: () => unknown): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** `actions` of them run at any time until `count` have run. */
export async function inFlight(
  count: number,
  actions: number,
  run: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: actions }, worker));
}

/** The kernel counts processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** Processor seconds of a process, all threads, user and system. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Processor seconds of the threads of a process that there are now, by what they do; the parts of the clock of the scheduler, in nanoseconds. */
export interface ThreadSeconds {
  readonly main: number;
  /** V8's: collecting garbage, compiling. */
  readonly engine: number;
  /** All others: the kernel's, the journal's, libuv's. */
  readonly others: number;
  /** The part of all that the system took, by samples of the clock. */
  readonly system: number;
}

export function threadSeconds(pid: number): ThreadSeconds {
  const seconds = { main: 0, engine: 0, others: 0, system: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    const ran = Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]) / 1e9;
    const stat = readFileSync(`${folder}/stat`, "utf8");
    const isEngine = stat.includes("(V8Worker)");
    seconds[Number(thread) === pid ? "main" : isEngine ? "engine" : "others"] += ran;
    seconds.system += Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[12]) / TICKS_PER_SECOND;
  }
  return seconds;
}

/** Of this process, all threads, finer than the kernel counts those of others. */
export function ownProcessorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export interface ProcessMemory {
  readonly residentMegabytes: number;
  /** The part that is files: programs, libraries, mapped segments. The system may take it back. */
  readonly fileMegabytes: number;
}

export function processMemory(pid: number): ProcessMemory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return { residentMegabytes: (kibibytes("VmRSS") * 1024) / 1e6, fileMegabytes: (kibibytes("RssFile") * 1024) / 1e6 };
}

export interface LoopDelay {
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
  readonly p999Milliseconds: number;
  readonly maxMilliseconds: number;
  readonly samples: number;
  /** Processor time of this thread between two turns of a timer: what the program does, however busy the machine is. */
  readonly p999StretchMilliseconds: number;
  readonly maxStretchMilliseconds: number;
}

/** How late a timer of one millisecond fires on this thread. The millisecond itself is taken off. */
export class LoopWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution: 1 });
  readonly #stretches = createHistogram();
  #timer: NodeJS.Timeout | null = null;

  start(): void {
    this.#histogram.reset();
    this.#stretches.reset();
    let before = process.threadCpuUsage();
    this.#timer = setInterval(() => {
      const now = process.threadCpuUsage();
      this.#stretches.record(Math.max(1, now.user + now.system - before.user - before.system));
      before = now;
    }, 1);
    this.#histogram.enable();
  }

  stop(): LoopDelay {
    this.#histogram.disable();
    clearInterval(this.#timer!);
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - 1);
    return {
      p50Milliseconds: late(this.#histogram.percentile(50)),
      p99Milliseconds: late(this.#histogram.percentile(99)),
      p999Milliseconds: late(this.#histogram.percentile(99.9)),
      maxMilliseconds: late(this.#histogram.max),
      samples: this.#histogram.count,
      p999StretchMilliseconds: this.#stretches.percentile(99.9) / 1000,
      maxStretchMilliseconds: this.#stretches.max / 1000,
    };
  }
}

export function printTable(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`\n${title}\n`);
  console.log(`| ${columns.join(" | ")} |`);
  console.log(`|${columns.map((_, at) => (at === 0 ? " --- " : " ---: ")).join("|")}|`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}

export function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`;
}

/** How busy the machine is with other things; a figure taken above two is not to be trusted here. */
export function printLoad(): void {
  console.log(`load: ${loadavg()[0]!.toFixed(2)}`);
}
