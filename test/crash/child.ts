/**
 * The process that dies: an engine on a directory, read through once, then worked on by several lanes at a time until the end.
 *
 * Always true: an operation is told on the output before it begins and once it is acknowledged. The output is written synchronously, so
 * what was told is with the parent however this process ends.
 */

import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Engine } from "../../src/engine/engine.ts";
import { perform, prepareCollections, readEverything } from "./engine-work.ts";
import {
  type ChildMessage,
  type ChildOptions,
  FIRST_FRESH_NUMBER,
  LANES,
  type LaneOperation,
  type Operation,
  PARTITIONS,
  randomFrom,
} from "./operations.ts";

const MOST_SIDES = 2;
const UPSERTED_NUMBERS = 300;
const LIMITS = {
  maxSegmentBytes: 128 * 1024,
  maxAgeMilliseconds: 1_000,
  checkMilliseconds: 100,
  // So short that rows are left out and files are removed within a life.
  retentionMilliseconds: 150,
  compactedBytes: 1024 * 1024,
  compactionCheckMilliseconds: 100,
  garbageMilliseconds: 250,
};
/** Files must be able to keep up with the log, or the crashes would always meet the same state. */
const LONGEST_PAUSE_MILLISECONDS = 12;

/** Of what is acknowledged early: whenever the process dies, at least so much is not in the log, and some of it are rows. */
const HELD_BACK = 20;
const heldBack: Operation[] = [];
let performed: Promise<void> = Promise.resolve();

const options = JSON.parse(process.argv[2]!) as ChildOptions;
const random = randomFrom(options.seed);
const freshNumbers = [...options.freshNumbers];
let nextId = options.firstId;
const phase = { isClosing: false };

function tell(message: ChildMessage): void {
  let rest: Uint8Array = Buffer.from(`${JSON.stringify(message)}\n`);
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
}

function below(limit: number): number {
  return Math.floor(random() * limit);
}

async function run(engine: Engine, operation: Operation): Promise<void> {
  tell({ type: "begin", operation });
  if (options.acknowledgeEarly) {
    tell({ type: "end", id: operation.id });
    heldBack.push(operation);
    if (heldBack.length > HELD_BACK) performed = performed.then(() => perform(engine, heldBack.shift()!));
    return performed;
  }
  try {
    await perform(engine, operation);
    tell({ type: "end", id: operation.id });
  } catch (error) {
    tell({ type: "failed", id: operation.id, text: error instanceof Error ? error.message : String(error) });
    if (!phase.isClosing) throw error;
  }
}

/** Distinct numbers of one partition. */
function someNumbers(least: number, range: number, count: number, partition: number): number[] {
  const step = PARTITIONS.length;
  const first = Math.ceil((least - partition) / step);
  const chosen = new Set<number>();
  for (let draw = 0; draw < count; draw += 1) chosen.add((first + below(Math.floor(range / step))) * step + partition);
  return [...chosen];
}

function writeOperation(lane: number, kind: "insert" | "upsert"): LaneOperation {
  const partition = below(PARTITIONS.length);
  const count = 1 + below(random() < 0.1 ? 250 : 40);
  const id = nextId++;
  if (kind === "upsert")
    return { kind, id, lane, partition, numbers: someNumbers(0, UPSERTED_NUMBERS, count, partition) };
  const step = PARTITIONS.length;
  const first = Math.ceil((freshNumbers[lane]! - partition) / step);
  const numbers = Array.from({ length: count }, (_, at) => (first + at) * step + partition);
  freshNumbers[lane] = numbers.at(-1)! + 1;
  return { kind, id, lane, partition, numbers };
}

function deleteOlder(lane: number): LaneOperation {
  const id = nextId++;
  const partition = random() < 0.5 ? null : below(PARTITIONS.length);
  // Smaller than the version of whatever is written beside it.
  return { kind: "deleteOlder", id, lane, partition, bound: id - 1 - below(60) };
}

function deleteKeys(lane: number): LaneOperation {
  const id = nextId++;
  const partition = below(PARTITIONS.length);
  const [least, range] =
    random() < 0.5
      ? [0, UPSERTED_NUMBERS]
      : [FIRST_FRESH_NUMBER, Math.max(PARTITIONS.length, freshNumbers[lane]! - FIRST_FRESH_NUMBER)];
  const numbers = someNumbers(least, range, 1 + below(30), partition);
  return { kind: "delete", id, lane, partition: random() < 0.5 ? null : partition, numbers };
}

async function workLane(engine: Engine, lane: number): Promise<void> {
  while (!phase.isClosing) {
    await sleep(below(LONGEST_PAUSE_MILLISECONDS));
    if (phase.isClosing) return;
    const draw = random();
    if (draw < 0.3) await run(engine, writeOperation(lane, "insert"));
    else if (draw < 0.65) await run(engine, writeOperation(lane, "upsert"));
    else if (draw < 0.8) await run(engine, deleteKeys(lane));
    else if (draw < 0.9) await run(engine, deleteOlder(lane));
    else {
      // Whichever comes first, what the upsert writes is newer than what is deleted.
      const older = deleteOlder(lane);
      await Promise.all([run(engine, older), run(engine, writeOperation(lane, "upsert"))]);
    }
  }
}

async function workFlushes(engine: Engine): Promise<void> {
  while (!phase.isClosing) {
    await sleep(below(options.flushes === "often" ? 15 : 150));
    if (phase.isClosing) return;
    await run(engine, { kind: "flush", id: nextId++, collection: random() < 0.5 ? "numbers" : "words" });
  }
}

async function workCompactions(engine: Engine): Promise<void> {
  while (!phase.isClosing) {
    await sleep(below(300));
    if (phase.isClosing) return;
    await run(engine, { kind: "compact", id: nextId++, collection: random() < 0.5 ? "numbers" : "words" });
  }
}

async function workSides(engine: Engine, known: readonly string[]): Promise<void> {
  const names = [...known];
  while (!phase.isClosing) {
    await sleep(below(120));
    if (phase.isClosing) return;
    const name = `side${nextId}`;
    await run(engine, { kind: "createSide", id: nextId++, name, rows: 0 });
    if (phase.isClosing) return;
    await run(engine, { kind: "fillSide", id: nextId++, name, rows: 1 + below(50) });
    if (phase.isClosing) return;
    names.push(name);
    while (names.length > MOST_SIDES) {
      await run(engine, { kind: "dropSide", id: nextId++, name: names.splice(below(names.length), 1)[0]!, rows: 0 });
      if (phase.isClosing) return;
    }
  }
}

tell({ type: "opening" });
const engine = await Engine.open({
  directory: options.directory,
  limits: options.flushes === "never" ? {} : LIMITS,
  log: (line) => tell({ type: "log", line }),
});
await prepareCollections(engine);
const found = await readEverything(engine, options.readInOneGo, random);
tell({ type: "state", ...found });
tell({ type: "ready" });

const work: Promise<void>[] = [];
if (options.closeAfterMilliseconds !== 0) {
  work.push(
    ...LANES.map(({ lane }) => workLane(engine, lane)),
    ...(options.flushes === "never" ? [] : [workFlushes(engine), workCompactions(engine)]),
    workSides(
      engine,
      found.sides.map(({ name }) => name),
    ),
  );
}
if (options.closeAfterMilliseconds === null) {
  await Promise.all(work);
} else {
  const failed = Promise.all(work);
  if (options.closeAfterMilliseconds > 0) await Promise.race([failed, sleep(options.closeAfterMilliseconds)]);
  // Work goes on while the engine closes: what it refuses is told as failed, and may be there or not.
  phase.isClosing = true;
  tell({ type: "closing" });
  await engine.close();
  await failed;
  tell({ type: "closed" });
}
