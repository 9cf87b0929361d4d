/**
 * What must be in the engine: the state of every key after the acknowledged operations, and the operations whose outcome nobody was told.
 *
 * Always true: an operation without an answer took effect on a shard wholly or not at all. So for every shard there are a few states that
 * it may be in, and a state that was read is one of them or a fault. Once read, it is the state from then on.
 */

import {
  FIRST_FRESH_NUMBER,
  type CollectionState,
  LANES,
  type LaneOperation,
  type Operation,
  PARTITIONS,
  type SideChange,
  type SideState,
  SHARDS,
  partitionOf,
  shardsOf,
} from "./operations.ts";

/** Number of the key to its version. */
type Rows = Map<number, number>;

export interface Findings {
  /** Acknowledged and not there. */
  readonly lost: string[];
  /** There, and nobody sent it, or it was gone already. */
  readonly phantom: string[];
  /** One key, several rows; or counts that differ from the rows. */
  readonly double: string[];
  /** An operation of unknown outcome that took effect on a shard in part. */
  readonly torn: string[];
  /** Anything else that must not be, such as a search that misses a row. */
  readonly wrong: string[];
}

export function noFindings(): Findings {
  return { lost: [], phantom: [], double: [], torn: [], wrong: [] };
}

interface Side {
  exists: boolean;
  /** Rows that it has; null before its rows were acknowledged. */
  rows: number;
}

export class Model {
  readonly #lanes: readonly Rows[] = LANES.map(() => new Map<number, number>());
  readonly #unknown = new Map<number, Operation>();
  readonly #sides = new Map<string, Side>();
  readonly freshNumbers: number[] = LANES.map(() => FIRST_FRESH_NUMBER);
  nextId = 1;
  begun = 0;
  acknowledged = 0;
  /** Operations that a crash left without an answer. */
  unanswered = 0;

  begin(operation: Operation): void {
    this.begun += 1;
    this.nextId = Math.max(this.nextId, operation.id + 1);
    this.#unknown.set(operation.id, operation);
    if (operation.kind === "insert" || operation.kind === "upsert") {
      const least = Math.max(...operation.numbers) + 1;
      if (least > this.freshNumbers[operation.lane]!) this.freshNumbers[operation.lane] = least;
    }
  }

  end(id: number): void {
    const operation = this.#unknown.get(id);
    if (operation === undefined) throw new Error(`the child ended operation ${id}, which it had not begun`);
    this.#unknown.delete(id);
    this.acknowledged += 1;
    if (isLaneOperation(operation)) apply(this.#lanes[operation.lane]!, operation, null);
    else if ("name" in operation) this.#applySide(operation);
  }

  get unknownCount(): number {
    return this.#unknown.size;
  }

  /** The child is gone: what it has not answered stays unknown until it is read. */
  crashed(): void {
    for (const [id, { kind }] of this.#unknown) if (kind === "flush" || kind === "compact") this.#unknown.delete(id);
  }

  /** Compares what was read with what may be, settles what was unknown, and goes on from what was read. */
  compare(collections: readonly CollectionState[], sides: readonly SideState[]): Findings {
    const findings = noFindings();
    this.unanswered += this.#unknown.size;
    for (const state of collections) this.#compareCollection(state, findings);
    this.#compareSides(sides, findings);
    this.#unknown.clear();
    return findings;
  }

  #compareCollection(state: CollectionState, findings: Findings): void {
    const read = LANES.map((): Rows => new Map());
    for (const [lane, number, version] of state.rows) {
      const name = describe(lane, number, version);
      if (LANES[lane]?.collection !== state.collection) {
        findings.phantom.push(`${name} in ${state.collection}`);
        continue;
      }
      if (read[lane]!.has(number)) findings.double.push(`${name} and version ${read[lane]!.get(number)}`);
      read[lane]!.set(number, version);
    }
    const partitionCounts = PARTITIONS.map(() => 0);
    let rows = 0;
    for (const { lane, collection } of LANES) {
      if (collection !== state.collection) continue;
      this.#compareLane(lane, read[lane]!, findings);
      rows += read[lane]!.size;
      for (const number of read[lane]!.keys()) partitionCounts[partitionOf(number)]! += 1;
    }
    if (state.count !== rows) {
      findings.double.push(`count(*) of ${state.collection} is ${state.count}, and ${rows} rows are read`);
    }
    if (String(state.partitionCounts) !== String(partitionCounts)) {
      const text = `${state.partitionCounts.join(" ")}, and ${partitionCounts.join(" ")} rows belong there`;
      findings.wrong.push(`partitions of ${state.collection} count ${text}`);
    }
    for (const { lane, number, version, distance, hits } of state.searches) {
      const nearest = hits[0];
      if (nearest?.[0] !== lane || nearest[1] !== number || distance !== 0) {
        findings.wrong.push(`a search for ${describe(lane, number, version)} finds ${String(nearest)} at ${distance}`);
      }
      for (const [hitLane, hitNumber] of hits) {
        if (read[hitLane]?.has(hitNumber) !== true)
          findings.phantom.push(`a search finds ${hitLane}/${hitNumber}, no query does`);
      }
    }
  }

  #compareLane(lane: number, read: Rows, findings: Findings): void {
    const expected = this.#lanes[lane]!;
    const open = [...this.#unknown.values()].filter(
      (operation) => isLaneOperation(operation) && operation.lane === lane,
    ) as LaneOperation[];
    const numbers = [...new Set([...expected.keys(), ...read.keys()])];
    const shards = shardsOf(lane, numbers);
    const shardByNumber = new Map(numbers.map((number, at) => [number, shards[at]!]));
    for (let shard = 0; shard < SHARDS; shard += 1) {
      const here = (number: number): boolean => {
        let found = shardByNumber.get(number);
        if (found === undefined) shardByNumber.set(number, (found = shardsOf(lane, [number])[0]!));
        return found === shard;
      };
      const own = new Map([...expected].filter(([number]) => here(number)));
      const seen = new Map([...read].filter(([number]) => here(number)));
      const differences = possibleStates(own, open, here).map((state) => differencesOf(lane, state, seen));
      const least = differences.reduce((best, next) => (next.length < best.length ? next : best));
      const touched = new Set(open.flatMap((operation) => touchedBy(operation, own)));
      for (const { kind, number, text } of least) {
        (touched.has(number) ? findings.torn : kind === "lost" ? findings.lost : findings.phantom).push(text);
      }
    }
    expected.clear();
    for (const [number, version] of read) expected.set(number, version);
  }

  #compareSides(sides: readonly SideState[], findings: Findings): void {
    const read = new Map(sides.map((side) => [side.name, side]));
    const open = [...this.#unknown.values()].filter((operation) => isSide(operation)) as SideChange[];
    for (const [name, side] of this.#sides) {
      if (
        side.exists &&
        !read.has(name) &&
        !open.some((change) => change.kind === "dropSide" && change.name === name)
      ) {
        findings.lost.push(`collection ${name}`);
      }
      if (!side.exists && read.has(name)) findings.phantom.push(`collection ${name}, which was dropped`);
    }
    for (const { name, rows } of sides) {
      const known = this.#sides.get(name);
      const changes = open.filter((change) => change.name === name);
      if (known === undefined && !changes.some((change) => change.kind === "createSide")) {
        findings.phantom.push(`collection ${name}`);
      }
      const allowed = [known?.rows ?? 0, ...changes.filter(({ kind }) => kind === "fillSide").map((fill) => fill.rows)];
      if (rows !== null && !allowed.includes(rows)) {
        findings[rows < allowed[0]! ? "lost" : "phantom"].push(`${name} has ${rows} rows, not ${allowed.join(" or ")}`);
      }
    }
    for (const [name, side] of this.#sides) side.exists = read.has(name);
    for (const { name, rows } of sides) {
      this.#sides.set(name, { exists: true, rows: rows ?? this.#sides.get(name)?.rows ?? 0 });
    }
  }

  #applySide({ kind, name, rows }: SideChange): void {
    if (kind === "createSide") this.#sides.set(name, { exists: true, rows: 0 });
    else if (kind === "fillSide") this.#sides.get(name)!.rows = rows;
    else this.#sides.set(name, { exists: false, rows: 0 });
  }
}

function isLaneOperation(operation: Operation): operation is LaneOperation {
  return "lane" in operation;
}

function isSide(operation: Operation): operation is SideChange {
  return "name" in operation;
}

/** Every way in which the open operations may have reached a shard. They commute, so that only which ones matters. */
function possibleStates(rows: Rows, open: readonly LaneOperation[], here: (number: number) => boolean): Rows[] {
  let states: Rows[] = [rows];
  for (const operation of open) {
    const more = states.map((state) => {
      const next = new Map(state);
      apply(next, operation, here);
      return next;
    });
    states = [...states, ...more];
  }
  return states;
}

function apply(rows: Rows, operation: LaneOperation, here: ((number: number) => boolean) | null): void {
  if (operation.kind === "insert" || operation.kind === "upsert") {
    for (const number of operation.numbers) if (here?.(number) ?? true) rows.set(number, operation.id);
    return;
  }
  for (const number of touchedBy(operation, rows)) rows.delete(number);
}

/** The keys that the operation writes or takes away, given what is there. */
function touchedBy(operation: LaneOperation, rows: Rows): number[] {
  if (operation.kind === "insert" || operation.kind === "upsert") return [...operation.numbers];
  const inPartition = (number: number): boolean =>
    operation.partition === null || partitionOf(number) === operation.partition;
  if (operation.kind !== "deleteOlder") return operation.numbers.filter(inPartition);
  const { bound } = operation;
  return [...rows].filter(([number, version]) => version <= bound && inPartition(number)).map(([number]) => number);
}

interface Difference {
  readonly kind: "lost" | "phantom";
  readonly number: number;
  readonly text: string;
}

function differencesOf(lane: number, expected: Rows, read: Rows): Difference[] {
  const differences: Difference[] = [];
  for (const [number, version] of expected) {
    const found = read.get(number);
    if (found === version) continue;
    const instead = found === undefined ? "nothing" : `version ${found}`;
    // A newer version than the one expected was never acknowledged, and an older one was overwritten.
    const kind = found === undefined || found < version ? "lost" : "phantom";
    differences.push({ kind, number, text: `${describe(lane, number, version)}: ${instead} is there` });
  }
  for (const [number, version] of read) {
    if (!expected.has(number)) {
      differences.push({ kind: "phantom", number, text: `${describe(lane, number, version)} should not be there` });
    }
  }
  return differences;
}

function describe(lane: number, number: number, version: number): string {
  return `lane ${lane} key ${number} version ${version}`;
}
