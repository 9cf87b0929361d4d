/**
 * Crash cycles: a child works on a data directory, dies at a random moment, and the next one must find what the model says.
 *
 * Always true: only children that were started here are ended, by their process id; a cycle that does not get on is ended and is a failure.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Findings, Model, noFindings } from "./model.ts";
import { type ChildMessage, type ChildOptions, randomFrom } from "./operations.ts";

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
/** A child that says nothing for so long hangs. */
const SILENCE_LIMIT_MILLISECONDS = 60_000;

/** Then a new directory is begun: nothing compacts small segments here, and a start would spend its time with them. */
const CYCLES_OF_A_DIRECTORY = 25;

/**
 * When the child dies: after so many milliseconds at work, once so much of its work is acknowledged, while it starts, while it flushes,
 * while it closes; or not at all.
 */
type Death = "work" | "acknowledged" | "start" | "flush" | "close" | "none";

export interface CycleOptions {
  /** Is made, and removed when its cycles are over. */
  readonly directory: string;
  readonly cycles: number;
  readonly seed: number;
  readonly acknowledgeEarly?: boolean;
  /** All that is written stays in the log alone: no child flushes or compacts. */
  readonly logOnly?: boolean;
  /** How the first children die; the others as chance will have it. */
  readonly lives?: readonly Life[];
  /** Called between the death of a child and the birth of the next. */
  readonly betweenLives?: () => Promise<void>;
  /** A line a cycle. */
  readonly print?: (line: string) => void;
  /** Further cycles are not begun after this. */
  readonly limitMilliseconds?: number;
}

export interface Summary {
  readonly cycles: number;
  readonly deaths: Readonly<Record<Death, number>>;
  readonly operations: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly findings: Findings;
  /** Cycles that went wrong in any way. */
  readonly failed: number;
  readonly passed: number;
}

export interface Life {
  readonly death: Death;
  readonly afterMilliseconds: number;
  /** For a death once work is acknowledged: so many operations. However slow the machine is, they were done. */
  readonly afterOperations?: number;
  readonly closeAfterMilliseconds: number | null;
}

export async function runCycles(options: CycleOptions): Promise<Summary> {
  const random = randomFrom(options.seed);
  let model = new Model();
  const totals = { operations: 0, acknowledged: 0, unknown: 0 };
  const all = noFindings();
  const deaths: Record<Death, number> = { work: 0, acknowledged: 0, start: 0, flush: 0, close: 0, none: 0 };
  const began = performance.now();
  let cycles = 0;
  let failed = 0;
  for (; cycles < options.cycles; cycles += 1) {
    const isLast = cycles === options.cycles - 1 || performance.now() - began > (options.limitMilliseconds ?? Infinity);
    const endsDirectory = isLast || cycles % CYCLES_OF_A_DIRECTORY === CYCLES_OF_A_DIRECTORY - 1;
    // The last child only reads, and closes: every cycle is looked at.
    const life = endsDirectory
      ? { death: "none" as const, afterMilliseconds: 0, closeAfterMilliseconds: 0 }
      : (options.lives?.[cycles] ?? nextLife(random));
    const findings = noFindings();
    const text = await liveOnce(options, model, life, random, findings);
    deaths[life.death] += 1;
    const faults = Object.entries(findings).flatMap(([kind, texts]) =>
      (texts as string[]).map((fault) => `${kind}: ${fault}`),
    );
    for (const kind of Object.keys(all) as (keyof Findings)[]) all[kind].push(...findings[kind]);
    if (faults.length > 0) failed += 1;
    options.print?.(`cycle ${cycles + 1}/${options.cycles} ${text}${faults.length === 0 ? "" : " FAILED"}`);
    for (const fault of faults.slice(0, 10)) options.print?.(`  ${fault}`);
    if (faults.length > 10) options.print?.(`  and ${faults.length - 10} more`);
    if (endsDirectory) {
      totals.operations += model.begun;
      totals.acknowledged += model.acknowledged;
      totals.unknown += model.unanswered;
      model = new Model();
      rmSync(options.directory, { recursive: true, force: true });
    } else await options.betweenLives?.();
    if (isLast) {
      cycles += 1;
      break;
    }
  }
  return {
    cycles,
    deaths,
    ...totals,
    findings: all,
    failed,
    passed: cycles - failed,
  };
}

function nextLife(random: () => number): Life {
  const draw = random();
  const between = (least: number, most: number): number => least + random() * (most - least);
  if (draw < 0.5) return { death: "work", afterMilliseconds: between(2, 400), closeAfterMilliseconds: null };
  // Long enough for files to get ahead of the log.
  if (draw < 0.6) return { death: "work", afterMilliseconds: between(600, 2500), closeAfterMilliseconds: null };
  if (draw < 0.72) return { death: "start", afterMilliseconds: between(0, 250), closeAfterMilliseconds: null };
  if (draw < 0.85) return { death: "flush", afterMilliseconds: between(0, 150), closeAfterMilliseconds: null };
  const closeAfterMilliseconds = between(2, 200);
  if (draw < 0.95) return { death: "close", afterMilliseconds: between(0, 15), closeAfterMilliseconds };
  return { death: "none", afterMilliseconds: 0, closeAfterMilliseconds };
}

/** Starts a child, follows it to its end, and lets the model judge what it read. Returns what happened, for people. */
async function liveOnce(
  options: CycleOptions,
  model: Model,
  life: Life,
  random: () => number,
  findings: Findings,
): Promise<string> {
  const childOptions: ChildOptions = {
    directory: options.directory,
    seed: Math.floor(random() * 2 ** 32),
    firstId: model.nextId,
    freshNumbers: model.freshNumbers,
    flushes: options.logOnly === true ? "never" : life.death === "flush" || random() < 0.3 ? "often" : "sometimes",
    closeAfterMilliseconds: life.closeAfterMilliseconds,
    readInOneGo: random() < 0.5,
    acknowledgeEarly: options.acknowledgeEarly ?? false,
  };
  const before = { begun: model.begun, unanswered: model.unanswered };
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", CHILD, JSON.stringify(childOptions)],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NODE_COMPILE_CACHE: `${options.directory}-cache` } },
  );
  const exited = once(child, "exit") as Promise<[code: number | null, signal: string | null]>;
  const story = new Story(child, life);
  let complaint = "";
  child.stderr!.on("data", (chunk: Buffer) => (complaint = `${complaint}${chunk.toString()}`.slice(-2_000)));
  for await (const line of createInterface({ input: child.stdout! })) {
    story.heard();
    // The last line of a killed child may be cut; what it told was then not told.
    const message = parsed(line);
    if (message === null) continue;
    story.follow(message);
    if (message.type === "begin") model.begin(message.operation);
    else if (message.type === "end") model.end(message.id);
    else if (message.type === "state") {
      const found = model.compare(message.collections, message.sides);
      for (const kind of Object.keys(found) as (keyof Findings)[]) findings[kind].push(...found[kind]);
    } else if (message.type === "failed" && !story.isClosing) {
      findings.wrong.push(`operation ${message.id} failed: ${message.text}`);
    }
  }
  const [code, signal] = await exited;
  story.end();
  model.crashed();
  if (story.hung) findings.wrong.push(`the child said nothing for ${SILENCE_LIMIT_MILLISECONDS} ms`);
  else if (signal !== "SIGKILL" && (code !== 0 || !story.isClosed)) {
    findings.wrong.push(`the child ended by itself with ${code ?? signal}: ${complaint}`);
  }
  const operations = model.begun - before.begun;
  return `${story.text}: ${operations} operations, ${model.unknownCount} without an answer${story.replay}`;
}

function parsed(line: string): ChildMessage | null {
  try {
    return JSON.parse(line) as ChildMessage;
  } catch {
    return null;
  }
}

/** Where the child is in its life, and the end that is planned for it. */
class Story {
  readonly #child: ChildProcess;
  readonly #life: Life;
  readonly #over = new AbortController();
  #killed = false;
  #acknowledged = 0;
  #silence: NodeJS.Timeout;
  hung = false;
  isClosing = false;
  isClosed = false;
  replay = "";

  constructor(child: ChildProcess, life: Life) {
    this.#child = child;
    this.#life = life;
    this.#silence = this.#watch();
  }

  get text(): string {
    const { death, afterMilliseconds } = this.#life;
    if (death === "none") return "closed in peace";
    const { afterOperations } = this.#life;
    const what = afterOperations === undefined ? death : `${afterOperations} operations ${death}`;
    return `${this.#killed ? "killed" : "missed"} at ${what} + ${afterMilliseconds.toFixed(0)} ms`;
  }

  heard(): void {
    clearTimeout(this.#silence);
    this.#silence = this.#watch();
  }

  follow(message: ChildMessage): void {
    if (message.type === "closing") this.isClosing = true;
    if (message.type === "closed") this.isClosed = true;
    if (message.type === "end") this.#acknowledged += 1;
    if (message.type === "log") {
      const [, records, position] = /: (\d+) records replayed(?: from position (\d+))?/.exec(message.line) ?? [];
      if (records !== undefined) this.replay = `; ${records} records replayed from position ${position ?? 0}`;
    }
    if (!this.#killed && this.#isTime(message)) {
      this.#killed = true;
      void sleep(this.#life.afterMilliseconds, undefined, { signal: this.#over.signal }).then(
        () => this.#child.kill("SIGKILL"),
        () => undefined,
      );
    }
  }

  end(): void {
    this.#over.abort();
    clearTimeout(this.#silence);
  }

  #isTime(message: ChildMessage): boolean {
    switch (this.#life.death) {
      case "work":
        return message.type === "ready";
      case "acknowledged":
        return this.#acknowledged >= this.#life.afterOperations!;
      case "start":
        return message.type === "opening";
      case "flush":
        return message.type === "begin" && message.operation.kind === "flush";
      case "close":
        return message.type === "closing";
      case "none":
        return false;
    }
  }

  #watch(): NodeJS.Timeout {
    return setTimeout(() => {
      this.hung = true;
      this.#child.kill("SIGKILL");
    }, SILENCE_LIMIT_MILLISECONDS);
  }
}
