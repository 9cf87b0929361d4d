/**
 * Random rows through real clients and a real server, and back: inserted, partly upserted, read while they grow, when they are in files, and
 * after a restart, in every way that gives values.
 *
 * Always true:
 *  - a run is known by its seed: the same tables, rows and steps, on every machine;
 *  - what is expected is what was sent, with defaults and nulls where nothing was; no answer of a server is ever part of it, but for keys
 *    that are the server's to give;
 *  - a run ends with rows that were changed behind its back by the least that is a change, each of which the comparison has to see.
 */

import assert from "node:assert/strict";
import { Random } from "../../../src/expr/testing/random.ts";
import { type ServerProcess, dataDirectory, startServerProcess } from "../server-process.ts";
import { differences, told } from "./compare.ts";
import { type Carried, drawKeys, drawRow } from "./draw.ts";
import { nudged } from "./nudge.ts";
import type { Plain, PlainRow } from "./plain.ts";
import type { Reading, RowsClient } from "./rows-client.ts";
import { KEY, type Table } from "./fields.ts";
import { drawTables } from "./tables.ts";

export interface Journey {
  readonly seed: number;
  readonly rowCount: number;
  /** Each write goes to one of them by chance. */
  readonly writers: readonly RowsClient[];
  /** Each reads all. */
  readonly readers: readonly RowsClient[];
  readonly carried: Carried;
}

export interface Seen {
  readonly fields: number;
  readonly values: number;
  readonly changes: number;
}

interface Kept {
  readonly table: Table;
  /** By key: what the server is to answer. */
  readonly rows: Map<string, PlainRow>;
  /** Keys of rows that are not there yet. */
  readonly fresh: string[];
}

export async function runJourney(journey: Journey): Promise<Seen> {
  using data = dataDirectory();
  const run = new Run(journey);
  await run.start(data.path);
  try {
    return await run.all();
  } finally {
    await run.end();
  }
}

class Run {
  readonly #journey: Journey;
  readonly #random: Random;
  readonly #kept: readonly Kept[];
  #server: ServerProcess | null = null;
  #values = 0;

  constructor(journey: Journey) {
    this.#journey = journey;
    this.#random = new Random(journey.seed);
    this.#kept = drawTables(this.#random, journey.carried, `rows_${journey.seed}`).map((table) => ({
      table,
      rows: new Map(),
      fresh: drawKeys(this.#random, table, journey.rowCount),
    }));
  }

  async start(directory: string): Promise<void> {
    this.#server = await startServerProcess(directory);
    for (const client of this.#clients()) await client.connect(this.#server.port);
  }

  async end(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
  }

  async all(): Promise<Seen> {
    const half = Math.ceil(this.#journey.rowCount / 2);
    for (const kept of this.#kept) {
      await this.#writer().create(kept.table);
      await this.#insert(kept, half);
      await this.#change(kept);
    }
    await this.#check("growing");
    await this.#each((kept) => this.#refuse(kept));
    await this.#flush();
    await this.#check("in files");
    for (const kept of this.#kept) {
      await this.#insert(kept, this.#journey.rowCount - half);
      await this.#change(kept);
    }
    await this.#check("partly in files");
    await this.#restart("kill");
    await this.#check("after SIGKILL");
    await this.#flush();
    await this.#restart("stop");
    await this.#check("after a restart, in files");
    await this.#each(async ({ table }) => {
      await this.#writer().release(table);
      await this.#writer().load(table);
    });
    await this.#check("loaded again");
    const changes = await this.#nudge();
    const fields = this.#kept.reduce((sum, { table }) => sum + table.fields.length, 0);
    return { fields, values: this.#values, changes };
  }

  #clients(): Set<RowsClient> {
    return new Set([...this.#journey.writers, ...this.#journey.readers]);
  }

  #writer(): RowsClient {
    return this.#random.pick(this.#journey.writers);
  }

  async #each(step: (kept: Kept) => Promise<void>): Promise<void> {
    for (const kept of this.#kept) await step(kept);
  }

  async #flush(): Promise<void> {
    await this.#each(({ table }) => this.#writer().flush(table));
  }

  async #restart(how: "stop" | "kill"): Promise<void> {
    const { directory } = this.#server!;
    await this.#server![how]();
    await this.start(directory);
    // Reads wait for what is loaded, but not as long as a machine with much else to do may need.
    await this.#each(({ table }) => this.#writer().load(table));
  }

  async #insert({ table, rows, fresh }: Kept, count: number): Promise<void> {
    const sent = fresh.splice(0, count).map((key): PlainRow => {
      const row = drawRow(this.#random, table, this.#journey.carried);
      return table.automatic ? row : { [KEY]: key, ...row };
    });
    const keys = await this.#writer().insert(table, sent);
    assert.equal(keys.length, count);
    for (const [at, row] of sent.entries()) {
      if (!table.automatic) assert.equal(keys[at], row[KEY], "the key that was sent is the key that is told");
      rows.set(keys[at]!, expected(table, row));
    }
  }

  /** Whole rows are put in place of some, and some fields of others are changed. */
  async #change(kept: Kept): Promise<void> {
    const { table, rows } = kept;
    const keys = [...rows.keys()];
    const few = Math.ceil(keys.length / 4);
    const whole = keys
      .slice(0, few)
      .map((key) => ({ [KEY]: key, ...drawRow(this.#random, table, this.#journey.carried) }));
    await this.#upsert(kept, whole, false);
    // The same fields of all rows: a request has columns.
    const names = table.fields.filter(() => this.#random.chance(0.4)).map(({ name }) => name);
    const parts = keys.slice(few, 2 * few).map((key) => {
      const row = expected(table, drawRow(this.#random, table, this.#journey.carried));
      return { [KEY]: key, ...Object.fromEntries(names.map((name) => [name, row[name]!])) };
    });
    await this.#upsert(kept, parts, true);
  }

  async #upsert({ table, rows }: Kept, sent: readonly PlainRow[], isPartial: boolean): Promise<void> {
    const keys = await this.#writer().upsert(table, sent, isPartial);
    assert.equal(keys.length, sent.length);
    for (const [at, { [KEY]: key, ...row }] of sent.entries()) {
      const before = rows.get(key as string)!;
      rows.delete(key as string);
      // Where keys are the server's to give, a row that is written again has another one.
      if (!table.automatic) assert.equal(keys[at], key);
      rows.set(keys[at]!, expected(table, isPartial ? { ...before, ...row } : row));
    }
  }

  /** What is no number, or is infinite, is taken by none of the fields that hold floats, and changes nothing. */
  async #refuse({ table, rows }: Kept): Promise<void> {
    // Beside undeclared keys the Node SDK makes nulls of such numbers.
    if (table.dynamic) return;
    const NOT_FINITE: Readonly<Record<string, string>> = {
      Float: this.#random.pick(["7fc00000", "7f800000", "ff800000"]),
      Double: this.#random.pick(["7ff8000000000000", "7ff0000000000000", "fff0000000000000"]),
      FloatVector: this.#random.pick(["0000c07f", "0000807f"]),
      Float16Vector: this.#random.pick(["007e", "007c"]),
      BFloat16Vector: this.#random.pick(["c07f", "80ff"]),
    };
    for (const field of table.fields) {
      const bits = NOT_FINITE[field.type];
      if (bits === undefined) continue;
      const row: Record<string, Plain> = { ...drawRow(this.#random, table, this.#journey.carried) };
      if (!table.automatic) row[KEY] = [...rows.keys()][0]!;
      const good = rows.values().next().value![field.name];
      const rest = typeof good === "string" ? good.slice(bits.length) : bits.repeat(field.dimension! - 1);
      row[field.name] = field.dimension === undefined ? bits : `${bits}${rest}`;
      for (const client of this.#journey.writers) {
        await assert.rejects(
          client.insert(table, [row]),
          /is not a number or infinity/,
          `${field.name} of ${client.name}`,
        );
      }
    }
  }

  async #check(where: string): Promise<void> {
    for (const { table, rows } of this.#kept) {
      for (const client of this.#journey.readers) {
        for (const reading of this.#readings(table, rows)) {
          const seen = await client.read(table, reading);
          const found = differences(table, wanted(rows, reading), seen);
          this.#values += seen.reduce((sum, row) => sum + Object.keys(row).length, 0);
          if (found.length > 0) {
            throw new Error(`${client.name}, ${table.name}, ${where}, by ${reading.how}:\n${told(found)}`);
          }
        }
      }
    }
  }

  #readings(table: Table, rows: ReadonlyMap<string, PlainRow>): Reading[] {
    const names = table.fields.map(({ name }) => name);
    return [
      { how: "query", outputs: ["*"] },
      { how: "query", outputs: names.filter(() => this.#random.chance(0.5)).concat(KEY) },
      { how: "get", keys: [...rows.keys()].filter(() => this.#random.chance(0.5)).concat(rows.keys().next().value!) },
      { how: "search", outputs: ["*"] },
    ];
  }

  /** Gives how many changes there were; each was seen, and nothing else was. */
  async #nudge(): Promise<number> {
    let changes = 0;
    for (const { table, rows } of this.#kept) {
      const changed = [...rows].slice(0, table.fields.length).map(([key, row], at) => {
        const field = table.fields[at]!;
        const other = nudged(this.#random, field, row[field.name]!, this.#journey.carried);
        return { key, row, field: field.name, sent: { [KEY]: key, ...row, [field.name]: other } };
      });
      const sent = changed.map((change) => change.sent);
      const keys = await this.#writer().upsert(table, sent, false);
      // What was there before the change, by the keys that the rows have now.
      const before = new Map(rows);
      for (const { key } of changed) before.delete(key);
      for (const [at, { row }] of changed.entries()) before.set(keys[at]!, row);
      for (const client of this.#journey.readers) {
        const seen = await client.read(table, { how: "query", outputs: ["*"] });
        const found = differences(table, before, seen);
        assert.deepEqual(
          found.map(({ key, field }) => `${key} ${field}`).toSorted(),
          changed.map(({ field }, at) => `${keys[at]} ${field}`).toSorted(),
          `${client.name}: each change is seen`,
        );
      }
      changes += changed.length;
    }
    return changes;
  }
}

/** A row as it is answered: with what was left out. */
export function expected(table: Table, row: PlainRow): PlainRow {
  const whole: Record<string, Plain> = { ...row };
  delete whole[KEY];
  for (const { name, default: initial } of table.fields) {
    if (whole[name] === undefined || whole[name] === null) whole[name] = initial ?? null;
  }
  return whole;
}

/** Of the rows, what a reading gives. */
function wanted(rows: ReadonlyMap<string, PlainRow>, reading: Reading): ReadonlyMap<string, PlainRow> {
  if (reading.how === "get") return new Map(reading.keys.map((key) => [key, rows.get(key)!]));
  if (reading.outputs.includes("*")) return rows;
  const names = new Set(reading.outputs);
  return new Map(
    Array.from(rows, ([key, row]) => [
      key,
      Object.fromEntries(Object.entries(row).filter(([name]) => names.has(name))),
    ]),
  );
}
